package smt

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A Verdict is what a solver says of a question.
type Verdict uint8

// The verdicts.
const (
	// Unknown is the zero Verdict.
	Unknown Verdict = iota
	// Sat: the terms can be true together.
	Sat
	// Unsat: they cannot.
	Unsat
)

// String is the verdict as solvers write it.
func (v Verdict) String() string { return [...]string{"unknown", "sat", "unsat"}[v] }

// An Answer is what a solver says.
type Answer struct {
	Verdict Verdict
	// Values are, with [Sat], those of which all terms are true, as the solver has it.
	Values Values
	// Late is whether the solver was ended by the clock, with [Unknown].
	Late bool
}

var errAnswer = errors.New("the solver's answer cannot be read")

// read reads what a solver wrote.
func (q *Question) read(output string) (Answer, error) {
	verdict, rest, _ := strings.Cut(strings.TrimLeft(output, " \t\r\n"), "\n")
	switch strings.TrimSpace(verdict) {
	case "unsat":
		return Answer{Verdict: Unsat}, nil
	case "unknown":
		return Answer{}, nil
	case "sat":
	default:
		return Answer{}, fmt.Errorf("%w: %.200q", errAnswer, output)
	}
	answer := Answer{Verdict: Sat, Values: Values{}}
	if len(q.variables) == 0 {
		return answer, nil
	}
	read := reader{rest: rest}
	read.take("(")
	for _, of := range q.variables {
		read.take("(")
		if name := read.symbol(); name != of.name && read.err == nil {
			read.err = fmt.Errorf("%w: it has %q, want %q", errAnswer, name, of.name)
		}
		if read.space(); of.sort == String && strings.HasPrefix(read.rest, "(witness ") {
			return Answer{}, nil // cvc5 has a text that is too long to be written
		}
		value := read.value(of.sort)
		read.take(")")
		if read.err != nil {
			return Answer{}, read.err
		}
		answer.Values[of.name] = value
	}
	return answer, nil
}

// A reader reads the values that a solver gives.
type reader struct {
	rest string
	err  error
}

func (r *reader) fail() {
	if r.err == nil {
		r.err = fmt.Errorf("%w: at %.80q", errAnswer, r.rest)
	}
}

func (r *reader) space() { r.rest = strings.TrimLeft(r.rest, " \t\r\n") }

func (r *reader) take(token string) {
	r.space()
	rest, ok := strings.CutPrefix(r.rest, token)
	if !ok {
		r.fail()
		return
	}
	r.rest = rest
}

// symbol reads a name, with or without bars around it.
func (r *reader) symbol() string {
	r.space()
	if rest, ok := strings.CutPrefix(r.rest, "|"); ok {
		name, rest, found := strings.Cut(rest, "|")
		if !found {
			r.fail()
		}
		r.rest = rest
		return name
	}
	end := strings.IndexAny(r.rest, " \t\r\n()")
	if end <= 0 {
		r.fail()
		return ""
	}
	name := r.rest[:end]
	r.rest = r.rest[end:]
	return name
}

func (r *reader) value(of Sort) any {
	r.space()
	switch of {
	case Bool:
		switch r.symbol() {
		case "true":
			return true
		case "false":
			return false
		}
	case Int:
		return r.number()
	case String:
		return r.string()
	}
	r.fail()
	return nil
}

func (r *reader) number() *big.Int {
	negative := strings.HasPrefix(r.rest, "(")
	if negative {
		r.take("(")
		r.take("-")
		r.space()
	}
	value, ok := new(big.Int).SetString(r.symbol(), 10)
	if !ok {
		r.fail()
		return new(big.Int)
	}
	if negative {
		r.take(")")
		value.Neg(value)
	}
	return value
}

// string reads a string. A code point that is no letter of Go, such as one half of a
// surrogate pair, cannot be read.
func (r *reader) string() string {
	var made strings.Builder
	r.take(`"`)
	for r.err == nil {
		at := strings.IndexAny(r.rest, `"\`)
		if at < 0 {
			r.fail()
			break
		}
		made.WriteString(r.rest[:at])
		r.rest = r.rest[at:]
		switch {
		case strings.HasPrefix(r.rest, `""`):
			made.WriteByte('"')
			r.rest = r.rest[2:]
		case r.rest[0] == '"':
			r.rest = r.rest[1:]
			return made.String()
		default:
			r.escape(&made)
		}
	}
	return ""
}

// escape reads \u{…} or \u and four digits. Any other \ is itself.
func (r *reader) escape(made *strings.Builder) {
	digits, rest := "", ""
	if braced, ok := strings.CutPrefix(r.rest, `\u{`); ok {
		digits, rest, _ = strings.Cut(braced, "}")
	} else if plain, ok := strings.CutPrefix(r.rest, `\u`); ok && len(plain) >= 4 {
		digits, rest = plain[:4], plain[4:]
	}
	letter, err := strconv.ParseUint(digits, 16, 32)
	switch {
	case digits == "" || err != nil:
		made.WriteByte('\\')
		r.rest = r.rest[1:]
	case letter > maxLetter || !utf8.ValidRune(rune(letter)):
		r.fail()
	default:
		made.WriteRune(rune(letter))
		r.rest = rest
	}
}
