package condition

import (
	"strings"
	"unicode"

	"cel.dev/cel-go/cel"
)

// A SyntaxError says why an expression is not a condition: it does not parse, does
// not type-check, or is not boolean.
type SyntaxError struct {
	// Expression is the whole text.
	Expression string
	// Line and Column are where the fault is in it, both from 1; a column counts
	// characters.
	Line, Column int
	// Problem is what is wrong, without a full stop.
	Problem string
}

func newSyntaxError(text string, issues *cel.Issues) *SyntaxError {
	// One fault often causes more; the first is the one to fix.
	first := issues.Errors()[0]
	return &SyntaxError{
		Expression: text,
		Line:       max(first.Location.Line(), 1),
		Column:     max(first.Location.Column()+1, 1),
		Problem:    printable(strings.TrimSpace(first.Message)),
	}
}

// Error returns the problem in one line.
func (e *SyntaxError) Error() string {
	return "the condition " + e.Problem
}

// Caret returns the faulty line of the expression with a caret under the fault.
func (e *SyntaxError) Caret() string {
	lines := strings.Split(e.Expression, "\n")
	if e.Line < 1 || e.Line > len(lines) {
		return e.Expression
	}
	return printable(lines[e.Line-1]) + "\n" + strings.Repeat(" ", max(e.Column-1, 0)) + "^"
}

// printable puts a space for each character that a terminal would act on, so that
// columns stay where they are.
func printable(text string) string {
	return strings.TrimRight(strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, text), " ")
}
