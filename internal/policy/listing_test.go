package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/filter"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/relation"
)

// owns is a relation to the owner of an item, which stands for the item's id.
func owns(tb testing.TB, item protoreflect.MessageDescriptor, name string) declare.Condition {
	tb.Helper()
	const id = `matches(r'^[^:#*@\s\v\x{85}\p{Z}]+$')`
	return declare.Relation{
		Name: name, Object: "thing", ID: "item.owner", Path: condition.Path{item.Fields().ByName("owner")}, OfSubject: true,
		Usable: about(tb, item, "principal.id."+id+" && item.owner."+id).(declare.CEL).Expression,
	}
}

// engineOf decides and lists by what is related: "alice viewer bob".
func engineOf(asked *[]string, related ...string) Deciders {
	return Deciders{
		Relations: func(_ context.Context, of relation.Query) (bool, error) {
			return slices.Contains(related, of.User+" "+of.Relation+" "+of.ID), nil
		},
		List: func(_ context.Context, of relation.Listing) ([]string, error) {
			*asked = append(*asked, of.Relation)
			var ids []string
			for _, text := range related {
				if id, ok := strings.CutPrefix(text, of.User+" "+of.Relation+" "); ok {
					ids = append(ids, id)
				}
			}
			return ids, nil
		},
	}
}

// What is listed, and what is asked of each element, let the same elements be seen.
func TestListByRelation(t *testing.T) {
	t.Parallel()
	item := itemType(t)
	cel := func(text string) declare.Condition { return about(t, item, text) }
	viewer, editor := owns(t, item, "viewer"), owns(t, item, "editor")
	engine := []string{"alice viewer bob", "alice viewer eve", "alice viewer ", "alice viewer a b", "alice viewer *", "alice editor carol", "bob viewer alice"}
	for name, test := range map[string]struct {
		grants [][]declare.Condition
		seen   string
		asked  string
	}{
		"a relation":                      {[][]declare.Condition{{viewer}}, "bob eve", "viewer"},
		"one of two":                      {[][]declare.Condition{{viewer}, {editor}}, "bob carol eve", "viewer editor"},
		"the same twice":                  {[][]declare.Condition{{viewer, isMember}, {viewer, cel(`item.open`)}}, "bob eve", "viewer"},
		"and a role":                      {[][]declare.Condition{{isMember, viewer}}, "bob eve", "viewer"},
		"and no role":                     {[][]declare.Condition{{viewer, isOwner}}, "", ""},
		"and what the element says":       {[][]declare.Condition{{viewer, cel(`item.owner == "bob"`)}}, "bob", "viewer"},
		"and what no element says":        {[][]declare.Condition{{viewer, cel(`item.owner in request.tags`)}}, "", ""},
		"and what is false of the caller": {[][]declare.Condition{{viewer, cel(`principal.id == "bob"`)}}, "", ""},
		"and what is absent":              {[][]declare.Condition{{viewer, cel(`request.inner.text == "a" && item.open`)}}, "", ""},
		"and one part that none has":      {[][]declare.Condition{{viewer, cel(`item.open`), cel(`item.owner in request.tags`)}}, "", ""},
		"of no one":                       {[][]declare.Condition{{owns(t, item, "owner")}}, "", "owner"},
		"beside all":                      {[][]declare.Condition{{editor}, {isMember}}, "alice bob carol eve  a b *", "editor"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var grants []declare.Grant
			for _, conditions := range test.grants {
				grants = append(grants, declare.Grant{Conditions: conditions})
			}
			var asked []string
			list, err := NewList(item, grants, engineOf(&asked, engine...))
			if err != nil {
				t.Fatal(err)
			}
			input := Input{Principal: alice(authn.Details{Roles: []string{"member"}}), Now: noon, Request: request(t, item, ``)}
			got, err := list.Filter(t.Context(), input)
			if err != nil {
				t.Fatal(err)
			}
			var matched, held []string
			for _, owner := range []string{"alice", "bob", "carol", "eve", "", "a b", "*"} {
				element := request(t, item, fmt.Sprintf("owner: %q", owner))
				if got.Matches(element) {
					matched = append(matched, owner)
				}
				if holds, err := list.Holds(t.Context(), input, element); err != nil {
					t.Error(err)
				} else if holds {
					held = append(held, owner)
				}
			}
			if !slices.Equal(matched, held) || strings.Join(held, " ") != test.seen || strings.Join(asked, " ") != test.asked {
				t.Errorf("the filter matches %q, the conditions hold of %q, want %q; it asked %q, want %q", matched, held, test.seen, asked, test.asked)
			}
			if got.None() != (test.seen == "") {
				t.Errorf("none: %t", got.None())
			}
		})
	}
}

