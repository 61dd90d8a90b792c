package declare

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Checks returns the names of the checks that a declaration's grants ask for, each
// once, in the order of the grants.
func (d *Declaration) Checks() []string {
	var checks []string
	for _, grant := range d.Grants {
		if grant.Check != "" && !slices.Contains(checks, grant.Check) {
			checks = append(checks, grant.Check)
		}
	}
	return checks
}

// CheckName returns what a method's check is called in Go: the check "is_owner" of
// GetDocument is GetDocumentIsOwner. The method is part of it because each of them
// has a request type of its own.
func CheckName(method protoreflect.MethodDescriptor, check string) string {
	var name strings.Builder
	for word := range strings.SplitSeq(string(method.Name())+"_"+check, "_") {
		if word != "" {
			name.WriteString(strings.ToUpper(word[:1]) + word[1:])
		}
	}
	return name.String()
}
