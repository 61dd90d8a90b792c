package review

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// Compare returns what changed from an old contract to a new one, in the order of the new
// one's services. What does not change who may call is not among it. No solver is asked.
func Compare(old, updated *Contract) ([]Change, error) {
	return CompareBy(context.Background(), prove.NewProver(nil, false), old, updated)
}

// CompareBy is [Compare], with a prover that decides what grants let in.
func CompareBy(ctx context.Context, prover *prove.Prover, old, updated *Contract) ([]Change, error) {
	var changes []Change
	before := old.byProcedure()
	for _, action := range updated.Actions() {
		was, known := before[action.Procedure]
		delete(before, action.Procedure)
		if !known {
			changes = append(changes, added(action))
			continue
		}
		of, err := compareActions(ctx, prover, was, action)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", action.Procedure, err)
		}
		changes = append(changes, of...)
	}
	for _, action := range old.Actions() {
		if _, gone := before[action.Procedure]; gone {
			changes = append(changes, Change{Subject: action.Procedure, Kind: "action-removed", Judgement: Removed, Text: "the action is gone"})
		}
	}
	fields, err := compareFields(ctx, prover, old, updated)
	if err != nil {
		return nil, err
	}
	changes = append(changes, fields...)
	changes = append(changes, compareNames(old, updated)...)
	changes = append(changes, compareRoles(old, updated)...)
	return append(changes, comparePages(old, updated)...), nil
}

func (c *Contract) byProcedure() map[string]Action {
	actions := map[string]Action{}
	for _, action := range c.Actions() {
		actions[action.Procedure] = action
	}
	return actions
}

// added is the change of an action that is new.
func added(action Action) Change {
	change := Change{Subject: action.Procedure, Kind: "action-added", Judgement: Added, Method: action.declaration.Method}
	switch {
	case len(action.Schemes) == 0:
		change.Judgement, change.Text = Looser, "it is new, and its callers need not authenticate: "+action.Anonymous
	case action.Anyone != "":
		change.Judgement, change.Text = Looser, "it is new, and lets in anyone who authenticates: "+action.Anyone
	default:
		change.Text = "it is new, and lets in " + strings.Join(action.who(), "; or ")
	}
	return change
}

// compareRoles compares what roles come with others. A role that is new or gone lets in
// no one by itself: the grants that name it say so.
func compareRoles(old, updated *Contract) []Change {
	var changes []Change
	for _, role := range updated.Roles {
		at := slices.IndexFunc(old.Roles, func(was Role) bool { return was.Name == role.Name })
		if at < 0 {
			continue
		}
		more, less := without(role.Includes, old.Roles[at].Includes), without(old.Roles[at].Includes, role.Includes)
		subject := "role " + role.Name
		if len(more) > 0 {
			changes = append(changes, Change{Subject: subject, Kind: "role-includes", Judgement: Looser, Text: "it comes with " + strings.Join(more, ", ") + " too"})
		}
		if len(less) > 0 {
			changes = append(changes, Change{Subject: subject, Kind: "role-includes-less", Judgement: Tighter, Text: "it comes with " + strings.Join(less, ", ") + " no more"})
		}
	}
	return changes
}

func comparePages(old, updated *Contract) []Change {
	patterns := func(pages []Page) []string {
		found := make([]string, len(pages))
		for i, page := range pages {
			found[i] = page.Pattern
		}
		return found
	}
	before, now := patterns(old.Pages), patterns(updated.Pages)
	changes := make([]Change, 0, len(before)+len(now))
	for _, page := range without(now, before) {
		changes = append(changes, Change{Subject: "page " + page, Kind: "page-added", Judgement: Looser, Text: "it is answered without a gate"})
	}
	for _, page := range without(before, now) {
		changes = append(changes, Change{Subject: "page " + page, Kind: "page-removed", Judgement: Removed, Text: "it is not answered any more"})
	}
	return changes
}

// without returns the names that others do not have.
func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(others, name) })
}
