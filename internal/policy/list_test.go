package policy

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/filter"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// itemType is the type of the elements of lists here: requests, which have some fields.
func itemType(tb testing.TB) protoreflect.MessageDescriptor {
	tb.Helper()
	return declared(tb, `allow: {any_role: "member"}`).Method.Input()
}

// about compiles a condition of an item and a request.
func about(tb testing.TB, item protoreflect.MessageDescriptor, text string) declare.Condition {
	tb.Helper()
	environment, err := condition.NewEnvironment()
	if err != nil {
		tb.Fatal(err)
	}
	expression, err := environment.WithSubject(condition.Subject{Name: condition.ItemName, Type: item}).Compile(text, item)
	if err != nil {
		tb.Fatal(err)
	}
	return declare.CEL{Expression: expression}
}

func listOf(tb testing.TB, item protoreflect.MessageDescriptor, grants ...[]declare.Condition) *List {
	tb.Helper()
	declared := make([]declare.Grant, len(grants))
	for i, conditions := range grants {
		declared[i].Conditions = conditions
	}
	list, err := NewList(item, declared, Deciders{})
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

var (
	isMember = declare.AnyRole{Named: []string{"member"}, Unfolded: []string{"member", "admin"}}
	isOwner  = declare.AnyRole{Named: []string{"owner"}, Unfolded: []string{"owner"}}
)

// A filter, and the conditions themselves, let the same elements be seen.
func TestListFilter(t *testing.T) {
	t.Parallel()
	item := itemType(t)
	cel := func(text string) declare.Condition { return about(t, item, text) }
	tests := map[string]struct {
		grants [][]declare.Condition
		all    bool
		none   bool
		seen   string // by the owner
	}{
		"own":                        {grants: [][]declare.Condition{{cel(`item.owner == principal.id`)}}, seen: "alice"},
		"a role":                     {grants: [][]declare.Condition{{isMember}}, all: true, seen: "alice bob"},
		"a role that is missing":     {grants: [][]declare.Condition{{isOwner}}, none: true},
		"a role, and own":            {grants: [][]declare.Condition{{isMember, cel(`item.owner == principal.id`)}}, seen: "alice"},
		"no role, and own":           {grants: [][]declare.Condition{{isOwner, cel(`item.owner == principal.id`)}}, none: true},
		"one of two grants":          {grants: [][]declare.Condition{{isOwner}, {cel(`item.owner == "bob"`)}}, seen: "bob"},
		"a grant that is all":        {grants: [][]declare.Condition{{cel(`item.open`)}, {isMember}}, all: true, seen: "alice bob"},
		"a scope that is missing":    {grants: [][]declare.Condition{{declare.AllScopes{Named: []string{"read"}}}}, none: true},
		"a choice":                   {grants: [][]declare.Condition{{cel(`request.open ? item.owner == "bob" : item.owner == "alice"`)}}, seen: "bob"},
		"the other choice":           {grants: [][]declare.Condition{{cel(`request.owner == "" ? item.owner == "bob" : item.owner == "alice"`)}}, seen: "alice"},
		"a choice by what is absent": {grants: [][]declare.Condition{{cel(`!(request.inner.text == "a" ? item.open : item.owner == "carol")`)}}, none: true},
		"absent beside a field":      {grants: [][]declare.Condition{{cel(`!(request.inner.text == "a" || item.open)`)}}},
		"among what is absent":       {grants: [][]declare.Condition{{cel(`!(item.owner in [request.inner.text])`)}}, none: true},
		"absent in what has no form": {grants: [][]declare.Condition{{cel(`!item.inner.text.startsWith("al")`)}}},
		"what the request says":      {grants: [][]declare.Condition{{cel(`request.open && item.owner != request.owner`)}}, seen: "alice"},
		"absent":                     {grants: [][]declare.Condition{{cel(`!(item.inner.text == "a")`)}}},
		"absent of the request":      {grants: [][]declare.Condition{{cel(`!(item.owner == request.inner.text)`)}}, none: true},
		"what has no form":           {grants: [][]declare.Condition{{cel(`item.owner.startsWith("al")`)}}, seen: "alice"},
		"a negation of that":         {grants: [][]declare.Condition{{cel(`!item.owner.startsWith("al")`)}}, seen: "bob"},
		"no grants":                  {none: true},
		"a grant of nothing":         {grants: [][]declare.Condition{{}}, none: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := listOf(t, item, test.grants...)
			input := Input{Principal: alice(authn.Details{Roles: []string{"member"}}), Now: noon, Request: request(t, item, `owner: "bob" open: true`)}
			got, err := list.Filter(t.Context(), input)
			if err != nil {
				t.Fatal(err)
			}
			if got.All() != test.all || got.None() != test.none {
				t.Errorf("all %t, none %t, want %t, %t", got.All(), got.None(), test.all, test.none)
			}
			for _, owner := range []string{"alice", "bob"} {
				element := request(t, item, `owner: "`+owner+`"`)
				want := slices.Contains(strings.Fields(test.seen), owner)
				if matches := got.Matches(element); matches != want {
					t.Errorf("the filter says %t of that of %s", matches, owner)
				}
				if holds, err := list.Holds(t.Context(), input, element); err != nil || holds != want {
					t.Errorf("the conditions say %t, %v of that of %s", holds, err, owner)
				}
			}
		})
	}
}

