package smt

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
)

// A Pattern is a regular expression that matches all of a string or does not match it.
type Pattern struct {
	kind   patternKind
	of     []*Pattern
	ranges []rune // of a letter: pairs of a first and a last one
	least  int    // of a repeat
	most   int    // of a repeat; -1 for no limit

	whole *regexp.Regexp // the same for Go, of the pattern that is asked for
}

type patternKind uint8

const (
	letter patternKind = iota + 1
	sequence
	oneOf
	repeat
)

// maxRepeat is how often a part is repeated at most by a pattern that is taken.
const maxRepeat = 1_000

// Search returns what matches a string where a pattern of Go matches a part of it. ok is
// false where it is none, or asks what is beside a letter.
func Search(pattern string) (made *Pattern, ok bool) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, false
	}
	if made = searched(parsed); made == nil {
		return nil, false
	}
	made.whole, err = regexp.Compile(`\A(?:` + made.goText() + `)\z`)
	return made, err == nil
}

// searched is what is around a part that matches, and the part; nil for what is not taken.
func searched(of *syntax.Regexp) *Pattern {
	switch of.Op { //nolint:exhaustive // the others are no more than they are
	case syntax.OpCapture:
		return searched(of.Sub[0])
	case syntax.OpAlternate:
		made := &Pattern{kind: oneOf}
		for _, sub := range of.Sub {
			made.of = append(made.of, searched(sub))
		}
		return complete(made)
	}
	parts := []*syntax.Regexp{of}
	if of.Op == syntax.OpConcat {
		parts = of.Sub
	}
	made := &Pattern{kind: sequence}
	if len(parts) > 0 && parts[0].Op == syntax.OpBeginText {
		parts = parts[1:]
	} else {
		made.of = append(made.of, anything())
	}
	ends := len(parts) > 0 && parts[len(parts)-1].Op == syntax.OpEndText
	if ends {
		parts = parts[:len(parts)-1]
	}
	for _, part := range parts {
		made.of = append(made.of, patternOf(part))
	}
	if !ends {
		made.of = append(made.of, anything())
	}
	return complete(made)
}

// complete is nil where a part is.
func complete(of *Pattern) *Pattern {
	if slices.Contains(of.of, nil) {
		return nil
	}
	return of
}

func anything() *Pattern {
	return &Pattern{kind: repeat, most: -1, of: []*Pattern{{kind: letter, ranges: []rune{0, unicode.MaxRune}}}}
}

// patternOf is what matches all of a string; nil for what is not taken.
func patternOf(of *syntax.Regexp) *Pattern {
	made := &Pattern{kind: sequence}
	repeated := func(least, most int) *Pattern {
		if least > maxRepeat || most > maxRepeat {
			return nil
		}
		return complete(&Pattern{kind: repeat, least: least, most: most, of: []*Pattern{patternOf(of.Sub[0])}})
	}
	switch of.Op {
	case syntax.OpNoMatch:
		return &Pattern{kind: oneOf}
	case syntax.OpEmptyMatch:
	case syntax.OpLiteral:
		for _, r := range of.Rune {
			ranges := []rune{r, r}
			if of.Flags&syntax.FoldCase != 0 {
				for folded := unicode.SimpleFold(r); folded != r; folded = unicode.SimpleFold(folded) {
					ranges = append(ranges, folded, folded)
				}
			}
			made.of = append(made.of, &Pattern{kind: letter, ranges: ranges})
		}
	case syntax.OpCharClass:
		return &Pattern{kind: letter, ranges: of.Rune}
	case syntax.OpAnyChar:
		return &Pattern{kind: letter, ranges: []rune{0, unicode.MaxRune}}
	case syntax.OpAnyCharNotNL:
		return &Pattern{kind: letter, ranges: []rune{0, '\n' - 1, '\n' + 1, unicode.MaxRune}}
	case syntax.OpCapture:
		return patternOf(of.Sub[0])
	case syntax.OpStar:
		return repeated(0, -1)
	case syntax.OpPlus:
		return repeated(1, -1)
	case syntax.OpQuest:
		return repeated(0, 1)
	case syntax.OpRepeat:
		return repeated(of.Min, of.Max)
	case syntax.OpConcat, syntax.OpAlternate:
		if of.Op == syntax.OpAlternate {
			made.kind = oneOf
		}
		for _, sub := range of.Sub {
			made.of = append(made.of, patternOf(sub))
		}
	case syntax.OpBeginLine, syntax.OpEndLine, syntax.OpBeginText, syntax.OpEndText, syntax.OpWordBoundary, syntax.OpNoWordBoundary:
		return nil
	}
	return complete(made)
}

// goText is the pattern for Go.
func (p *Pattern) goText() string {
	var text strings.Builder
	switch p.kind {
	case letter:
		if len(p.ranges) == 0 {
			return `[^\x{0}-\x{10ffff}]`
		}
		text.WriteByte('[')
		for i := 0; i < len(p.ranges); i += 2 {
			fmt.Fprintf(&text, `\x{%x}-\x{%x}`, p.ranges[i], p.ranges[i+1])
		}
		text.WriteByte(']')
	case sequence:
		for _, of := range p.of {
			text.WriteString("(?:" + of.goText() + ")")
		}
	case oneOf:
		if len(p.of) == 0 {
			return `[^\x{0}-\x{10ffff}]`
		}
		for i, of := range p.of {
			if i > 0 {
				text.WriteByte('|')
			}
			text.WriteString("(?:" + of.goText() + ")")
		}
	case repeat:
		fmt.Fprintf(&text, "(?:%s){%d,", p.of[0].goText(), p.least)
		if p.most >= 0 {
			fmt.Fprint(&text, p.most)
		}
		text.WriteByte('}')
	}
	return text.String()
}

// text is the pattern in SMT-LIB. Letters above those that SMT-LIB has are left out.
func (p *Pattern) text() string {
	var parts []string
	switch p.kind {
	case letter:
		if slices.Equal(p.ranges, []rune{0, unicode.MaxRune}) {
			return "re.allchar"
		}
		for i := 0; i < len(p.ranges); i += 2 {
			first, last := p.ranges[i], min(p.ranges[i+1], maxLetter)
			switch {
			case first > last:
			case first == last:
				parts = append(parts, "(str.to_re "+quoted(string(first))+")")
			default:
				parts = append(parts, fmt.Sprintf(`(re.range "\u{%x}" "\u{%x}")`, first, last))
			}
		}
		return applied("re.union", "re.none", parts)
	case sequence:
		for _, of := range p.of {
			parts = append(parts, of.text())
		}
		return applied("re.++", `(str.to_re "")`, parts)
	case oneOf:
		for _, of := range p.of {
			parts = append(parts, of.text())
		}
		return applied("re.union", "re.none", parts)
	default:
		of := p.of[0].text()
		switch {
		case p.least == 0 && p.most < 0:
			return "(re.* " + of + ")"
		case p.least == 1 && p.most < 0:
			return "(re.+ " + of + ")"
		case p.most < 0:
			return fmt.Sprintf("(re.++ ((_ re.loop %d %d) %s) (re.* %s))", p.least, p.least, of, of)
		case p.most == 0:
			return `(str.to_re "")`
		default:
			return fmt.Sprintf("((_ re.loop %d %d) %s)", p.least, p.most, of)
		}
	}
}

// applied applies a function to parts, where there is more than one.
func applied(function, none string, parts []string) string {
	switch len(parts) {
	case 0:
		return none
	case 1:
		return parts[0]
	default:
		return "(" + function + " " + strings.Join(parts, " ") + ")"
	}
}
