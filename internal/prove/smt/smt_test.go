package smt

import (
	"context"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

func number(value int64) *Term { return Number(big.NewInt(value)) }

func TestEvaluate(t *testing.T) {
	t.Parallel()
	values := Values{"yes": true, "no": false, "n": big.NewInt(-7), "a": "þx", "b": "x"}
	yes, no, n := Variable("yes", Bool), Variable("no", Bool), Variable("n", Int)
	a, b := Variable("a", String), Variable("b", String)
	x, ok := Search("^.x$")
	if !ok {
		t.Fatal("the pattern is not taken")
	}
	for name, of := range map[string]*Term{
		"and":        And(yes, Not(no), Truth(true)),
		"or":         Or(no, yes),
		"neither":    Not(Or(no, Truth(false))),
		"implies":    And(Implies(no, no), Not(Implies(yes, no))),
		"if":         Equal(If(yes, n, number(0)), n),
		"otherwise":  Equal(If(no, a, b), b),
		"less":       And(Less(n, number(-6)), Not(Less(n, n))),
		"at most":    And(AtMost(n, n), Not(AtMost(n, number(-8)))),
		"between":    And(Between(big.NewInt(-7), n, big.NewInt(-7)), Not(Between(big.NewInt(-6), n, big.NewInt(0)))),
		"plus":       Equal(Plus(n, number(7)), number(0)),
		"minus":      Equal(Minus(n, number(1)), number(-8)),
		"times":      Equal(Times(big.NewInt(3), n), number(-21)),
		"seconds":    Equal(Seconds(n), number(-1)),
		"length":     Equal(Length(a), number(2)),
		"join":       Equal(Join(b, a), Text("xþx")),
		"prefix":     And(HasPrefix(a, Text("þ")), Not(HasPrefix(a, b))),
		"suffix":     And(HasSuffix(a, b), Not(HasSuffix(b, a))),
		"contains":   And(Contains(a, b), Not(Contains(b, a))),
		"matches":    And(Matches(a, x), Not(Matches(b, x))),
		"a constant": And(Equal(Text("x"), Text("x")), Not(Equal(number(1), number(2)))),
	} {
		if holds, err := values.Holds(of); !holds || err != nil {
			t.Errorf("%s: %v, %v", name, holds, err)
		}
	}
	for name, of := range map[string]*Term{
		"no value":             Variable("c", Bool),
		"a value of two sorts": And(Variable("n", Bool), yes),
		"no Bool":              n,
	} {
		if holds, err := values.Holds(of); holds || err == nil {
			t.Errorf("%s: %v, %v; want an error", name, holds, err)
		}
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	a, n := Variable("request.a", String), Variable("n", Int)
	pattern, ok := Search(`^a[b-d]+\.(x|yz){2,3}`)
	if !ok {
		t.Fatal("the pattern is not taken")
	}
	shared := HasPrefix(a, Text("\"þ\\"))
	got := Ask(Or(shared, Less(n, number(-1))), Or(Not(shared), Equal(Seconds(n), number(2)), Matches(a, pattern))).String()
	const want = `(set-option :produce-models true)
(set-logic ALL)
(declare-const |request.a| String)
(declare-const |n| Int)
(define-fun |#0| () Bool (str.prefixof """\u{fe}\u{5c}" |request.a|))
(assert (or |#0| (< |n| (- 1))))
(assert (or (not |#0|) (= (div |n| 1000000000) 2) (str.in_re |request.a| (re.++ (str.to_re "a") (re.+ (re.range "\u{62}" "\u{64}")) (str.to_re ".") ((_ re.loop 2 3) (re.union (str.to_re "x") (re.++ (str.to_re "y") (str.to_re "z")))) (re.* re.allchar)))))
(check-sat)
(get-value ( |request.a| |n|))
`
	if got != want {
		t.Errorf("it is\n%s\nwant\n%s", got, want)
	}
}

// A pattern that is taken says of each text what Go's says.
func TestSearch(t *testing.T) {
	t.Parallel()
	texts := []string{"", "a", "A", "k", "\u212a", "ab", "abb", "xabx", "a\n", "\n", "bab", "ba", "aaaa", "þ", "a.b", "\U0001f600"}
	for _, pattern := range []string{"", "a", "^a", "a$", "^a$", "^(a|ab)$", "a|^b", "(?i)K", "^a{2,3}$", "a{2,}", "[^a]", ".", "(?s)^.$", "^$", "^a?b*$", "a.b", `\x{1f600}`, "[[:^ascii:]]", "^(?:)$", "a+?"} {
		made, ok := Search(pattern)
		if !ok {
			t.Errorf("%s is not taken", pattern)
			continue
		}
		for _, text := range texts {
			of := Matches(Text(text), made)
			if got, err := (Values{}).Holds(of); got != regexp.MustCompile(pattern).MatchString(text) || err != nil {
				t.Errorf("%s says of %q %v, %v", pattern, text, got, err)
			}
		}
	}
	for _, pattern := range []string{"(", `\ba`, "(?m)^a", "(^a)b", "a(b|$)c", "(?:a{500}){3}"} {
		if _, ok := Search(pattern); ok {
			t.Errorf("%s is taken", pattern)
		}
	}
}

func TestIsText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{"": true, "þ\U0002ffff": true, "\U00030000": false, "\xff": false} {
		if IsText(text) != want {
			t.Errorf("%q: %v", text, !want)
		}
	}
}

func TestRead(t *testing.T) {
	t.Parallel()
	question := Ask(And(Variable("a b", String)), Less(Variable("n", Int), number(0)), Variable("yes", Bool), Equal(Variable("a b", String), Text("x")))
	for output, want := range map[string]string{
		"unsat\n(error \"line 9: model is not available\")\n": "unsat",
		"unknown\n": "unknown",
		"sat\n((|a b| \"x\"\"\\u{fe}\\u00feñ\\q\")\n (|n| (- 5))\n (|yes| true))\n": `sat x"þþñ\q -5 true`,
		"sat\n((|a b| \"\") (n 12345678901234567890) (yes false))":                  "sat  12345678901234567890 false",
		"sat\n((|a b| \"\\u{d800}\") (n 1) (yes false))":                            "error",
		"sat\n((|a b| \"\\u{30000}\") (n 1) (yes false))":                           "error",
		"sat\n((|n| 1) (|a b| \"\") (yes false))":                                   "error",
		"sat\n((|a b| \"\") (n 1) (yes 1))":                                         "error",
		"sat\n((|a b| \"\") (n x) (yes true))":                                      "error",
		"sat\n((|a b| \"":                                                           "error",
		"sat\n":                                                                     "error",
		"":                                                                          "error",
		"unsatisfiable":                                                             "error",
		"sat\n((|a b| (witness ((s String)) (= (str.len s) 92233720368))) (n 1) (yes false))": "unknown",
		"sat\n((|a b| \"\") (n (witness ((i Int)) true)) (yes false))":                        "error",
		"(error \"unknown constant\")\nsat\n":                                                 "error",
	} {
		answer, err := question.read(output)
		got := answer.Verdict.String()
		if answer.Verdict == Sat {
			n, _ := answer.Values["n"].(*big.Int)
			got = strings.Join([]string{got, answer.Values["a b"].(string), n.String(), map[any]string{true: "true", false: "false"}[answer.Values["yes"]]}, " ")
		}
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%q: %s, %v; want %s", output, got, err, want)
		}
	}
}

