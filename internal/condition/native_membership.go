package condition

import (
	"cel.dev/cel-go/common/ast"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
)

// membership translates `x in list` for strings.
func (t translation) membership(element, list ast.Expr) predicate {
	wanted := t.text(element)
	if wanted == nil {
		return nil
	}
	switch list.Kind() {
	case ast.ListKind:
		var terms []term[string]
		for _, expression := range list.AsList().Elements() {
			text := t.text(expression)
			if text == nil {
				return nil
			}
			terms = append(terms, text)
		}
		if len(terms) == 0 { // CEL does not look at what is sought
			return func(*authn.Principal, protoreflect.Message) Truth { return False }
		}
		return func(p *authn.Principal, r protoreflect.Message) Truth {
			sought, ok := wanted(p, r)
			found := False
			// A list with a part that is absent is absent, wherever the part stands.
			for _, text := range terms {
				value, isThere := text(p, r)
				ok = ok && isThere
				found |= truthOf(value == sought)
			}
			if !ok {
				return Absent
			}
			return found
		}
	case ast.SelectKind:
		return t.membershipOf(wanted, list)
	default:
		return nil
	}
}

// membershipOf translates membership in a list that is a field.
func (t translation) membershipOf(wanted term[string], list ast.Expr) predicate {
	switch principalField(list) {
	case "roles":
		has := t.among(wanted, (*authn.Principal).Has)
		return func(p *authn.Principal, r protoreflect.Message) Truth {
			if !p.IsBound() {
				return Absent
			}
			return has(p, r)
		}
	case "scopes":
		return t.among(wanted, (*authn.Principal).CarriesScope)
	}
	longest := t.longest
	path, ok := t.path(list)
	if !ok || !path.leaf().IsList() || path.leaf().Kind() != protoreflect.StringKind {
		return nil
	}
	above, leaf := path.above(), path.leaf()
	return func(p *authn.Principal, r protoreflect.Message) Truth {
		sought, ok := wanted(p, r)
		message, isThere := above(r)
		if !ok || !isThere {
			return Absent
		}
		values := message.Get(leaf).List()
		if values.Len() > longest {
			return askCEL
		}
		for i := range values.Len() {
			if values.Get(i).String() == sought {
				return True
			}
		}
		return False
	}
}

// among translates membership in the names that a principal has.
func (t translation) among(wanted term[string], has func(*authn.Principal, string) bool) predicate {
	return func(p *authn.Principal, r protoreflect.Message) Truth {
		sought, ok := wanted(p, r)
		if !ok {
			return Absent
		}
		return truthOf(has(p, sought))
	}
}
