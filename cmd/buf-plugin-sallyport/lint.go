package main

import (
	"context"
	"fmt"
	"strings"

	"buf.build/go/bufplugin/check"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// lintRules are the rules of the table that schemas decide.
func lintRules() []*check.RuleSpec {
	var rules []*check.RuleSpec
	for _, section := range declare.Sections() {
		if section.Walls == declare.OfProgram {
			continue
		}
		for _, rule := range section.Rules {
			rules = append(rules, &check.RuleSpec{
				ID:          ruleID(category, string(rule.ID)),
				CategoryIDs: []string{category},
				Default:     true,
				Purpose:     purpose(rule),
				Type:        check.RuleTypeLint,
				Handler:     check.RuleHandlerFunc(refusalsOf(rule.ID)),
			})
		}
	}
	return rules
}

// purpose is what `buf config ls-lint-rules` prints of a rule.
func purpose(rule declare.Definition) string {
	refuses := strings.TrimSuffix(strings.ReplaceAll(rule.Refuses, "\n", " "), ".")
	return fmt.Sprintf("Refuses with [%s]: %s.", rule.ID, refuses)
}

// lint returns the refusals in the files that the request targets.
func lint(request check.Request, declarations string) ([]declare.Refusal, error) {
	given, refusals := declare.ReadDeclarations(declarations)
	if len(refusals) > 0 {
		return refusals, nil
	}
	reader, targets, err := readerOf(request.FileDescriptors())
	if err != nil {
		return nil, err
	}
	return reader.Lint(targets, given), nil
}

// refusalsOf returns what reports the refusals of one rule.
func refusalsOf(rule declare.Rule) func(context.Context, check.ResponseWriter, check.Request) error {
	return func(ctx context.Context, response check.ResponseWriter, request check.Request) error {
		made, err := foundIn(ctx)
		if err != nil {
			return err
		}
		refusals, err := made.refusals()
		for _, refusal := range refusals {
			if refusal.Rule == rule {
				response.AddAnnotation(append(location(refusal.At, request.FileDescriptors()), check.WithMessage(message(refusal)))...)
			}
		}
		return err
	}
}

// message is a refusal without its place, which buf adds. It ends its last line, so that
// the plugin's name, which buf adds too, is no part of the fix.
func message(refusal declare.Refusal) string {
	if refusal.At != nil {
		refusal.Position = declare.Position{}
	}
	return refusal.String() + "\n"
}
