package declare

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// Check holds when a function of the application says so.
type Check struct {
	// Name is the check as declared, such as "owns_document".
	Name string
}

var checkKind = conditionKind{field: "check", read: readCheck}

func readCheck(g *grantReading) Condition {
	if g.timing == sallyportv1.Stream_OPEN {
		g.refuseWithFixf(RuleStreamOpenRequest, g.streamText(), "%s.check is given `request`, and with authorize: OPEN there is none yet", g.path)
	}
	return Check{Name: g.grant.GetCheck()}
}

// String implements [Condition].
func (c Check) String() string { return "check " + c.Name }

// ReadsRequest implements [Condition]. A check is always given the request.
func (Check) ReadsRequest() bool { return true }

func (c Check) who() string { return c.Name + "()" }

func (c Check) implies(other Condition) bool { return c == other }

func (Check) restsOn() []string { return nil }

// Checks returns the names of the checks that a declaration's grants ask for, each
// once, in the order of the grants.
func (d *Declaration) Checks() []string {
	var checks []string
	for _, grant := range d.Grants {
		for _, condition := range grant.Conditions {
			if check, ok := condition.(Check); ok && !slices.Contains(checks, check.Name) {
				checks = append(checks, check.Name)
			}
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
