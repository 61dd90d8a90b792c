package condition

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
)

// Native code leaves to CEL what CEL could find too costly in the request, and not
// more: so the two agree about the cost limit as well. A principal's roles and scopes
// are looked up in constant time, however many there are.
func TestLongValues(t *testing.T) {
	t.Parallel()
	environment := environment(t)
	kind := variousType(t)
	const (
		text   = `request.id == request.owner_id`
		list   = `principal.scheme in request.ids`
		roles  = `"ghost" in principal.roles`
		scopes = `"ghost" in principal.scopes`
	)
	joined := func(n int, terms ...string) string {
		var all []string
		for i := range n {
			all = append(all, terms[i%len(terms)])
		}
		return strings.Join(all, " || ")
	}
	conditions := map[string]bool{ // by whether they look at long values at all
		text: true, list: true, roles: false, scopes: false,
		"!(" + list + ")": true, text + " != (" + roles + ")": true, roles + " == (" + text + ")": true,
		"false && " + list: false, "true || " + list: false,
		joined(4, roles, list, scopes): true, joined(120, list): true, joined(100, roles, scopes, list): true,
		"(" + joined(120, `request.id != request.owner_id`) + ")": true,
	}
	expressions := map[*Expression]bool{}
	for condition, looks := range conditions {
		expressions[compiled(t, environment, condition, kind)] = looks
	}
	for _, length := range []int{0, 1, 4, 10, 40, 100, 300, 800, 3_000, 10_000, 24_000, 50_000, 99_990, costLimit, costLimit + 10} {
		details := aliceDetails()
		details.Roles = slices.Repeat([]string{"r"}, min(length, 24_000)) // beyond that CEL alone would find them too costly
		details.Scopes = details.Roles
		principal := principalOf("alice", "session", details)
		input := Input{Principal: principal, Request: long(kind, length), Now: now}
		for expression, looks := range expressions {
			if _, err := truth(t, expression, input); err != nil && !errors.Is(err, ErrCost) {
				t.Errorf("%s: %v", expression.Text(), err)
			}
			said := expression.native(input.Principal, input.Request.ProtoReflect())
			if length <= 4 && said == askCEL {
				t.Errorf("%s leaves %d to CEL", expression.Text(), length)
			}
			if length > costLimit && (said == askCEL) != looks {
				t.Errorf("%s says %d of %d", expression.Text(), said, length)
			}
		}
	}
}

// Where both of two texts, or a list, are longer than CEL could look through, and not
// before, native code leaves them to CEL.
func TestLongest(t *testing.T) {
	t.Parallel()
	environment := environment(t)
	kind := variousType(t)
	texts := func(id string, values map[string]int) Input {
		request := dynamicpb.NewMessage(kind)
		for name, length := range values {
			request.Set(kind.Fields().ByName(protoreflect.Name(name)), protoreflect.ValueOfString(strings.Repeat("x", length)))
		}
		return Input{Principal: principalOf(id, "session", authn.Details{}), Request: request}
	}
	for text, of := range map[string]func(one, other int) Input{
		`request.id == request.owner_id`: func(one, other int) Input { return texts("", map[string]int{"id": one, "owner_id": other}) },
		`principal.id == request.id`:     func(one, other int) Input { return texts(strings.Repeat("x", one), map[string]int{"id": other}) },
		`request.id == principal.id`:     func(one, other int) Input { return texts(strings.Repeat("x", one), map[string]int{"id": other}) },
		`principal.id in request.ids`: func(one, other int) Input {
			input := texts("alice", nil)
			ids := input.Request.ProtoReflect().Mutable(kind.Fields().ByName("ids")).List()
			for range min(one, other) {
				ids.Append(protoreflect.ValueOfString("x"))
			}
			ids.Set(0, protoreflect.ValueOfString(map[bool]string{true: "alice", false: "bob"}[one == other]))
			return input
		},
	} {
		expression := compiled(t, environment, text, kind)
		tree, err := expression.Tree()
		if err != nil {
			t.Fatal(err)
		}
		longest := newTranslation(tree, kind, requestName).longest
		if longest < 1_000 || longest > costLimit/2 {
			t.Fatalf("%s: %d is the longest", text, longest)
		}
		for _, test := range []struct {
			one, other int
			want       Truth
		}{
			{longest, longest, True}, {longest + 1, longest, False}, {longest, longest + 1, False}, {2 * longest, 1, False}, {1, 2 * longest, False},
			{longest + 1, longest + 1, askCEL}, {longest + 1, longest + 2, askCEL}, {longest + 2, longest + 1, askCEL},
		} {
			input := of(test.one, test.other)
			if got := expression.native(input.Principal, input.Request.ProtoReflect()); got != test.want {
				t.Errorf("%s says %v of %d and %d, where %d is the longest; want %v", text, got, test.one, test.other, longest, test.want)
			}
		}
	}
}

// long is a request with a list of so many elements and texts of ten times as many
// bytes, which to CEL is the same.
func long(kind protoreflect.MessageDescriptor, length int) *dynamicpb.Message {
	request := dynamicpb.NewMessage(kind)
	text := protoreflect.ValueOfString(strings.Repeat("x", 10*length))
	request.Set(kind.Fields().ByName("id"), text)
	request.Set(kind.Fields().ByName("owner_id"), text)
	ids := request.Mutable(kind.Fields().ByName("ids")).List()
	for range length {
		ids.Append(protoreflect.ValueOfString("x"))
	}
	return request
}
