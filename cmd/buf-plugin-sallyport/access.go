package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"buf.build/go/bufplugin/check"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/review"
)

// unread is the id of the rule that reports contracts that cannot be compared.
const unread = "unread"

// accessRules has a rule for each kind of change that may let in more.
func accessRules() []*check.RuleSpec {
	kinds := append(review.Kinds(), review.Kind{
		ID:    unread,
		Means: "Declarations of one of the sides are refused, so that nothing is compared.",
	})
	rules := make([]*check.RuleSpec, len(kinds))
	for i, kind := range kinds {
		handler := changesOf(kind.ID)
		if kind.ID == unread {
			handler = refused
		}
		rules[i] = &check.RuleSpec{
			ID:          ruleID(accessCategory, kind.ID),
			CategoryIDs: []string{accessCategory},
			Default:     true,
			Purpose:     kind.Means,
			Type:        check.RuleTypeBreaking,
			Handler:     check.RuleHandlerFunc(handler),
		}
	}
	return rules
}

// A comparison is what changed, or why it cannot be compared.
type comparison struct {
	changes []review.Change
	// refusals are of the new files, and before those of the old ones.
	refusals, before []declare.Refusal
}

// compare compares the files that the request targets with those that they are held
// against. Without the latter there is nothing to compare.
func compare(request check.Request, declarations, accept string) (comparison, error) {
	if len(request.AgainstFileDescriptors()) == 0 {
		return comparison{}, nil
	}
	given, refusals := declare.ReadDeclarations(declarations)
	if len(refusals) > 0 {
		return comparison{refusals: refusals}, nil
	}
	now, refusals, err := contractOf(request.FileDescriptors(), given)
	if err != nil {
		return comparison{}, err
	}
	old, before, err := contractOf(request.AgainstFileDescriptors(), given)
	if err != nil || len(refusals)+len(before) > 0 {
		return comparison{refusals: refusals, before: before}, err
	}
	changes, err := review.Compare(old, now)
	if err != nil || accept == "" {
		return comparison{changes: changes}, err
	}
	file, err := os.Open(accept)
	if err != nil {
		return comparison{}, err
	}
	defer file.Close()
	entries, err := review.ReadAccepted(file)
	if err != nil {
		return comparison{}, fmt.Errorf("%s: %w", accept, err)
	}
	review.Accept(changes, entries, time.Now()) // diff says which entries can go
	return comparison{changes: changes}, nil
}

// comparedIn returns the comparison that all rules of a request share.
func comparedIn(ctx context.Context) (comparison, error) {
	made, err := foundIn(ctx)
	if err != nil {
		return comparison{}, err
	}
	return made.changes()
}

// changesOf returns what reports the changes of one kind that need to be looked at.
func changesOf(kind string) func(context.Context, check.ResponseWriter, check.Request) error {
	return func(ctx context.Context, response check.ResponseWriter, request check.Request) error {
		compared, err := comparedIn(ctx)
		for _, change := range compared.changes {
			if change.Kind != kind || !change.Fails() {
				continue
			}
			annotation := []check.AddAnnotationOption{check.WithMessage(change.String())}
			if change.Method != nil {
				annotation = append(annotation, location(change.Method, request.FileDescriptors())...)
			}
			response.AddAnnotation(annotation...)
		}
		return err
	}
}

// refused reports why contracts cannot be compared.
func refused(ctx context.Context, response check.ResponseWriter, request check.Request) error {
	compared, err := comparedIn(ctx)
	for _, refusal := range compared.refusals {
		response.AddAnnotation(append(location(refusal.At, request.FileDescriptors()), check.WithMessage(message(refusal)))...)
	}
	for _, refusal := range compared.before {
		response.AddAnnotation(check.WithMessage("in what it is compared with: " + refusal.String() + "\n"))
	}
	return err
}
