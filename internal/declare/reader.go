package declare

import (
	"errors"
	"fmt"
	"strings"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/validation"
)

// Files finds the files of a proto package, so that a role catalogue is found
// without an import that nothing else needs, and all files, so that extensions of a
// message are found. [*protoregistry.Files] is one.
type Files interface {
	RangeFiles(visit func(protoreflect.FileDescriptor) bool)
	RangeFilesByPackage(name protoreflect.FullName, visit func(protoreflect.FileDescriptor) bool)
}

// A Config is what a [Reader] is made with.
type Config struct {
	// Files are where catalogues are looked for, besides the imports of the files that are
	// read. Nil has none.
	Files Files
	// Requests are asked which fields of a request its validation rules keep from
	// being empty. Nil stands for new ones.
	Requests *validation.Validators
	// GoPackage returns the import path of the Go package of a file. Nil stands for
	// what the file's option go_package says.
	GoPackage func(protoreflect.FileDescriptor) string
}

// A Reader reads declarations. What it returns depends on its arguments and on the
// files it was made with alone: it remembers what it has read, to read it once. It is
// not safe for concurrent use. Make one with [NewReader].
type Reader struct {
	files      Files
	goPackage  func(protoreflect.FileDescriptor) string
	validator  protovalidate.Validator // of our own options
	requests   *validation.Validators  // of what users declare
	conditions *condition.Environment
	// catalogues remembers those of each file, found good or not.
	catalogues map[protoreflect.FileDescriptor]fileCatalogues
	// claims remembers the types of claims of each file, found good or not.
	claims map[protoreflect.FileDescriptor]fileClaims
	// named remembers the named conditions of each file, found good or not.
	named map[protoreflect.FileDescriptor]namedConditions
	// fields remembers the rules of the fields of each message, found good or not.
	fields map[protoreflect.MessageDescriptor]fieldRules
	// visibles remembers which files each file sees.
	visibles map[protoreflect.FileDescriptor][]protoreflect.FileDescriptor
	// extensions are those with validation rules; nil until they are asked for.
	extensions map[protoreflect.FullName][]protoreflect.FieldDescriptor
}

type fileCatalogues struct {
	found    []*Catalogue // of roles, those that were refused too
	scopes   []*Catalogue // the same of scopes
	refusals []Refusal
}

// NewReader returns a reader. The error is a fault of this build.
func NewReader(config Config) (*Reader, error) {
	if config.Requests == nil {
		config.Requests = validation.New()
	}
	if config.GoPackage == nil {
		config.GoPackage = optionGoPackage
	}
	validator, err := protovalidate.New(protovalidate.WithDisableLazy(),
		protovalidate.WithMessages(&sallyportv1.Action{}, &sallyportv1.Role{}, &sallyportv1.Scope{}, &sallyportv1.NamedCondition{}, &sallyportv1.Field{}))
	if err != nil {
		return nil, fmt.Errorf("compile the rules of the options: %w", err)
	}
	conditions, err := condition.NewEnvironment()
	if err != nil {
		return nil, err
	}
	return fresh(&Reader{
		files:      config.Files,
		goPackage:  config.GoPackage,
		validator:  validator,
		requests:   config.Requests,
		conditions: conditions,
	}), nil
}

// fresh makes a reader ready, which remembers nothing yet.
func fresh(r *Reader) *Reader {
	r.catalogues = map[protoreflect.FileDescriptor]fileCatalogues{}
	r.claims = map[protoreflect.FileDescriptor]fileClaims{}
	r.named = map[protoreflect.FileDescriptor]namedConditions{}
	r.fields = map[protoreflect.MessageDescriptor]fieldRules{}
	r.visibles = map[protoreflect.FileDescriptor][]protoreflect.FileDescriptor{}
	return r
}

// Lint reads files and returns all refusals in the order of the source, each once:
// files that see the same catalogue are refused for the same faults of it.
func (r *Reader) Lint(files []protoreflect.FileDescriptor, given Given) []Refusal {
	var refusals []Refusal
	var declarations []*Declaration
	known := map[Refusal]bool{}
	for _, file := range files {
		read, found := r.File(file, given)
		declarations = append(declarations, read...)
		for _, refusal := range found {
			if !known[refusal] {
				known[refusal] = true
				refusals = append(refusals, refusal)
			}
		}
	}
	// Of services that know of each other here alone: one of which anything was refused has
	// no declarations.
	refusals = append(refusals, r.Authority(declarations)...)
	refusals = append(refusals, r.GoNames(files, declarations)...)
	Sort(refusals)
	return refusals
}

// File reads all of a file: its services, and the catalogues that it sees. Declarations
// come along only when nothing is refused. Files that see the same catalogue are refused for the same faults of it.
func (r *Reader) File(file protoreflect.FileDescriptor, given Given) ([]*Declaration, []Refusal) {
	refusals := r.View(file).refused()
	var declarations []*Declaration
	for i := range file.Services().Len() {
		if IsOfProgram(file.Services().Get(i), given) {
			continue
		}
		of, more := r.service(file.Services().Get(i), given)
		declarations, refusals = append(declarations, of...), append(refusals, more...)
	}
	if len(refusals) > 0 {
		return nil, refusals
	}
	return declarations, nil
}

// Service reads the declarations of a service, in the order of its methods, and the
// catalogues that they see. Declarations come along only when nothing
// is refused.
func (r *Reader) Service(service protoreflect.ServiceDescriptor, given Given) ([]*Declaration, []Refusal) {
	declarations, refusals := r.service(service, given)
	refusals = append(refusals, r.View(service.ParentFile()).refused()...)
	if len(refusals) > 0 {
		return nil, refusals
	}
	return declarations, nil
}

