package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/info"
	"buf.build/go/bufplugin/option"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

const (
	// category names all of the rules in buf.yaml.
	category = "SALLYPORT"
	// declarationsOption names the file with declarations from outside the .proto.
	declarationsOption = "declarations"
)

// newSpec describes the plugin to buf: each rule of the table that schemas decide.
func newSpec() *check.Spec {
	spec := &check.Spec{
		Categories: []*check.CategorySpec{{ID: category, Purpose: "Checks that every RPC declares who may call it."}},
		Info: &info.Spec{
			Documentation: "Applies the rules of Sallyport that schemas decide: docs/refusals.md lists them.",
			SPDXLicenseID: "apache-2.0",
			LicenseURL:    "https://github.com/sallyport-rpc/sallyport/blob/main/LICENSE",
		},
		Before: read,
	}
	for _, section := range declare.Sections() {
		if section.Walls == declare.OfProgram {
			continue
		}
		for _, rule := range section.Rules {
			spec.Rules = append(spec.Rules, &check.RuleSpec{
				ID:          ruleID(rule.ID),
				CategoryIDs: []string{category},
				Default:     true,
				Purpose:     purpose(rule),
				Type:        check.RuleTypeLint,
				Handler:     check.RuleHandlerFunc(handler(rule.ID)),
			})
		}
	}
	return spec
}

// ruleID is the id of a rule in buf's spelling: SALLYPORT_ACTION_MISSING.
func ruleID(rule declare.Rule) string {
	return category + "_" + strings.ToUpper(strings.ReplaceAll(string(rule), "-", "_"))
}

// purpose is what `buf config ls-lint-rules` prints of a rule.
func purpose(rule declare.Definition) string {
	refuses := strings.TrimSuffix(strings.ReplaceAll(rule.Refuses, "\n", " "), ".")
	return fmt.Sprintf("Refuses with [%s]: %s.", rule.ID, refuses)
}

// refusalsKey is the key of what read found, in a context.
type refusalsKey struct{}

// read reads all files once, before any rule asks for its refusals.
func read(ctx context.Context, request check.Request) (context.Context, check.Request, error) {
	path, err := option.GetStringValue(request.Options(), declarationsOption)
	if err != nil {
		return nil, nil, err
	}
	var unknown error
	request.Options().Range(func(key string, _ any) {
		if key != declarationsOption {
			unknown = fmt.Errorf("unknown option %q; there is %s: FILE", key, declarationsOption)
		}
	})
	if unknown != nil {
		return nil, nil, unknown
	}
	given, refusals := declare.ReadDeclarations(path)
	if len(refusals) == 0 {
		refusals, err = lint(request, given)
		if err != nil {
			return nil, nil, err
		}
	}
	return context.WithValue(ctx, refusalsKey{}, refusals), request, nil
}

// lint returns the refusals in the files that the request targets.
func lint(request check.Request, given declare.Given) ([]declare.Refusal, error) {
	files := new(protoregistry.Files)
	var targets []protoreflect.FileDescriptor
	for _, file := range request.FileDescriptors() {
		described := file.ProtoreflectFileDescriptor()
		if err := files.RegisterFile(described); err != nil {
			return nil, fmt.Errorf("read %s: %w", described.Path(), err)
		}
		if !file.IsImport() {
			targets = append(targets, described)
		}
	}
	reader, err := declare.NewReader(declare.Config{Files: files})
	if err != nil {
		return nil, err
	}
	return reader.Lint(targets, given), nil
}

// handler returns what reports the refusals of one rule.
func handler(rule declare.Rule) func(context.Context, check.ResponseWriter, check.Request) error {
	return func(ctx context.Context, response check.ResponseWriter, request check.Request) error {
		refusals, ok := ctx.Value(refusalsKey{}).([]declare.Refusal)
		if !ok {
			return errors.New("the files were not read")
		}
		for _, refusal := range refusals {
			if refusal.Rule == rule {
				response.AddAnnotation(append(location(refusal, request), check.WithMessage(message(refusal)))...)
			}
		}
		return nil
	}
}

// location is where buf shows a refusal: at the option or, in a .proto without source
// information, at its file. A refusal of a declaration from outside has no place in any
// .proto, and its message names the file.
func location(refusal declare.Refusal, request check.Request) []check.AddAnnotationOption {
	if refusal.At == nil {
		return nil
	}
	path := refusal.At.ParentFile().Path()
	for _, file := range request.FileDescriptors() {
		if source := refusal.SourcePath(); file.ProtoreflectFileDescriptor().Path() == path && len(source) > 0 {
			return []check.AddAnnotationOption{check.WithFileNameAndSourcePath(path, source)}
		}
	}
	return []check.AddAnnotationOption{check.WithFileName(path)}
}

// message is a refusal without its place, which buf adds. It ends its last line, so that
// the plugin's name, which buf adds too, is no part of the fix.
func message(refusal declare.Refusal) string {
	if refusal.At != nil {
		refusal.Position = declare.Position{}
	}
	return refusal.String() + "\n"
}
