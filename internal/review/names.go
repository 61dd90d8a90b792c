package review

import (
	"maps"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A Naming is a field of a request that holds names of fields, or that is left to the handler.
type Naming struct {
	// Field is its full name: "demo.v1.ListUsersRequest.order_by".
	Field string `json:"field"`
	// Of is the full name of the message whose fields it names; "" where it is left.
	Of string `json:"of,omitempty"`
	// Harmless is the reason why it is left to the handler, or "".
	Harmless string `json:"harmless,omitempty"`
}

func namingOf(declared declare.Naming) Naming {
	naming := Naming{Field: string(declared.Field.FullName()), Harmless: oneLine(declared.Harmless)}
	if declared.Of != nil {
		naming.Of = string(declared.Of.FullName())
	}
	return naming
}

// String says what a call may name.
func (n Naming) String() string {
	if n.Of == "" {
		return n.Field + " is left to the handler: " + n.Harmless
	}
	return n.Field + " names fields of " + n.Of + ", and what its caller may not read is refused"
}

// namings are the fields of the contract's requests that say what they name.
func (c *Contract) namings() map[protoreflect.FullName]Naming {
	found := map[protoreflect.FullName]Naming{}
	for _, declaration := range c.Declarations() {
		for _, naming := range declaration.Names {
			found[naming.Field.FullName()] = namingOf(naming)
		}
	}
	return found
}

// compareNames compares what requests may name.
func compareNames(old, updated *Contract) []Change {
	before, now := old.namings(), updated.namings()
	names := maps.Clone(before)
	maps.Copy(names, now)
	changes := make([]Change, 0, len(names))
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, is := before[name], now[name]
		change := Change{Subject: "field " + string(name)}
		switch {
		case was.Of == is.Of && was.Harmless == is.Harmless:
			continue
		case is.Field == "" && !updated.knows(name), was.Field == "" && is.Of != "" && !old.knows(name):
			continue // it is gone, or new and guarded
		case is.Of == "" && is.Harmless != "" && was.Of == "" && was.Harmless != "":
			change.Kind, change.Judgement, change.Text = "names-reason", Different, "it is left to the handler for another reason: "+is.Harmless
		case is.Of == "" && is.Harmless != "":
			change.Kind, change.Judgement, change.Text = "names-harmless", Looser, "it is left to the handler what it may name: "+is.Harmless
		case is.Of == "" && was.Of != "":
			change.Kind, change.Judgement, change.Text = "names-removed", Looser, "a call may name by it what its caller may not read; it named fields of "+was.Of
		case is.Of == "":
			change.Kind, change.Judgement, change.Text = "names-reason-removed", Tighter, "no reason leaves it to the handler any more"
		case was.Of == "":
			change.Kind, change.Judgement, change.Text = "names-given", Tighter, "a call may not name by it what its caller may not read of "+is.Of
		default:
			change.Kind, change.Judgement, change.Text = "names-changed", Undecided, "it names fields of "+is.Of+", and named those of "+was.Of
		}
		changes = append(changes, change)
	}
	return changes
}
