package policy

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A guard is one grant as a filter, and names what it leaves to others.
func TestGuard(t *testing.T) {
	t.Parallel()
	item := itemType(t)
	guard, err := NewGuard(item, []declare.Grant{
		{Conditions: []declare.Condition{isMember, about(t, item, `item.owner == principal.id`)}},
		{Conditions: []declare.Condition{about(t, item, `item.open`), declare.Check{Name: "is_kept"}}},
		{Conditions: []declare.Condition{isOwner}},
	})
	if err != nil {
		t.Fatal(err)
	}
	member := Input{Principal: alice(authn.Details{Roles: []string{"member"}}), Now: noon}
	for name, test := range map[string]struct {
		guard *Guard
		place int32
		input Input
		left  []string
		seen  string // of own, open, and another's
	}{
		"a grant":                  {guard, 0, member, nil, "own"},
		"one that asks a check":    {guard, 1, member, []string{"check is_kept"}, "open"},
		"one that does not hold":   {guard, 2, member, nil, ""},
		"a place after the last":   {guard, 3, member, nil, ""},
		"a place before the first": {guard, -1, member, nil, ""},
		"no principal":             {guard, 0, Input{Now: noon}, nil, ""},
		"no guard":                 {nil, 0, member, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, left, err := test.guard.Of(t.Context(), test.place, test.input)
			if err != nil || !slices.Equal(left, test.left) {
				t.Errorf("it leaves out %q, %v, want %q", left, err, test.left)
			}
			var seen []string
			for name, of := range map[string]proto.Message{
				"own": request(t, item, `owner: "alice"`), "open": request(t, item, `owner: "bob" open: true`), "another's": request(t, item, `owner: "bob"`),
			} {
				if got.Matches(of) {
					seen = append(seen, name)
				}
			}
			if strings.Join(seen, " ") != test.seen {
				t.Errorf("it matches %q, want %q", seen, test.seen)
			}
		})
	}
	if uses := guard.Rule().Uses; len(uses) != 2 || guard.Rule().Item != item {
		t.Errorf("it asks %v", uses)
	}
	if asks := (*Guard)(nil).Rule(); asks.Item != nil || asks.Uses != nil {
		t.Errorf("no guard asks %v", asks)
	}
}

// What cannot be evaluated is an error, and a filter that matches nothing.
func TestGuardErrors(t *testing.T) {
	t.Parallel()
	item := itemType(t)
	guard, err := NewGuard(item, []declare.Grant{{Conditions: []declare.Condition{
		declare.Check{Name: "is_kept"}, about(t, item, `item.owner == "alice" || request.tags.exists(tag, tag == "b")`),
	}}})
	if err != nil {
		t.Fatal(err)
	}
	costly := Input{Principal: alice(authn.Details{}), Now: noon, Request: request(t, item, strings.Repeat(`tags: "a" `, 60_000))}
	got, left, err := guard.Of(t.Context(), 0, costly)
	if !errors.Is(err, ErrCost) || got.Matches(request(t, item, `owner: "alice"`)) || len(left) != 1 {
		t.Errorf("it leaves out %q, with %v", left, err)
	}
	if guard, err := NewGuard(item, []declare.Grant{{Conditions: []declare.Condition{declare.CEL{}}}}); guard != nil || err == nil {
		t.Error("a condition without an expression is a filter")
	}
}
