package prove

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// ReadAssertions reads a file of assertions, as [ParseAssertions] does.
func ReadAssertions(path string) ([]*sallyportv1.Assertion, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return nil, err
	}
	return ParseAssertions(path, text)
}

// ParseAssertions reads assertions: protobuf text, or JSON or YAML where the file's name
// ends in .json, .yaml or .yml. What it does not know is refused, and so is an assertion that lacks something. The
// error lists all that is wrong.
func ParseAssertions(name string, text []byte) ([]*sallyportv1.Assertion, error) {
	read := &sallyportv1.Assertions{}
	var err error
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json":
		err = protojson.Unmarshal(text, read)
	case ".yaml", ".yml":
		if text, err = jsonOf(text); err == nil {
			err = protojson.Unmarshal(text, read)
		}
	case ".txtpb", ".textproto", ".textpb":
		err = prototext.Unmarshal(text, read)
	default:
		err = errors.New("assertions are protobuf text in a .txtpb file JSON in a .json file, or YAML in a .yaml file")
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if len(read.GetAssertion()) == 0 {
		return nil, fmt.Errorf("%s: it has no assertion", name)
	}
	var faults []error
	seen := map[string]bool{}
	for i, assertion := range read.GetAssertion() {
		if problem := faultOf(assertion); problem != "" {
			faults = append(faults, fmt.Errorf("%s: assertion[%d] %q: %s", name, i, assertion.GetName(), problem))
		}
		if seen[assertion.GetName()] {
			faults = append(faults, fmt.Errorf("%s: assertion[%d]: another one is called %q", name, i, assertion.GetName()))
		}
		seen[assertion.GetName()] = true
	}
	return read.GetAssertion(), errors.Join(faults...)
}

// jsonOf writes the one document of a YAML text as JSON. A key that is there twice is an
// error.
func jsonOf(text []byte) ([]byte, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	var document any
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("it is empty")
		}
		return nil, err
	}
	if err := decoder.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, errors.New("a second document follows")
	}
	return json.Marshal(document)
}

// faultOf says what an assertion lacks, or "".
func faultOf(of *sallyportv1.Assertion) string {
	blank := func(text string) bool { return strings.TrimSpace(text) == "" }
	switch {
	case blank(of.GetName()):
		return "it needs a `name`"
	case len(of.GetProcedures()) > 0 && len(of.GetFields()) > 0:
		return "it has `procedures` and `fields`: write an assertion for each"
	case len(of.GetProcedures())+len(of.GetFields()) == 0 || slices.ContainsFunc(slices.Concat(of.GetProcedures(), of.GetFields(), of.GetExcept()), blank):
		return "it needs `procedures`, such as \"/acme.v1.*\", or `fields`, such as \"acme.v1.User.email\", and none may be empty"
	}
	switch says := of.GetSays().(type) {
	case *sallyportv1.Assertion_Never:
		if blank(says.Never) {
			return "`never` is an expression"
		}
	case *sallyportv1.Assertion_Equal:
		if blank(says.Equal) {
			return "`equal` is an expression"
		}
	case *sallyportv1.Assertion_Only:
		if len(says.Only.GetAnyRole()) == 0 && len(says.Only.GetAllScopes()) == 0 {
			return "`only` needs `any_role` or `all_scopes`"
		}
	case *sallyportv1.Assertion_Authenticated:
		if len(of.GetFields()) > 0 {
			return "`authenticated` is about procedures, and not about fields"
		}
	case *sallyportv1.Assertion_Reachable:
	default:
		return "it says nothing: write `never`, `only`, `equal`, `reachable` or `authenticated`"
	}
	return ""
}

// A Target is what an assertion is about: an action, or a field of answers. The zero Target is
// nothing.
type Target struct {
	// Name is the procedure, or "field " and the full name of the field.
	Name string
	// Declaration is the action; nil of a field.
	Declaration *declare.Declaration

	asked []*matter // of a field, for each kind of callers
}

// Select returns what an assertion is about. A pattern that matches nothing is an error: what
// it was meant for may be called otherwise by now.
func Select(declarations []*declare.Declaration, assertion *sallyportv1.Assertion) ([]Target, error) {
	kind, patterns := "procedure", assertion.GetProcedures()
	var all []Target
	if len(assertion.GetFields()) > 0 {
		kind, patterns = "field of an answer", assertion.GetFields()
		all = fieldsOf(declarations)
	} else {
		for _, declaration := range declarations {
			all = append(all, Target{Name: declaration.Procedure, Declaration: declaration})
		}
	}
	compiled := map[string]*regexp.Regexp{}
	matches := func(pattern string, target Target) bool {
		return compiled[pattern].MatchString(strings.TrimPrefix(target.Name, fieldPrefix))
	}
	for _, pattern := range slices.Concat(patterns, assertion.GetExcept()) {
		compiled[pattern] = glob(pattern)
		if !slices.ContainsFunc(all, func(target Target) bool { return matches(pattern, target) }) {
			return nil, fmt.Errorf("assertion %q: no %s matches %q", assertion.GetName(), kind, pattern)
		}
	}
	var selected []Target
	for _, target := range all {
		among := func(patterns []string) bool {
			return slices.ContainsFunc(patterns, func(pattern string) bool { return matches(pattern, target) })
		}
		if among(patterns) && !among(assertion.GetExcept()) {
			selected = append(selected, target)
		}
	}
	if len(selected) == 0 {
		return nil, fmt.Errorf("assertion %q: `except` leaves no %s", assertion.GetName(), kind)
	}
	return selected, nil
}

// glob is a pattern in which `*` is any text.
func glob(pattern string) *regexp.Regexp {
	return regexp.MustCompile("^" + strings.ReplaceAll(regexp.QuoteMeta(pattern), `\*`, ".*") + "$")
}
