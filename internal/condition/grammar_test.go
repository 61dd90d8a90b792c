package condition

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// words are what ids, names and keys are drawn from: few enough that two of them
// are often the same.
var words = []string{
	"", "alice", "alice", "bob", "Alice", "admin", "member", "session", "empty", "none", "tenant", "acme",
	"þórður", "þo\u0301rður", "😀", " alice", "alice\x00", "a\"b\\c\n'",
}

// wholes are what signed integers are drawn from. 9 is the number of no enum value.
var wholes = []int64{0, 0, 1, 1, 2, -1, 9, -32, -64, 1<<31 - 1, -1 << 31}

// A grammar makes well-typed conditions for one request type.
type grammar struct {
	*rand.Rand

	haves                    []string // what has() can be asked of
	texts, numbers, flags    []string // single strings, signed integers, bools
	lists                    []string // of strings
	maps                     []string // of strings by strings
	constants                []string // of enums
	unsigned, doubles, blobs []string
	wrappers, times          []string
}

// deepest is how many fields a path has at most.
const deepest = 4

func newGrammar(kind protoreflect.MessageDescriptor) *grammar {
	g := &grammar{
		texts: []string{"principal.id", "principal.id", "principal.scheme"},
		lists: []string{"principal.roles", "principal.scopes"},
	}
	g.learn("request", kind, 0)
	return g
}

// learn takes in the fields of a message, and those of the messages in it.
func (g *grammar) learn(of string, message protoreflect.MessageDescriptor, depth int) {
	if depth == deepest {
		return
	}
	for i := range message.Fields().Len() {
		field := message.Fields().Get(i)
		path := of + "." + string(field.Name())
		g.haves = append(g.haves, "has("+path+")")
		switch {
		case field.IsMap():
			if field.MapKey().Kind() == protoreflect.StringKind && field.MapValue().Kind() == protoreflect.StringKind {
				g.maps = append(g.maps, path)
			}
		case field.IsList():
			if field.Kind() == protoreflect.StringKind {
				g.lists = append(g.lists, path)
			}
		default:
			g.learnSingle(path, field, depth)
		}
	}
}

func (g *grammar) learnSingle(path string, field protoreflect.FieldDescriptor, depth int) {
	switch field.Kind() {
	case protoreflect.StringKind:
		g.texts = append(g.texts, path)
	case protoreflect.BoolKind:
		g.flags = append(g.flags, path)
	case protoreflect.EnumKind:
		g.numbers = append(g.numbers, path)
		for i := range field.Enum().Values().Len() {
			value := field.Enum().Values().Get(i)
			g.constants = append(g.constants, fmt.Sprintf("%s.%s", field.Enum().FullName(), value.Name()))
		}
	case protoreflect.BytesKind:
		g.blobs = append(g.blobs, path)
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		g.doubles = append(g.doubles, path)
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind, protoreflect.Fixed32Kind, protoreflect.Fixed64Kind:
		g.unsigned = append(g.unsigned, path)
	case protoreflect.MessageKind, protoreflect.GroupKind:
		switch name := field.Message().FullName(); {
		case name == "google.protobuf.Timestamp":
			g.times = append(g.times, path)
		case name == "google.protobuf.StringValue":
			g.wrappers = append(g.wrappers, path)
		case !isWellKnown(field.Message()):
			g.learn(path, field.Message(), depth+1)
		}
	default:
		g.numbers = append(g.numbers, path)
	}
}

// condition returns a condition. A common one is made of what native code is for.
func (g *grammar) condition(common bool) string { return g.boolean(1+g.IntN(4), common) }

func (g *grammar) boolean(depth int, common bool) string {
	if depth == 0 {
		if !common && g.IntN(3) > 0 {
			return g.rare()
		}
		return g.atom()
	}
	of := func() string { return g.boolean(g.IntN(depth), common) }
	switch g.IntN(8) {
	case 0, 1:
		return "(" + of() + " && " + of() + ")"
	case 2, 3:
		return "(" + of() + " || " + of() + ")"
	case 4:
		return "!(" + of() + ")"
	case 5:
		return "(" + of() + ")" + g.oneOf(" == ", " != ") + "(" + of() + ")"
	default:
		return g.boolean(depth-1, common)
	}
}