// Of an earlier input, everything but a relation decides.
func TestMayHaveHeld(t *testing.T) {
	t.Parallel()
	item := itemType(t)
	no := Deciders{Relations: func(context.Context, relation.Query) (bool, error) {
		t.Error("the engine is asked about the past")
		return false, nil
	}}
	list, err := NewList(item, []declare.Grant{{Conditions: []declare.Condition{isMember, owns(t, item, "viewer")}}}, no)
	if err != nil {
		t.Fatal(err)
	}
	member, other := Input{Principal: alice(authn.Details{Roles: []string{"member"}}), Now: noon}, Input{Principal: alice(authn.Details{}), Now: noon}
	for name, of := range map[string]struct {
		list  *List
		input Input
		owner string
		want  bool
	}{
		"all but the relation": {list, member, "bob", true}, "without the role": {list, other, "bob", false}, "what is no id": {list, member, "*", false},
		"no principal": {list, Input{}, "bob", false}, "no list": {nil, member, "bob", false},
	} {
		if held, err := of.list.MayHaveHeld(t.Context(), of.input, request(t, item, fmt.Sprintf("owner: %q", of.owner))); held != of.want || err != nil {
			t.Errorf("%s: %t, %v", name, held, err)
		}
	}
	if held, err := list.MayHaveHeld(t.Context(), member, nil); held || err != nil {
		t.Errorf("of no element: %t, %v", held, err)
	}
}

// Without an answer there is no filter, and nothing is seen.
func TestListingWithoutAnswer(t *testing.T) {
	t.Parallel()
	item := itemType(t)
	element := request(t, item, `owner: "bob"`)
	grants := []declare.Grant{{Conditions: []declare.Condition{owns(t, item, "viewer")}}}
	yes := func(context.Context, relation.Query) (bool, error) { return true, nil }
	broken := errors.New("broken")
	for name, by := range map[string]Deciders{
		"an error":   {Relations: yes, List: func(context.Context, relation.Listing) ([]string, error) { return []string{"bob"}, broken }},
		"it is none": {Relations: yes},
	} {
		list, err := NewList(item, grants, by)
		if err != nil {
			t.Fatal(err)
		}
		input := Input{Principal: alice(authn.Details{}), Now: noon}
		if got, err := list.Filter(t.Context(), input); err == nil || got.Matches(element) {
			t.Errorf("%s: %v", name, err)
		}
		// One whose id is none is related to nothing, and nothing is asked.
		input.Principal = authn.NewPrincipal("a:b", authn.Details{Unscoped: true})
		if got, err := list.Filter(t.Context(), input); err != nil || !got.None() {
			t.Errorf("%s, of no id: %v", name, err)
		}
	}
	if _, err := NewList(item, grants, Deciders{}); err == nil {
		t.Error("nothing decides, and it is a list")
	}
	list, err := NewList(item, grants, Deciders{Relations: yes})
	if err != nil {
		t.Fatal(err)
	}
	if uses := list.Rule().Uses; len(uses) != 1 || uses[0].Kind != filter.Among || uses[0].Path[0].Name() != "owner" || uses[0].Text != "relation viewer of thing item.owner" {
		t.Errorf("the rule asks %v", uses)
	}
}
