package declare

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/bufbuild/protocompile"
	gocmp "github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/dynamicpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// sources are .proto files by their paths. Each begins with the word `syntax!`,
// which stands for what a syntax begins with, and writes `singular` before a field
// that some of them want a label on.
type sources map[string]string

// syntaxes are the ways to write one and the same schema.
var syntaxes = map[string]*strings.Replacer{
	"proto3":       strings.NewReplacer("syntax!", `syntax = "proto3";`, "singular ", ""),
	"proto2":       strings.NewReplacer("syntax!", `syntax = "proto2";`, "singular ", "optional "),
	"edition 2023": strings.NewReplacer("syntax!", `edition = "2023";`, "singular ", "", "optional ", ""),
}

// in writes sources in a syntax.
func (s sources) in(syntax string) sources {
	written := sources{}
	for path, text := range s {
		written[path] = syntaxes[syntax].Replace(text)
	}
	return written
}

// a schema is compiled sources; their imports come from the descriptors that are
// linked into the test, unless they are sources too.
type schema struct{ files *protoregistry.Files }

func (s schema) file(tb testing.TB, path string) protoreflect.FileDescriptor {
	tb.Helper()
	file, err := s.files.FindFileByPath(path)
	if err != nil {
		tb.Fatal(err)
	}
	return file
}

func compile(tb testing.TB, of sources) schema {
	tb.Helper()
	linked := protocompile.ResolverFunc(func(path string) (protocompile.SearchResult, error) {
		file, err := protoregistry.GlobalFiles.FindFileByPath(path)
		return protocompile.SearchResult{Desc: file}, err
	})
	compiler := protocompile.Compiler{
		Resolver:       protocompile.CompositeResolver{&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(of)}, linked},
		SourceInfoMode: protocompile.SourceInfoStandard,
	}
	compiled, err := compiler.Compile(tb.Context(), slices.Sorted(maps.Keys(of))...)
	if err != nil {
		tb.Fatal(err)
	}
	files := new(protoregistry.Files)
	for _, file := range compiled {
		if err := files.RegisterFile(file); err != nil {
			tb.Fatal(err)
		}
	}
	return schema{files}
}

// resolver finds the extensions that options are made of.
type resolver interface {
	FindExtensionByName(field protoreflect.FullName) (protoreflect.ExtensionType, error)
	FindExtensionByNumber(message protoreflect.FullName, field protoreflect.FieldNumber) (protoreflect.ExtensionType, error)
}

// overWire makes the schema anew from its wire form, as a program does that was sent
// it: which options it can read is up to the resolver. A mutation may spoil it.
func (s schema) overWire(tb testing.TB, extensions resolver, mutations ...func(*descriptorpb.FileDescriptorProto)) schema {
	tb.Helper()
	made := schema{new(protoregistry.Files)}
	var add func(file protoreflect.FileDescriptor)
	add = func(file protoreflect.FileDescriptor) {
		if _, err := made.files.FindFileByPath(file.Path()); err == nil {
			return
		}
		for i := range file.Imports().Len() {
			if imported, err := s.files.FindFileByPath(file.Imports().Get(i).Path()); err == nil {
				add(imported)
			}
		}
		wire, err := proto.Marshal(protodesc.ToFileDescriptorProto(file))
		if err != nil {
			tb.Fatal(err)
		}
		read := &descriptorpb.FileDescriptorProto{}
		if err := (proto.UnmarshalOptions{Resolver: extensions}).Unmarshal(wire, read); err != nil {
			tb.Fatal(err)
		}
		for _, mutate := range mutations {
			mutate(read)
		}
		rebuilt, err := protodesc.NewFile(read, made)
		if err != nil {
			tb.Fatal(err)
		}
		if err := made.files.RegisterFile(rebuilt); err != nil {
			tb.Fatal(err)
		}
	}
	s.files.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		add(file)
		return true
	})
	return made
}

// FindFileByPath finds a file of the schema or, failing that, one that is linked in.
func (s schema) FindFileByPath(path string) (protoreflect.FileDescriptor, error) {
	if file, err := s.files.FindFileByPath(path); err == nil {
		return file, nil
	}
	return protoregistry.GlobalFiles.FindFileByPath(path)
}

// FindDescriptorByName finds like FindFileByPath.
func (s schema) FindDescriptorByName(name protoreflect.FullName) (protoreflect.Descriptor, error) {
	if found, err := s.files.FindDescriptorByName(name); err == nil {
		return found, nil
	}
	return protoregistry.GlobalFiles.FindDescriptorByName(name)
}

// kinds are the ways to come by a descriptor. Each is read alike.
var kinds = map[string]func(testing.TB, schema) schema{
	// The compiler's own descriptors, whose options are dynamic messages.
	"compiled": func(_ testing.TB, s schema) schema { return s },
	// As in generated code and in the plugin: options are generated Go types.
	"generated": func(tb testing.TB, s schema) schema {
		tb.Helper()
		return s.overWire(tb, protoregistry.GlobalTypes)
	},
	// As in a program that was sent a schema: options are dynamic messages.
	"dynamic": func(tb testing.TB, s schema) schema {
		tb.Helper()
		return s.overWire(tb, dynamicpb.NewTypes(protoregistry.GlobalFiles))
	},
}

