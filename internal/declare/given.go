package declare

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/dynamicpb"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// Given are declarations from outside the .proto, for services whose .proto is not
// the user's to edit. The zero Given has none.
type Given struct {
	// Source says where they come from: the path of a file, or "the generated code".
	Source string
	// Actions are the declarations by procedure. Nothing changes them while they are
	// read.
	Actions map[string]*sallyportv1.Action
	// Uses are the proto packages whose catalogues the declarations name.
	Uses []string
}

// Unmatched refuses the declarations of procedures that do not exist.
func (g Given) Unmatched(exists func(procedure string) bool) []Refusal {
	var refusals []Refusal
	for _, procedure := range slices.Sorted(maps.Keys(g.Actions)) {
		if !exists(procedure) {
			refusals = append(refusals, refuse(RuleDeclarationUnknown, procedure, Position{File: g.Source},
				"it is declared, but there is no such procedure"))
		}
	}
	return refusals
}

// ReadDeclarations reads the file of declarations at a path, as [ParseDeclarations]
// does. The path "" stands for none.
func ReadDeclarations(path string) (Given, []Refusal) {
	if path == "" {
		return Given{}, nil
	}
	text, err := os.ReadFile(path) //nolint:gosec // the user names the file
	if err != nil {
		return Given{}, []Refusal{refuse(RuleDeclarationUnread, "declarations", Position{File: path}, "the file cannot be read: %v", err)}
	}
	return ParseDeclarations(path, text)
}

// ParseDeclarations reads a file of declarations: protobuf text, or JSON where the
// file's name ends in .json. Fields that it does not know are refused, and so is a
// procedure that is named twice.
func ParseDeclarations(name string, text []byte) (Given, []Refusal) {
	declarations := &sallyportv1.Declarations{}
	var err error
	switch strings.ToLower(filepath.Ext(name)) {
	case ".json":
		err = protojson.Unmarshal(text, declarations) // which refuses a key that is there twice
	case ".txtpb", ".textproto", ".textpb":
		var twice []string
		twice, err = parseText(text, declarations)
		if len(twice) > 0 {
			return Given{}, givenTwice(name, text, twice)
		}
	default:
		err = errors.New("declarations are protobuf text in a .txtpb file or JSON in a .json file")
	}
	if err != nil {
		return Given{}, []Refusal{refuse(RuleDeclarationUnread, "declarations", Position{File: name}, "the file cannot be read: %v", err)}
	}
	return Given{Source: name, Actions: declarations.GetActions(), Uses: declarations.GetUses()}, nil
}

// parseText reads declarations in protobuf text, and returns the procedures that
// they name more than once. Of two entries of a map with one key a parser takes the
// last and says nothing, so the map is read as the list of entries that it is on the
// wire.
func parseText(text []byte, declarations *sallyportv1.Declarations) (twice []string, err error) {
	list, fault := declarationList()
	if fault != nil {
		return nil, fault
	}
	read := dynamicpb.NewMessage(list)
	if err := prototext.Unmarshal(text, read); err != nil {
		return nil, err
	}
	seen := map[string]int{}
	entries := read.Get(list.Fields().ByName("actions")).List()
	for i := range entries.Len() {
		entry := entries.Get(i).Message()
		procedure := entry.Get(entry.Descriptor().Fields().ByName("key")).String()
		if seen[procedure]++; seen[procedure] == 2 {
			twice = append(twice, procedure)
		}
	}
	wire, err := proto.Marshal(read)
	return twice, errors.Join(err, proto.Unmarshal(wire, declarations))
}

// declarationList describes sallyport.v1.Declarations with its map as a list of
// entries.
func declarationList() (protoreflect.MessageDescriptor, error) {
	name := (&sallyportv1.Declarations{}).ProtoReflect().Descriptor().Name()
	file := protodesc.ToFileDescriptorProto(sallyportv1.File_sallyport_v1_action_proto)
	for _, message := range file.GetMessageType() {
		for _, nested := range message.GetNestedType() {
			nested.Options = nil // map_entry
		}
	}
	list, err := protodesc.NewFile(file, protoregistry.GlobalFiles)
	if err != nil {
		return nil, fmt.Errorf("describe declarations as a list: %w", err)
	}
	return list.Messages().ByName(name), nil
}

// givenTwice refuses the procedures that a file names more than once.
func givenTwice(name string, text []byte, twice []string) []Refusal {
	refusals := make([]Refusal, len(twice))
	for i, procedure := range twice {
		var lines []int
		for number, line := range strings.Split(string(text), "\n") {
			if strings.Contains(line, `"`+procedure+`"`) {
				lines = append(lines, number+1)
			}
		}
		position, where := Position{File: name}, ""
		if len(lines) > 1 {
			position = Position{File: name, Line: lines[1], Column: 1}
			where = fmt.Sprintf(", first in line %d", lines[0])
		}
		refusals[i] = refuse(RuleGivenTwice, procedure, position, "the file declares it twice%s", where)
	}
	return refusals
}

// JSON writes an action for generated code to carry. The same action is always
// written the same.
func JSON(action *sallyportv1.Action) (string, error) {
	text, err := protojson.Marshal(action)
	if err != nil {
		return "", err
	}
	// protojson puts spaces in at random, so that no program relies on them.
	var value any
	if fault := json.Unmarshal(text, &value); fault != nil {
		return "", fault
	}
	text, err = json.Marshal(value)
	return string(text), err
}

// ParseJSON reads what [JSON] wrote.
func ParseJSON(text string) (*sallyportv1.Action, error) {
	action := &sallyportv1.Action{}
	return action, protojson.Unmarshal([]byte(text), action)
}

// GivenByProgram returns a declaration that a program gives for every method of a
// service: a sallyport.v1.Action in protobuf text. What it says of streams holds for the
// streaming methods alone. Empty text is refused, and so is what cannot be read.
func GivenByProgram(service protoreflect.ServiceDescriptor, text string) (Given, []Refusal) {
	given := Given{Source: "the program", Actions: map[string]*sallyportv1.Action{}}
	action, err := ParseText(text)
	if err != nil || len(setFields(action.ProtoReflect())) == 0 {
		refusal := refuse(RuleMissing, string(service.FullName()), Position{File: given.Source}, "nothing says who may call it")
		if err != nil {
			refusal = refuse(RuleDeclarationUnread, string(service.FullName()), Position{File: given.Source}, "its declaration cannot be read: %v", err)
		}
		refusal.Fix = "register it with a declaration such as\n" + givenText
		return Given{}, []Refusal{refusal}
	}
	for i := range service.Methods().Len() {
		method, declared := service.Methods().Get(i), proto.CloneOf(action)
		if !method.IsStreamingClient() && !method.IsStreamingServer() {
			declared.Stream = nil
		}
		given.Actions[Procedure(method)] = declared
	}
	return given, nil
}

// ParseText reads a declaration in protobuf text, as it stands in a .proto.
func ParseText(text string) (*sallyportv1.Action, error) {
	action := &sallyportv1.Action{}
	return action, prototext.Unmarshal([]byte(text), action)
}

// givenText is a declaration that a program may give to any service.
const givenText = `authenticate: {schemes: "session"} authorize: {anyone: "REASON"} stream: {authorize: OPEN}`
