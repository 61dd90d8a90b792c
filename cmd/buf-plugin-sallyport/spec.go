package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"buf.build/go/bufplugin/check"
	"buf.build/go/bufplugin/descriptor"
	"buf.build/go/bufplugin/info"
	"buf.build/go/bufplugin/option"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/review"
)

const (
	// category names all of the rules for `buf lint` in buf.yaml.
	category = "SALLYPORT"
	// accessCategory names all of the rules for `buf breaking`.
	accessCategory = "SALLYPORT_ACCESS"
	// declarationsOption names the file with declarations from outside the .proto.
	declarationsOption = "declarations"
	// acceptOption names the file of changes that are accepted.
	acceptOption = "accept"
)

// newSpec describes the plugin to buf: each rule of the table that schemas decide, and
// each kind of change that may let in more.
func newSpec() *check.Spec {
	return &check.Spec{
		Categories: []*check.CategorySpec{
			{ID: category, Purpose: "Checks that every RPC declares who may call it."},
			{ID: accessCategory, Purpose: "Checks that changes of who may call an RPC are looked at."},
		},
		Info: &info.Spec{
			Documentation: "Applies the rules of Sallyport that schemas decide: docs/refusals.md lists them. " +
				"Reports changes that let in more callers, as sallyport diff does.",
			SPDXLicenseID: "apache-2.0",
			LicenseURL:    "https://github.com/sallyport-rpc/sallyport/blob/main/LICENSE",
		},
		Before: read,
		Rules:  append(lintRules(), accessRules()...),
	}
}

// foundKey is the key of a found, in a context.
type foundKey struct{}

// A found is what the rules report. Each half is made once, when the first rule asks.
type found struct {
	refusals func() ([]declare.Refusal, error)
	changes  func() (comparison, error)
}

// read checks the options, and prepares what the rules report.
func read(ctx context.Context, request check.Request) (context.Context, check.Request, error) {
	declarations, err := option.GetStringValue(request.Options(), declarationsOption)
	if err != nil {
		return nil, nil, err
	}
	accept, err := option.GetStringValue(request.Options(), acceptOption)
	if err != nil {
		return nil, nil, err
	}
	var unknown error
	request.Options().Range(func(key string, _ any) {
		if key != declarationsOption && key != acceptOption {
			unknown = fmt.Errorf("unknown option %q; there are %s: FILE and %s: FILE", key, declarationsOption, acceptOption)
		}
	})
	if unknown != nil {
		return nil, nil, unknown
	}
	made := &found{
		refusals: sync.OnceValues(func() ([]declare.Refusal, error) { return lint(request, declarations) }),
		changes:  sync.OnceValues(func() (comparison, error) { return compare(request, declarations, accept) }),
	}
	return context.WithValue(ctx, foundKey{}, made), request, nil
}

// foundIn returns what read prepared.
func foundIn(ctx context.Context) (*found, error) {
	made, ok := ctx.Value(foundKey{}).(*found)
	if !ok {
		return nil, errors.New("the files were not read")
	}
	return made, nil
}

// readerOf returns what reads the declarations of files, and the files that are not only
// imported.
func readerOf(files []descriptor.FileDescriptor) (*declare.Reader, []protoreflect.FileDescriptor, error) {
	registry := new(protoregistry.Files)
	var targets []protoreflect.FileDescriptor
	for _, file := range files {
		described := file.ProtoreflectFileDescriptor()
		if err := registry.RegisterFile(described); err != nil {
			return nil, nil, fmt.Errorf("read %s: %w", described.Path(), err)
		}
		if !file.IsImport() {
			targets = append(targets, described)
		}
	}
	reader, err := declare.NewReader(declare.Config{Files: registry})
	return reader, targets, err
}

// ruleID is an id in buf's spelling: SALLYPORT_ACTION_MISSING.
func ruleID(category, id string) string {
	return category + "_" + strings.ToUpper(strings.ReplaceAll(id, "-", "_"))
}

// location is where buf shows what is about a descriptor: at the option or, in a .proto
// without source information, at its file. What has no descriptor has no place in any
// .proto, and its message names it.
func location(at protoreflect.Descriptor, files []descriptor.FileDescriptor) []check.AddAnnotationOption {
	if at == nil {
		return nil
	}
	path := at.ParentFile().Path()
	for _, file := range files {
		if source := (declare.Refusal{At: at}).SourcePath(); file.ProtoreflectFileDescriptor().Path() == path && len(source) > 0 {
			return []check.AddAnnotationOption{check.WithFileNameAndSourcePath(path, source)}
		}
	}
	return []check.AddAnnotationOption{check.WithFileName(path)}
}

// contractOf reads the contract of files, or returns why it is refused.
func contractOf(files []descriptor.FileDescriptor, given declare.Given) (*review.Contract, []declare.Refusal, error) {
	reader, targets, err := readerOf(files)
	if err != nil {
		return nil, nil, err
	}
	var declarations []*declare.Declaration
	var refusals []declare.Refusal
	for _, file := range targets {
		of, refused := reader.File(file, given)
		declarations, refusals = append(declarations, of...), append(refusals, refused...)
	}
	if len(refusals) > 0 {
		declare.Sort(refusals)
		return nil, refusals, nil
	}
	return review.Of(declarations), nil, nil
}