func newReader(tb testing.TB, files Files) *Reader {
	tb.Helper()
	reader, err := NewReader(Config{Files: files})
	if err != nil {
		tb.Fatal(err)
	}
	return reader
}

// A fault is a refusal as far as a source says in advance which it wants: where a
// line ends in `//! SUBJECT RULE RULE`, these rules refuse the subject there.
type fault struct {
	Rule    Rule
	Subject string
	File    string
	Line    int
}

var marker = regexp.MustCompile(`//! (\S+) (.*)$`)

// faults returns what the markers of some sources ask for.
func (s sources) faults(tb testing.TB) []fault {
	tb.Helper()
	var wanted []fault
	for path, text := range s {
		for i, line := range strings.Split(text, "\n") {
			found := marker.FindStringSubmatch(line)
			if found == nil {
				continue
			}
			for rule := range strings.FieldsSeq(found[2]) {
				wanted = append(wanted, fault{Rule(rule), found[1], path, i + 1})
			}
		}
	}
	return sorted(wanted)
}

func faultsOf(refusals []Refusal) []fault {
	var faults []fault
	for _, refusal := range refusals {
		faults = append(faults, fault{refusal.Rule, refusal.Subject, refusal.Position.File, refusal.Position.Line})
	}
	return sorted(faults)
}

// rulesOf are the rules of refusals, in their order.
func rulesOf(refusals []Refusal) []Rule {
	var rules []Rule
	for _, refusal := range refusals {
		rules = append(rules, refusal.Rule)
	}
	return rules
}

func sorted(faults []fault) []fault {
	slices.SortFunc(faults, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Rule, b.Rule))
	})
	return faults
}

// A way is a syntax and a kind.
type way struct{ syntax, kind string }

// everyWay is each syntax with each kind.
func everyWay() []way {
	var ways []way
	for _, syntax := range slices.Sorted(maps.Keys(syntaxes)) {
		for _, kind := range slices.Sorted(maps.Keys(kinds)) {
			ways = append(ways, way{syntax, kind})
		}
	}
	return ways
}

// check reads a file of the sources in every syntax, each in another kind, and
// compares what is refused, to the last one, with what the markers ask for. It
// returns the declarations, which are the same in all of them too. A nil reader
// stands for one that finds all of the sources without an import.
func check(t *testing.T, reader *Reader, of sources, path string) []*Declaration {
	t.Helper()
	return checkIn(t, []way{{"edition 2023", "compiled"}, {"proto2", "dynamic"}, {"proto3", "generated"}}, reader, of, path)
}

func checkIn(t *testing.T, ways []way, reader *Reader, of sources, path string) []*Declaration {
	t.Helper()
	var first *outcome
	var declared []*Declaration
	for _, way := range ways {
		written := of.in(way.syntax)
		schema := kinds[way.kind](t, compile(t, written))
		reader := reader
		if reader == nil {
			reader = newReader(t, schema.files)
		}
		declarations, refusals := reader.File(schema.file(t, path), Given{})
		if diff := gocmp.Diff(written.faults(t), faultsOf(refusals)); diff != "" {
			t.Fatalf("%v: -want +got\n%s%s", way, diff, texts(refusals))
		}
		for _, refusal := range refusals {
			// Conditions are options of a file, and what is wrong with one is of no descriptor.
			if !strings.HasPrefix(string(refusal.Rule), "condition-") && refusal.At == nil {
				t.Errorf("%v: %s is of nothing", way, refusal)
			}
		}
		got := newOutcome(declarations, refusals)
		if first == nil {
			first, declared = got, declarations
		}
		if diff := gocmp.Diff(first, got, protocmp.Transform()); diff != "" {
			t.Errorf("%v differs from %v: -first +got\n%s", way, ways[0], diff)
		}
	}
	return declared
}

func texts(refusals []Refusal) string {
	var text strings.Builder
	for _, refusal := range refusals {
		fmt.Fprintln(&text, refusal)
	}
	return text.String()
}

// An outcome is all that a reading says, apart from descriptors.
type outcome struct {
	Refusals     []Refusal
	Declarations []declaration
}

type declaration struct {
	Procedure, Who string
	Schemes        []string
	MaxAge         string
	Anonymous      bool
	Anyone         bool
	Conceal        bool
	Timing         sallyportv1.Stream_Timing
	Grants         [][]string
	Option         *sallyportv1.Action
}

func newOutcome(declarations []*Declaration, refusals []Refusal) *outcome {
	made := &outcome{}
	for _, refusal := range refusals {
		refusal.Fix = "" // may be written in the syntax that was read
		refusal.At = nil
		made.Refusals = append(made.Refusals, refusal)
	}
	for _, of := range declarations {
		plain := declaration{
			Procedure: of.Procedure, Who: of.Who(), Schemes: of.Schemes, MaxAge: of.MaxAge.String(),
			Anonymous: of.Anonymous(), Anyone: of.Anyone, Conceal: of.Conceal, Timing: of.Timing(), Option: of.Option,
		}
		for _, one := range of.Grants {
			var conditions []string
			for _, condition := range one.Conditions {
				conditions = append(conditions, fmt.Sprintf("%s %q", condition, condition.restsOn()))
			}
			plain.Grants = append(plain.Grants, conditions)
		}
		made.Declarations = append(made.Declarations, plain)
	}
	return made
}
