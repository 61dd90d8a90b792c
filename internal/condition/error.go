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
	// Wrong is a name in the expression that does not exist, and Known are those that
	// there are in its place. Both are empty where the problem is another.
	Wrong string
	Known []string
}

func newSyntaxError(checker *cel.Env, text string, issues *cel.Issues) *SyntaxError {
	// One fault often causes more; the first is the one to fix.
	first := issues.Errors()[0]
	// The tokens that the parser would take are of no use to people.
	problem, _, _ := strings.Cut(first.Message, " expecting {")
	there, wrong, known := hint(checker, text, first)
	if there != "" {
		problem += "; " + there
	}
	return &SyntaxError{
		Expression: text,
		Line:       max(first.Location.Line(), 1),
		Column:     max(first.Location.Column()+1, 1),
		Problem:    printable(strings.TrimSpace(problem)),
		Wrong:      wrong,
		Known:      known,
	}
}

// Replaced returns the expression with a name in place of the wrong one, where that
// is: "" where there is none.
func (e *SyntaxError) Replaced(name string) string {
	lines := strings.Split(e.Expression, "\n")
	if e.Wrong == "" || e.Line < 1 || e.Line > len(lines) {
		return ""
	}
	line := []rune(lines[e.Line-1])
	from := min(max(e.Column-1, 0), len(line))
	before, after, found := strings.Cut(string(line[from:]), e.Wrong)
	if !found {
		return ""
	}
	lines[e.Line-1] = string(line[:from]) + before + name + after
	return strings.Join(lines, "\n")
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