func (r *Reader) service(service protoreflect.ServiceDescriptor, given Given) (declarations []*Declaration, refusals []Refusal) {
	near := newNeighbourhood(r, service, given)
	for i := range service.Methods().Len() {
		declaration, more := r.method(service.Methods().Get(i), near)
		if declaration != nil {
			declarations = append(declarations, declaration)
		}
		refusals = append(refusals, more...)
	}
	if near.outside != nil {
		refusals = append(refusals, near.outside.refused(r.View(service.ParentFile()))...)
	}
	refusals = append(refusals, r.unbounded(service)...)
	refusals = append(refusals, r.readDetails(service, declarations)...)
	refusals = append(refusals, resourceCollisions(declarations)...)
	refusals = append(refusals, r.Authority(declarations)...)
	return declarations, append(refusals, collisions(declarations)...)
}

// collisions refuses checks of a service that would be one and the same in Go.
func collisions(declarations []*Declaration) []Refusal {
	var refusals []Refusal
	seen := map[string]string{}
	for _, declaration := range declarations {
		for _, check := range declaration.Checks() {
			name, of := CheckName(declaration.Method, check), declaration.Procedure+" "+check
			if before, ok := seen[name]; ok && before != of {
				refusal := Refuse(RuleCheckCollision, declaration.Method,
					"its check %q would be %s in Go, which is the name of another check already: %s", check, name, before)
				refusal.Fix = fmt.Sprintf("give the check another name, such as %q", check+"_here")
				refusals = append(refusals, refusal)
			}
			seen[name] = of
		}
	}
	return refusals
}

// refused returns what is wrong with the catalogues, the claims and the named conditions
// of a view.
func (v View) refused() []Refusal {
	var refusals []Refusal
	for _, file := range v.files {
		refusals = append(refusals, v.reader.fileCatalogues(file).refusals...)
		refusals = append(refusals, v.reader.namedConditions(file).refusals...)
	}
	for _, file := range v.own() {
		refusals = append(refusals, refusedUses(file)...)
		refusals = append(refusals, v.reader.fieldsOf(file).refusals...)
	}
	refusals = append(refusals, v.conditionTwice()...)
	refusals = append(refusals, v.refusedClaims()...)
	refusals = append(refusals, v.catalogueTwice(roleVocabulary(), func(of fileCatalogues) []*Catalogue { return of.found })...)
	return append(refusals, v.catalogueTwice(scopeVocabulary(), func(of fileCatalogues) []*Catalogue { return of.scopes })...)
}

// fileCatalogues reads the catalogues of one file, nested enums included.
func (r *Reader) fileCatalogues(file protoreflect.FileDescriptor) fileCatalogues {
	if known, ok := r.catalogues[file]; ok {
		return known
	}
	var read fileCatalogues
	for _, enum := range enums(file) {
		catalogue, refusals := r.catalogue(enum, roleVocabulary())
		if catalogue != nil {
			read.found = append(read.found, catalogue)
		}
		scopes, more := r.catalogue(enum, scopeVocabulary())
		if scopes != nil {
			read.scopes = append(read.scopes, scopes)
		}
		read.refusals = append(append(read.refusals, refusals...), more...)
	}
	r.catalogues[file] = read
	return read
}

// catalogueTwice refuses all but the first catalogue of a kind in a view's own package.
func (v View) catalogueTwice(kind *vocabulary, of func(fileCatalogues) []*Catalogue) []Refusal {
	var refusals []Refusal
	var first *Catalogue
	for _, file := range v.own() {
		for _, catalogue := range of(v.reader.fileCatalogues(file)) {
			if first == nil {
				first = catalogue
				continue
			}
			refusal := refuse(kind.twice, string(catalogue.Enum.FullName()), positionOf(catalogue.Enum),
				"package %s has a %s catalogue already: %s", v.file.Package(), kind.word, first.Enum.FullName())
			refusal.At = catalogue.Enum
			refusal.Fix = fmt.Sprintf("move the %ss to %s (%s), and remove option (%s) from %s",
				kind.word, first.Enum.FullName(), positionOf(first.Enum), kind.option(), catalogue.Enum.Name())
			refusals = append(refusals, refusal)
		}
	}
	return refusals
}

// problem is a protovalidate violation in our words.
type problem struct {
	rule Rule
	path string
	text string
}

// String is what is wrong, and where in the option.
func (p problem) String() string { return strings.TrimPrefix(p.path+": "+p.text, ": ") }

// violations applies the protovalidate rules of our own option messages.
func (r *Reader) violations(option proto.Message) []problem {
	err := r.validator.Validate(option)
	if err == nil {
		return nil
	}
	invalid, ok := errors.AsType[*protovalidate.ValidationError](err)
	if !ok {
		// Fails closed: rules that do not run have not been kept.
		return []problem{{rule: RuleUnresolved, text: err.Error()}}
	}
	problems := make([]problem, len(invalid.Violations))
	for i, violation := range invalid.Violations {
		problems[i] = problem{
			rule: Rule(violation.Proto.GetRuleId()),
			path: protovalidate.FieldPathString(violation.Proto.GetField()),
			text: violation.Proto.GetMessage(),
		}
	}
	return problems
}

// Catalogues returns the catalogues of roles, and those of scopes, of a file. They are
// good where [Reader.File] refuses nothing.
func (r *Reader) Catalogues(file protoreflect.FileDescriptor) (roles, scopes []*Catalogue) {
	return r.fileCatalogues(file).found, r.fileCatalogues(file).scopes
}
