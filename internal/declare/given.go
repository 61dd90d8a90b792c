package declare

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// given is a declaration from outside the .proto.
type given struct {
	action *sallyportv1.Action
	source string // where it comes from, for people
}

// Give adds declarations from outside the .proto, for services that are not ours to
// edit, in place of those that were given before.
func (r *Reader) Give(source string, declarations *sallyportv1.Declarations) {
	r.given = make(map[string]given, len(declarations.GetActions()))
	for procedure, action := range declarations.GetActions() {
		r.given[procedure] = given{action: action, source: source}
	}
}

// Unmatched refuses what was given for procedures that do not exist.
func (r *Reader) Unmatched(exists func(procedure string) bool) []Refusal {
	var refusals []Refusal
	for _, procedure := range slices.Sorted(maps.Keys(r.given)) {
		if !exists(procedure) {
			refusals = append(refusals, refuse(RuleDeclarationUnknown, procedure, Position{File: r.given[procedure].source},
				"it is declared, but there is no such procedure"))
		}
	}
	return refusals
}

// ParseDeclarations reads a file of declarations: protobuf text, or JSON where the
// file's name ends in .json. What it does not know it refuses.
func ParseDeclarations(name string, text []byte) (*sallyportv1.Declarations, error) {
	declarations := &sallyportv1.Declarations{}
	var err error
	switch extension := strings.ToLower(filepath.Ext(name)); extension {
	case ".json":
		err = protojson.Unmarshal(text, declarations)
	case ".txtpb", ".textproto", ".textpb":
		err = prototext.Unmarshal(text, declarations)
	default:
		return nil, fmt.Errorf("%s: declarations are protobuf text in a .txtpb file or JSON in a .json file", name)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return declarations, nil
}

// JSON writes an action for generated code to carry. The same action is always
// written the same.
func JSON(action *sallyportv1.Action) (string, error) {
	text, err := protojson.Marshal(action)
	if err != nil {
		return "", err
	}
	// protojson puts spaces in at random, lest anybody count on them.
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return "", err
	}
	text, err = json.Marshal(value)
	return string(text), err
}

// ParseJSON reads what [JSON] wrote.
func ParseJSON(text string) (*sallyportv1.Action, error) {
	action := &sallyportv1.Action{}
	return action, protojson.Unmarshal([]byte(text), action)
}
