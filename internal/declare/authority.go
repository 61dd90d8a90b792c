package declare

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// Authority refuses actions whose request carries the message of their resource, where a
// rule on that message reads a field of it and nothing says who may write the field: the
// caller sends it, so that the next call would be decided by what this one wrote. The key is
// no such field: it finds the object. Rules are the grants of all the declarations, which may
// be of several services, and those of the message's fields.
func (r *Reader) Authority(declarations []*Declaration) []Refusal {
	var refusals []Refusal
	known := map[Refusal]bool{}
	refuse := func(refusal Refusal) {
		if seen := (Refusal{Rule: refusal.Rule, Subject: refusal.Subject, Problem: refusal.Problem}); !known[seen] {
			known[seen] = true
			refusals = append(refusals, refusal)
		}
	}
	for _, declaration := range declarations {
		resource := declaration.Resource
		if resource == nil || !resource.Carries {
			continue
		}
		key := resource.Key[len(resource.Carried):]
		rules := r.fieldRules(resource.Type).found
		told := map[string]bool{} // one refusal of each field is enough
		look := func(of string, reads []condition.Read) {
			for _, read := range reads {
				path := read.SubjectPath()
				if slices.Equal(path, key) || read.Name == valueOf {
					continue
				}
				if !r.saysWhoWrites(path) && !told[read.Name] {
					told[read.Name] = true
					refuse(Refuse(RuleAuthorityField, declaration.Method, "%s reads %s, which the request carries, and nothing says who may write it", of, read.Name))
				}
			}
		}
		for _, other := range declarations {
			if other.Resource == nil || other.Resource.Type.FullName() != resource.Type.FullName() {
				continue
			}
			of := "one of its grants"
			if other != declaration {
				of = "a grant of " + other.Procedure
			}
			reads := readsOfResource(slices.Concat(other.Grants, other.Shadow))
			look(of, reads)
			for _, refusal := range unreadByGrants(rules, reads, key, of, declaration.Method) {
				refuse(refusal)
			}
		}
		for _, rule := range rules {
			look(fmt.Sprintf("the rule of %s", rule.Field.FullName()), readsOfResource(slices.Concat(rule.Read, rule.Write)))
		}
	}
	return refusals
}

// valueOf is what the rule of a field reads of what the field would become.
const valueOf = "value"

// saysWhoWrites reports whether a field on a path says who may write it.
func (r *Reader) saysWhoWrites(path condition.Path) bool {
	return slices.ContainsFunc(path, func(field protoreflect.FieldDescriptor) bool {
		return slices.ContainsFunc(r.fieldRules(field.ContainingMessage()).found, func(rule *FieldRule) bool {
			return rule.Field.FullName() == field.FullName() && rule.Option.GetWrite() != nil
		})
	})
}

// unreadByGrants refuses rules that let what grants read be written without a look at what
// it would become.
func unreadByGrants(rules []*FieldRule, reads []condition.Read, key condition.Path, of string, at protoreflect.MethodDescriptor) []Refusal {
	var refusals []Refusal
	for _, read := range reads {
		path := read.SubjectPath()
		if len(path) == 0 || slices.Equal(path, key) {
			continue
		}
		for _, rule := range rules {
			if rule.Field.FullName() != path[0].FullName() {
				continue
			}
			for _, refusal := range unreadValue(rule, "") {
				refusals = append(refusals, Refuse(refusal.Rule, at, "%s reads %s, and a grant of %s lets the field be written by a condition that does not read `value`",
					of, read.Name, rule.Field.FullName()))
			}
		}
	}
	return refusals
}
