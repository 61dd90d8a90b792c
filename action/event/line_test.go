package event

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// A text that needs no escaping is left as it is, and is what escaping makes of it.
func TestOneLine(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text string
		most int
		want string
		same bool // nothing is escaped or cut
	}{
		{"", 0, "", true},
		{"plain", 5, "plain", true},
		{"plain", 4, "plai…", false},
		{`a "quoted" one`, 16, `a "quoted" one`, true},
		{`a "quoted" one`, 15, `a "quoted" on…`, false},
		{`a\b`, 4, `a\b`, true},
		{`a\b`, 3, `a\…`, false},
		{" ~", 2, " ~", true},
		{"a\nb", 10, `a\nb`, false},
		{"\x1b[31m", 20, `\u001b[31m`, false},
		{"\x7f", 20, `\u007f`, false},
		{"é", 2, "é", false},
		{"\u202e", 20, `\u202e`, false},
		{"\xff", 20, `\xff`, false},
	} {
		if got := oneLine(test.text, test.most); got != test.want {
			t.Errorf("%q in %d: %q, want %q", test.text, test.most, got, test.want)
		}
		if same := isOneLine(test.text, test.most); same != test.same {
			t.Errorf("%q in %d is one line: %t", test.text, test.most, same)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	alphabet := []string{"a", "Z", " ", "~", `"`, `\`, "\n", "\x00", "\x7f", "é", "\u200f", "\xff"}
	kept := 0
	for range 20_000 {
		var text strings.Builder
		letters := alphabet[:6+random.IntN(2)*(len(alphabet)-6)]
		for range random.IntN(12) {
			text.WriteString(letters[random.IntN(len(letters))])
		}
		most := random.IntN(20)
		if isOneLine(text.String(), most) {
			kept++
		}
		if got, want := oneLine(text.String(), most), escaped(text.String(), most); got != want {
			t.Fatalf("%q in %d: %q, want %q", text.String(), most, got, want)
		}
	}
	if kept < 1_000 || kept > 19_000 {
		t.Errorf("%d of 20,000 were one line", kept)
	}
}