// What a solver does that is no answer is an error or unknown, and never unsat.
func TestSolver(t *testing.T) {
	if _, err := NewSolver("z4", 1); err == nil || !strings.Contains(err.Error(), "there are: cvc5, z3") {
		t.Error(err)
	}
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	question := Ask(Variable("yes", Bool))
	solver, err := NewSolver("z3", 1_000)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := solver.Ask(t.Context(), question); !errors.Is(err, ErrMissing) {
		t.Errorf("without the program: %v", err)
	}
	tests := []struct {
		name, script string
		guard        time.Duration
		want         Verdict
		late, err    bool
	}{
		{"unsat", "echo unsat; exit 1", time.Minute, Unsat, false, false},
		{"sat", "echo sat; echo '((yes true))'", time.Minute, Sat, false, false},
		{"unknown", "echo unknown", time.Minute, Unknown, false, false},
		{"out of steps", "echo 'resource limit reached' >&2; exit 1", time.Minute, Unknown, false, false},
		{"late", "exec /bin/sleep 60", time.Millisecond, Unknown, true, false},
		{"failed", "echo 'out of memory' >&2; exit 137", time.Minute, Unknown, false, true},
		{"other words", "echo hello", time.Minute, Unknown, false, true},
		{"an error before unsat", "echo '(error \"x\")'; echo unsat", time.Minute, Unknown, false, true},
	}
	for _, test := range tests {
		if err := os.WriteFile(filepath.Join(dir, "z3"), []byte("#!/bin/sh\n"+test.script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		solver.guard = test.guard
		answer, err := solver.Ask(t.Context(), question)
		if answer.Verdict != test.want || answer.Late != test.late || (err != nil) != test.err {
			t.Errorf("%s: %v, %v, %v", test.name, answer.Verdict, answer.Late, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := solver.Ask(ended, question); !errors.Is(err, context.Canceled) {
		t.Errorf("once the context ended: %v", err)
	}
}
