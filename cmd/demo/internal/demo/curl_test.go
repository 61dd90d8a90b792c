package demo

import (
	"strings"
	"testing"
)

func TestQuote(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"":                         "''",
		"curl":                     "curl",
		"-sS":                      "-sS",
		"/tmp/a-b_c.d":             "/tmp/a-b_c.d",
		"http://127.0.0.1:80/x":    "http://127.0.0.1:80/x",
		"a b":                      "'a b'",
		`\n`:                       `'\n'`,
		`it's`:                     `'it'\''s'`,
		"$(x) `y` \"z\" *?[~#;&|<": "'$(x) `y` \"z\" *?[~#;&|<'",
		"~":                        "'~'",
		"a=b":                      "'a=b'",
		"two\nlines":               "'two\nlines'",
	} {
		if got := quote(word); got != want {
			t.Errorf("quote(%q) = %s, want %s", word, got, want)
		}
		if got := shell(t, "printf %s "+quote(word)); got != word {
			t.Errorf("a shell reads %s as %q", quote(word), got)
		}
	}
}

// TestRemarksAreHarmless holds for shells that do not take comments at the prompt.
func TestRemarksAreHarmless(t *testing.T) {
	t.Parallel()
	for _, command := range append(asAdmin("http://x", "cookies", examples[2]), asStranger("http://x")...) {
		if strings.ContainsAny(command.remark, "'\"`$();&|<>*?[]!\\#~{}\n") {
			t.Errorf("a shell could stumble over %q", command.remark)
		}
	}
}
