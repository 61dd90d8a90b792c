package smt

import (
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"
)

// maxLetter is the last code point that SMT-LIB's strings have.
const maxLetter = 0x2ffff

// IsText reports whether SMT-LIB's strings have a string: it is UTF-8, and no code point
// is above U+2FFFF.
func IsText(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return r > maxLetter })
}

// quoted is a string in SMT-LIB.
func quoted(text string) string {
	var made strings.Builder
	made.WriteByte('"')
	for _, r := range text {
		switch {
		case r == '"':
			made.WriteString(`""`)
		case r == '\\' || r < ' ' || r > '~':
			fmt.Fprintf(&made, `\u{%x}`, r)
		default:
			made.WriteRune(r)
		}
	}
	made.WriteByte('"')
	return made.String()
}

func decimal(of *big.Int) string {
	if of.Sign() < 0 {
		return "(- " + new(big.Int).Neg(of).String() + ")"
	}
	return of.String()
}

// functions are the names of operations.
var functions = map[operation]string{
	and: "and", or: "or", not: "not", choice: "ite", equal: "=", less: "<", atMost: "<=", plus: "+", minus: "-", times: "*",
	length: "str.len", join: "str.++", part: "str.contains",
}

// A Question is whether terms can be true together, in SMT-LIB 2.
type Question struct {
	text      string
	variables []*Term
}

// Ask makes the question whether terms can be true together.
func Ask(terms ...*Term) *Question {
	q := &Question{variables: Variables(terms...)}
	w := &writer{used: map[*Term]int{}, names: map[*Term]string{}}
	w.out.WriteString("(set-option :produce-models true)\n(set-logic ALL)\n")
	for _, of := range q.variables {
		fmt.Fprintf(&w.out, "(declare-const |%s| %s)\n", of.name, of.sort)
	}
	for _, term := range terms {
		w.count(term)
	}
	for _, term := range terms {
		text := w.text(term)
		fmt.Fprintf(&w.out, "(assert %s)\n", text)
	}
	w.out.WriteString("(check-sat)\n")
	if len(q.variables) > 0 {
		w.out.WriteString("(get-value (")
		for _, of := range q.variables {
			fmt.Fprintf(&w.out, " |%s|", of.name)
		}
		w.out.WriteString("))\n")
	}
	q.text = w.out.String()
	return q
}

// Variables are those of the question: an answer has a value for each.
func (q *Question) Variables() []*Term { return q.variables }

// String is the question in SMT-LIB 2.
func (q *Question) String() string { return q.text }

// A writer writes terms. What is an operand of several is written once, as a function
// without arguments.
type writer struct {
	out   strings.Builder
	used  map[*Term]int
	names map[*Term]string
}

func (w *writer) count(of *Term) {
	if w.used[of]++; w.used[of] == 1 {
		for _, operand := range of.operands {
			w.count(operand)
		}
	}
}

func (w *writer) text(of *Term) string {
	if name, ok := w.names[of]; ok {
		return name
	}
	text := w.whole(of)
	if w.used[of] > 1 && len(of.operands) > 0 {
		name := fmt.Sprintf("|#%d|", len(w.names))
		fmt.Fprintf(&w.out, "(define-fun %s () %s %s)\n", name, of.sort, text)
		w.names[of] = name
		return name
	}
	return text
}

func (w *writer) whole(of *Term) string {
	operands := make([]string, len(of.operands))
	for i, operand := range of.operands {
		operands[i] = w.text(operand)
	}
	switch of.operation {
	case variable:
		return "|" + of.name + "|"
	case constant:
		switch value := of.value.(type) {
		case string:
			return quoted(value)
		case *big.Int:
			return decimal(value)
		default:
			return fmt.Sprint(value)
		}
	case prefix: // SMT-LIB has the part first
		return "(str.prefixof " + operands[1] + " " + operands[0] + ")"
	case suffix:
		return "(str.suffixof " + operands[1] + " " + operands[0] + ")"
	case match:
		return "(str.in_re " + operands[0] + " " + of.pattern.text() + ")"
	case seconds:
		return fmt.Sprintf("(div %s %d)", operands[0], time.Second)
	default:
		return "(" + functions[of.operation] + " " + strings.Join(operands, " ") + ")"
	}
}
