package filter

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// element is a message with a presence, a message and lists: that of a field.
func element() *descriptorpb.FieldDescriptorProto {
	return &descriptorpb.FieldDescriptorProto{
		Name: new("a"), Number: proto.Int32(7), Type: descriptorpb.FieldDescriptorProto_TYPE_BOOL.Enum(),
		Options: &descriptorpb.FieldOptions{Deprecated: new(true)},
	}
}

func path(of protoreflect.MessageDescriptor, names ...protoreflect.Name) []protoreflect.FieldDescriptor {
	var fields []protoreflect.FieldDescriptor
	for _, name := range names {
		field := of.Fields().ByName(name)
		fields, of = append(fields, field), field.Message()
	}
	return fields
}

func TestMatches(t *testing.T) {
	t.Parallel()
	kind := element().ProtoReflect().Descriptor()
	at := func(kindOf Kind, value any, names ...protoreflect.Name) *Node {
		node := &Node{Kind: kindOf, Path: path(kind, names...)}
		if value != nil {
			node.Values = []any{value}
		}
		return node
	}
	ask := func(holds, known bool) *Node {
		return &Node{Kind: Other, Ask: func(proto.Message) (bool, bool) { return holds, known }}
	}
	tests := map[string]struct {
		node        *Node
		is, negated bool // what it and its negation say; neither where it is absent
	}{
		"zero":                {&Node{}, false, true},
		"true":                {&Node{Kind: True}, true, false},
		"absent":              {&Node{Kind: Absent}, false, false},
		"text":                {at(Equals, "a", "name"), true, false},
		"other text":          {at(Equals, "A", "name"), false, true},
		"text that is absent": {at(Equals, "a", "extendee"), false, false},
		"number":              {at(Equals, int64(7), "number"), true, false},
		"number of a type":    {at(Equals, uint64(7), "number"), false, true},
		"enum":                {at(Equals, int64(8), "type"), true, false},
		"less":                {at(Less, int64(8), "number"), true, false},
		"not less":            {at(Less, int64(7), "number"), false, true},
		"less or equal":       {at(LessEquals, int64(7), "number"), true, false},
		"greater":             {at(Greater, int64(6), "number"), true, false},
		"greater or equal":    {at(GreaterEquals, int64(8), "number"), false, true},
		"order of types":      {at(Less, "8", "number"), false, false},
		"order of absent":     {at(Less, int64(8), "oneof_index"), false, false},
		"below":               {at(Equals, true, "options", "deprecated"), true, false},
		"below, absent":       {at(Equals, true, "options", "features", "enum_type"), false, false},
		"has":                 {at(Has, nil, "name"), true, false},
		"has not":             {at(Has, nil, "extendee"), false, true},
		"has below absent":    {at(Has, nil, "options", "features", "enum_type"), false, false},
		"among none":          {&Node{Kind: Among, Path: path(kind, "name")}, false, true},
		"among":               {&Node{Kind: Among, Path: path(kind, "name"), Values: []any{"b", "a"}}, true, false},
		"among, absent":       {&Node{Kind: Among, Path: path(kind, "extendee"), Values: []any{"b", "a"}}, false, false},
		"compared with none":  {&Node{Kind: Equals, Path: path(kind, "name")}, false, false},
		"no path":             {&Node{Kind: Has}, false, false},
		"a path of another":   {&Node{Kind: Has, Path: path((&descriptorpb.FileDescriptorProto{}).ProtoReflect().Descriptor(), "syntax")}, false, false},
		"a message":           {at(Equals, true, "options"), false, false},
		"asked, true":         {ask(true, true), true, false},
		"asked, false":        {ask(false, true), false, true},
		"asked, absent":       {ask(true, false), false, false},
		"nothing to ask":      {&Node{Kind: Other}, false, false},
		"a kind that is none": {&Node{Kind: 99}, false, false},
		"and":                 {&Node{Kind: And, Nodes: []*Node{{Kind: True}, {Kind: Absent}}}, false, false},
		"and, false":          {&Node{Kind: And, Nodes: []*Node{{Kind: Absent}, {}}}, false, true},
		"and of none":         {&Node{Kind: And}, true, false},
		"or":                  {&Node{Kind: Or, Nodes: []*Node{{Kind: Absent}, {Kind: True}}}, true, false},
		"or, absent":          {&Node{Kind: Or, Nodes: []*Node{{Kind: Absent}, {}}}, false, false},
		"or of none":          {&Node{Kind: Or}, false, true},
		"not of none":         {&Node{Kind: Not}, false, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := New(test.node).Matches(element()); got != test.is {
				t.Errorf("it says %t", got)
			}
			if got := New(&Node{Kind: Not, Nodes: []*Node{test.node}}).Matches(element()); got != test.negated {
				t.Errorf("its negation says %t", got)
			}
			if got := New(Negated(test.node)).Matches(element()); got != test.negated && test.node.Kind != Not {
				t.Errorf("its negation in short says %t", got)
			}
		})
	}
}