// What is not there lets no element be seen.
func TestListOfNothing(t *testing.T) {
	t.Parallel()
	item := itemType(t)
	list := listOf(t, item, []declare.Condition{isMember})
	member := Input{Principal: alice(authn.Details{Roles: []string{"member"}}), Now: noon}
	for name, test := range map[string]struct {
		list  *List
		input Input
		item  proto.Message
		want  bool
	}{
		"a member":     {list, member, request(t, item, ``), true},
		"no list":      {nil, member, request(t, item, ``), false},
		"a zero list":  {&List{}, member, request(t, item, ``), false},
		"no principal": {list, Input{Now: noon}, request(t, item, ``), false},
		"no element":   {list, member, nil, false},
	} {
		got, err := test.list.Filter(t.Context(), test.input)
		if err != nil || got.Matches(test.item) != test.want {
			t.Errorf("%s: the filter says %t, %v", name, !test.want, err)
		}
		if holds, err := test.list.Holds(t.Context(), test.input, test.item); err != nil || holds != test.want {
			t.Errorf("%s: the conditions say %t, %v", name, holds, err)
		}
	}
	if uses := (*List)(nil).Rule().Uses; uses != nil {
		t.Error(uses)
	}
}

// Without a request no grant holds that reads one, also where the rest of it would do.
func TestListWithoutRequest(t *testing.T) {
	t.Parallel()
	item := itemType(t)
	list := listOf(t, item, []declare.Condition{about(t, item, `item.owner == principal.id || request.open`)})
	input := Input{Principal: alice(authn.Details{}), Now: noon}
	element := request(t, item, `owner: "alice"`)
	for _, of := range []proto.Message{nil, request(t, item, ``)} {
		input.Request = of
		got, err := list.Filter(t.Context(), input)
		if err != nil || got.Matches(element) != (of != nil) {
			t.Errorf("the filter, with the request %v: %v", of, err)
		}
		if holds, err := list.Holds(t.Context(), input, element); err != nil || holds != (of != nil) {
			t.Errorf("the conditions, with the request %v: %t, %v", of, holds, err)
		}
	}
}

// What cannot be decided is an error, and lets no element be seen.
func TestListErrors(t *testing.T) {
	t.Parallel()
	item := itemType(t)
	element := request(t, item, `owner: "alice"`)
	costly := request(t, item, strings.Repeat(`tags: "a" `, 60_000))
	input := Input{Principal: alice(authn.Details{}), Now: noon, Request: costly}
	for _, text := range []string{
		`item.owner == principal.id || request.tags.exists(tag, tag == "b")`,
		`item.owner == principal.id && !(item.owner in request.tags.filter(tag, tag == "b"))`,
		`item.owner == (request.tags.exists(tag, tag == "b") ? "alice" : "bob")`,
		`request.tags.exists(tag, tag == "b") ? item.open : item.owner == "alice"`,
	} {
		list := listOf(t, item, []declare.Condition{about(t, item, text)})
		got, err := list.Filter(t.Context(), input)
		if !errors.Is(err, ErrCost) || got.Matches(element) {
			t.Errorf("%s: %v", text, err)
		}
		if holds, err := list.Holds(t.Context(), input, element); text[:4] == "requ" && (holds || !errors.Is(err, ErrCost)) {
			t.Errorf("%s: the conditions say %t, %v", text, holds, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	list := listOf(t, item, []declare.Condition{about(t, item, `request.owner.startsWith("a") || item.open`)})
	if got, err := list.Filter(ended, input); !errors.Is(err, context.Canceled) || !got.None() {
		t.Errorf("of a call that ended: %v", err)
	}
	for _, of := range []declare.Condition{declare.Check{Name: "is_open"}, declare.CEL{}} {
		if _, err := NewList(item, []declare.Grant{{Conditions: []declare.Condition{of}}}, Deciders{}); err == nil {
			t.Errorf("%v is a condition of a list", of)
		}
	}
}

// The rule of a list says what its filters can ask.
func TestListRule(t *testing.T) {
	t.Parallel()
	item := itemType(t)
	list := listOf(t, item,
		[]declare.Condition{isMember, about(t, item, `request.open ? item.owner == "a" : !has(item.inner)`)},
		[]declare.Condition{about(t, item, `item.owner.startsWith("a") || item.open`)})
	var got []string
	for _, use := range list.Rule().Uses {
		name := use.Text
		if use.Path != nil {
			name = string(use.Path[len(use.Path)-1].Name())
		}
		got = append(got, name)
	}
	if want := []string{"owner", "inner", `item.owner.startsWith("a") || item.open`, "open"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if list.Rule().Uses[2].Kind != filter.Other || list.Rule().Item != item {
		t.Error("a part without a form is Other")
	}
}
