package prove

import (
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// somePattern makes a pattern over few letters.
func somePattern(random *rand.Rand, depth int) string {
	part := func() string { return somePattern(random, depth-1) }
	if depth == 0 {
		return []string{"a", "b", "[ab]", "[^a]", ".", "", "(?i)a"}[random.IntN(7)]
	}
	switch random.IntN(8) {
	case 0:
		return "(" + part() + "|" + part() + ")"
	case 1:
		return "(" + part() + ")*"
	case 2:
		return "(" + part() + ")?"
	case 3:
		return "^" + part()
	case 4:
		return part() + "$"
	case 5:
		return "(" + part() + "){1,2}"
	default:
		return part() + part()
	}
}

// allTexts are the texts of some letters up to a length.
func allTexts(letters string, length int) []string {
	all := []string{""}
	for from := 0; length > 0; length-- {
		to := len(all)
		for _, text := range all[from:to] {
			for _, letter := range letters {
				all = append(all, text+string(letter))
			}
		}
		from = to
	}
	return all
}

// However texts of a few letters answer, as many of the texts that were made answer so too,
// as are needed or as there are.
func TestFreshTexts(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	texts := allTexts("abA\n", 4)
	decided, answers := 0, 0
	for range 400 {
		of := &look{}
		for range 1 + random.IntN(3) {
			of.merge(&look{[]string{somePattern(random, 3)}})
		}
		need := 1 + random.IntN(3)
		constants := []any{"a", "bb"}[:random.IntN(3)]
		made, ok := of.fresh(constants, need, func(i int) string { return "x" + strconv.Itoa(i) })
		if !ok {
			continue
		}
		decided++
		patterns := make([]*regexp.Regexp, len(of.patterns))
		for i, pattern := range of.patterns {
			patterns[i] = regexp.MustCompile(pattern)
		}
		answer := func(text string) string {
			var said strings.Builder
			for _, pattern := range patterns {
				said.WriteString(strconv.FormatBool(pattern.MatchString(text)) + " ")
			}
			return said.String()
		}
		there, got := map[string]int{}, map[string]int{}
		for _, text := range texts {
			if !slices.Contains(constants, any(text)) {
				there[answer(text)]++
			}
		}
		for _, text := range made {
			got[answer(text.(string))]++
		}
		for said, count := range there {
			answers++
			if got[said] < min(count, need) {
				t.Fatalf("%q with %d and without %q: of %d texts that answer %s %d were made: %q", of.patterns, need, constants, count, said, got[said], made)
			}
		}
	}
	if decided < 300 || answers < 500 {
		t.Errorf("%d were decided, with %d answers", decided, answers)
	}
}

// What the automata do not read is not taken for read.
func TestProgramOf(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]bool{
		"": true, "^a$": true, `\Aa\z`: true, "(?i)straße": true, "[[:alpha:]]+": true, `\pL`: true, "a{1,100}": true, "(?s).": true,
		`\ba`: false, `a\B`: false, "(?m)^a": false, "(?m)a$": false, "(": false, "a{1001}": false, "[ab]{1000}": false,
	} {
		if _, ok := programOf(pattern); ok != want {
			t.Errorf("%q: %t", pattern, ok)
		}
	}
}

// Many patterns take too long, and are not decided.
func TestTooManyTexts(t *testing.T) {
	t.Parallel()
	of := &look{}
	for letter := 'a'; letter <= 'z'; letter++ {
		of.merge(&look{[]string{string(letter)}})
	}
	if made, ok := of.fresh(nil, 1, func(int) string { return "x" }); ok {
		t.Errorf("%d texts were made", len(made))
	}
}
