package wire

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestShorten(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text, want string
		most       int
	}{
		"what fits stays":                   {"hello", "hello", 5},
		"nothing":                           {"", "", 0},
		"one more is cut":                   {"hello, all of you", "hello, …", 16},
		"a cut is between characters":       {"ééééé", "éé…", 21},
		"escapes count as what they take":   {"<<<<", "<…", 15},
		"what is no UTF-8 is replaced":      {"a\xffb", "a\uFFFDb", 20},
		"what is no UTF-8 is cut as well":   {strings.Repeat("\xff", 10), "\uFFFD…", 20},
		"there is no room for the ellipsis": {"hello", "…", 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := Shorten(test.text, test.most); got != test.want {
				t.Errorf("Shorten(%q, %d) = %q, want %q", test.text, test.most, got, test.want)
			}
		})
	}
}

func FuzzShorten(f *testing.F) {
	f.Add("hello", 3)
	f.Add("\x00\xff<…%", 40)
	f.Fuzz(func(t *testing.T, text string, most int) {
		most = max(most%1000, 9)
		if most < 9 {
			return
		}
		got := Shorten(text, most)
		if !utf8.ValidString(got) {
			t.Errorf("%q is no UTF-8", got)
		}
		quoted, _ := json.Marshal(got)
		if len(quoted)-2 > most {
			t.Errorf("%d bytes in JSON, may be %d: %s", len(quoted)-2, most, quoted)
		}
		if percent := len(url.PathEscape(got)); percent > 3*most {
			t.Errorf("%d bytes in percent signs", percent)
		}
	})
}
