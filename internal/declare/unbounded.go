package declare

import (
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// unbounded refuses the validation rules of a service's requests that are too dear,
// each once.
func (r *Reader) unbounded(service protoreflect.ServiceDescriptor) []Refusal {
	type rule struct {
		on protoreflect.FullName
		id string
	}
	var refusals []Refusal
	seen := map[rule]bool{}
	for i := range service.Methods().Len() {
		method := service.Methods().Get(i)
		dear, err := r.requests.Dear(method.Input())
		if err != nil {
			refusals = append(refusals, Refuse(RuleValidationUnbounded, method, "the rules of %s cannot be looked at: %v", method.Input().FullName(), err))
			continue
		}
		for _, found := range dear {
			if seen[rule{found.On.FullName(), found.ID}] {
				continue
			}
			seen[rule{found.On.FullName(), found.ID}] = true
			refusal := refuse(RuleValidationUnbounded, string(found.On.FullName()), positionOf(found.On),
				"its validation rule %q can cost too much: requests of %s are validated for callers who are not authenticated", found.ID, Procedure(method))
			refusal.At = found.On
			refusal.Fix = "limit what the rule looks at: " + strings.Join(found.Fixes, ", ")
			refusals = append(refusals, refusal)
		}
	}
	return refusals
}