// atom is one of the common comparisons.
func (g *grammar) atom() string {
	switch g.IntN(16) {
	case 0:
		return g.oneOf("true", "false")
	case 1, 2:
		return g.of(g.haves)
	case 3:
		return g.of(g.flags)
	case 4:
		return g.of(g.flags) + g.oneOf(" == ", " != ") + g.oneOf("true", "false", g.of(g.flags))
	case 5, 6, 7:
		return g.number() + g.oneOf(" == ", " != ") + g.number()
	case 8, 9:
		return g.text() + " in " + g.of(g.lists)
	case 10:
		texts := make([]string, g.IntN(4))
		for i := range texts {
			texts[i] = g.text()
		}
		return g.text() + " in [" + strings.Join(texts, ", ") + "]"
	default:
		return g.text() + g.oneOf(" == ", " == ", " != ") + g.text()
	}
}

func (g *grammar) text() string {
	if g.IntN(3) == 0 {
		return quoted(g.of(words))
	}
	return g.of(g.texts)
}

func (g *grammar) number() string {
	switch g.IntN(5) {
	case 0:
		return strconv.FormatInt(wholes[g.IntN(len(wholes))], 10)
	case 1:
		if len(g.constants) > 0 {
			return g.of(g.constants)
		}
	}
	return g.of(g.numbers)
}

// rare is a comparison of which CEL alone knows the answer, or that there is none.
func (g *grammar) rare() string {
	forms := []func() string{
		func() string { return g.text() + g.oneOf(".startsWith(", ".endsWith(", ".contains(") + g.text() + ")" },
		func() string { return fmt.Sprintf("size(%s) %s %d", g.text(), g.oneOf(">", "<=", "=="), g.IntN(6)) },
		func() string { return g.text() + " < " + g.text() },
		func() string { return g.number() + g.oneOf(" < ", " >= ") + g.number() },
		func() string { return g.number() + g.oneOf(" + ", " - ", " / ", " % ") + g.number() + " != 1" },
		func() string { return g.number() + " in [" + g.number() + ", " + g.number() + "]" },
		func() string { return g.of(g.lists) + g.oneOf(".exists(", ".all(") + "x, x == " + g.text() + ")" },
		func() string { return fmt.Sprintf("%s[%d] == %s", g.of(g.lists), g.IntN(3), g.text()) },
		func() string { return g.of(g.lists) + " == " + g.of(g.lists) },
		func() string { return g.atom() + " ? " + g.atom() + " : " + g.atom() },
		func() string { return g.text() + " in " + g.of(append(g.maps, "principal.claims.labels")) },
		func() string {
			return g.of(append(g.maps, "principal.claims.labels")) + "[" + g.text() + "] == " + g.text()
		},
		func() string {
			return g.oneOf("", "!") + "has(principal." + g.oneOf("id", "roles", "scheme", "claims.labels.tenant") + ")"
		},
		func() string { return g.oneOf(append(g.times, "principal.expires_at")...) + " > now" },
		func() string { return `now - principal.authenticated_at < duration("1h")` },
		func() string { return g.oneOf(append(g.wrappers, "principal.id")...) + " == " + g.text() },
		func() string { return g.oneOf(append(g.unsigned, "3u")...) + " == 1u" },
		func() string { return g.oneOf(append(g.doubles, "0.5")...) + " < 1.5" },
		func() string { return g.oneOf(append(g.blobs, "b''")...) + ` == b"none"` },
	}
	return "(" + forms[g.IntN(len(forms))]() + ")"
}

func (g *grammar) oneOf(choices ...string) string { return g.of(choices) }

// of picks one of what there is of a kind of operand.
func (g *grammar) of(choices []string) string { return choices[g.IntN(len(choices))] }

// quoted writes a string as CEL reads it.
func quoted(text string) string { return strconv.Quote(text) }