// A repeated field has a value or not, and is never absent by itself.
func TestContains(t *testing.T) {
	t.Parallel()
	file := &descriptorpb.FileDescriptorProto{Dependency: []string{"a", "b"}, PublicDependency: []int32{3}}
	kind := file.ProtoReflect().Descriptor()
	for _, test := range []struct {
		name  protoreflect.Name
		value any
		want  bool
	}{{"dependency", "b", true}, {"dependency", "B", false}, {"public_dependency", int64(3), true}, {"public_dependency", "3", false}, {"weak_dependency", int64(3), false}, {"name", "", false}} {
		if got := New(&Node{Kind: Contains, Path: path(kind, test.name), Values: []any{test.value}}).Matches(file); got != test.want {
			t.Errorf("%s has %v: %t", test.name, test.value, got)
		}
	}
}

// A Timestamp is compared as a time, to the nanosecond.
func TestTimes(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 12, 0, 0, 1, time.UTC)
	stamp := timestamppb.New(at)
	if !New(&Node{Kind: Equals, Path: path(stamp.ProtoReflect().Descriptor(), "nanos"), Values: []any{int64(1)}}).Matches(stamp) {
		t.Error("the nanoseconds are a number")
	}
	for i, other := range []time.Time{at.Add(-1), at, at.Add(1)} {
		if order, ok := compare(at, other); !ok || order != 1-i {
			t.Errorf("%v to %v: %d, %t", at, other, order, ok)
		}
	}
}

func TestZeroFilter(t *testing.T) {
	t.Parallel()
	var zero Filter
	if zero.Matches(element()) || zero.All() || !zero.None() || zero.Node().Kind != False {
		t.Error("the zero filter matches something")
	}
	if New(&Node{Kind: True}).Matches(nil) {
		t.Error("no element matches")
	}
	if of := New(&Node{Kind: True}); !of.All() || of.None() || !of.Matches(&structpb.Struct{}) {
		t.Error("true matches each")
	}
}

func TestConnected(t *testing.T) {
	t.Parallel()
	leaf := &Node{Kind: Has}
	of := func(kind Kind, nodes ...*Node) *Node { return &Node{Kind: kind, Nodes: nodes} }
	tests := map[string]struct{ got, want *Node }{
		"and of none":          {Connected(And), of(True)},
		"or of none":           {Connected(Or), of(False)},
		"and, true left out":   {Connected(And, of(True), leaf), leaf},
		"and, false decides":   {Connected(And, leaf, of(Absent), of(False)), of(False)},
		"or, true decides":     {Connected(Or, leaf, of(Absent), of(True)), of(True)},
		"or, absent is kept":   {Connected(Or, of(Absent), leaf), of(Or, leaf, of(Absent))},
		"absent alone":         {Connected(And, of(True), of(Absent)), of(Absent)},
		"flat":                 {Connected(And, of(And, leaf, leaf), leaf), of(And, leaf, leaf, leaf)},
		"another kind is kept": {Connected(And, of(Or, leaf, leaf), leaf), of(And, of(Or, leaf, leaf), leaf)},
		"not true":             {Negated(of(True)), of(False)},
		"not absent":           {Negated(of(Absent)), of(Absent)},
		"not not":              {Negated(of(Not, leaf)), leaf},
	}
	for name, test := range tests {
		if got, want := shape(test.got), shape(test.want); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func shape(node *Node) string {
	var text strings.Builder
	fmt.Fprint(&text, node.Kind)
	for _, node := range node.Nodes {
		fmt.Fprint(&text, "(", shape(node), ")")
	}
	return text.String()
}
