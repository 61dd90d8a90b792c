package prove

import (
	"cmp"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxTexts is how many texts are looked at, at most, to find those of one class.
const maxTexts = 5_000

// A look is how conditions look into the texts of a class: by which patterns.
type look struct{ patterns []string }

// isNone reports whether no condition looks into the texts.
func (l *look) isNone() bool { return len(l.patterns) == 0 }

func (l *look) merge(other *look) {
	for _, pattern := range other.patterns {
		if !slices.Contains(l.patterns, pattern) {
			l.patterns = append(l.patterns, pattern)
		}
	}
}

// fresh makes texts that no constant is: of each way to answer whether the patterns match,
// so many or all that there are. ok is false where that takes too long.
//
// Texts that answer alike are interchangeable, since conditions ask nothing else of them
// but whether they are equal. The automata of the patterns run over texts from the
// shortest on, letter by letter, and letters that no pattern tells apart count as few.
// What leads to the same states again, as often as texts are needed, leads to nothing new.
func (l *look) fresh(constants []any, need int, texts func(int) string) (made []any, ok bool) {
	all, ok := automataOf(l.patterns)
	if !ok {
		return nil, false
	}
	for i := range need {
		made = append(made, texts(i)) // the validation rules may accept these alone
	}
	need++ // the empty text may be one of them, which some places do not take
	often := need + len(constants)
	letters := all.letters(often)
	came, found := map[string]int{}, map[string]int{}
	for waiting := []spelt{{all.start(), ""}}; len(waiting) > 0; waiting = waiting[1:] {
		at := waiting[0]
		key := at.key()
		if came[key] == often {
			continue
		}
		if came[key]++; len(came)*often > maxTexts {
			return nil, false
		}
		answers := all.answers(at.states)
		if answers != all.matches(at.text) {
			return nil, false // the automata are wrong: nothing is taken from them
		}
		if found[answers] < need && !slices.Contains(constants, any(at.text)) {
			found[answers]++
			made = append(made, at.text)
		}
		for _, letter := range letters {
			waiting = append(waiting, spelt{all.next(at.states, letter), at.text + string(letter)})
		}
	}
	return others(made, constants), true
}

// others are the texts that no constant is, each once.
func others(texts, constants []any) []any {
	var once []any
	for _, text := range texts {
		if !slices.Contains(constants, text) && !slices.Contains(once, text) {
			once = append(once, text)
		}
	}
	return once
}

// A spelt text is where the automata are after it.
type spelt struct {
	states []state
	text   string
}

func (s *spelt) key() string {
	var key strings.Builder
	for _, of := range s.states {
		if of.matched {
			key.WriteByte('m')
		}
		if of.begun {
			key.WriteByte('b')
		}
		for _, at := range of.waits {
			key.WriteRune(rune(at)) //nolint:gosec // an instruction of some hundred
		}
		key.WriteByte(0)
	}
	return key.String()
}

// automata are those of the patterns of a class.
type automata struct {
	programs []*syntax.Prog
	patterns []*regexp.Regexp
}

func automataOf(patterns []string) (*automata, bool) {
	made := &automata{}
	for _, pattern := range patterns {
		program, ok := programOf(pattern)
		if !ok {
			return nil, false
		}
		made.programs = append(made.programs, program)
		made.patterns = append(made.patterns, regexp.MustCompile(pattern))
	}
	return made, true
}

// maxProgram is how many instructions a pattern has at most that is decided.
const maxProgram = 500

// programOf compiles a pattern. ok is false where it is none, is large, or asks what is
// beside a letter.
func programOf(pattern string) (program *syntax.Prog, ok bool) {
	parsed, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, false
	}
	program, err = syntax.Compile(parsed.Simplify())
	if err != nil || len(program.Inst) > maxProgram {
		return nil, false
	}
	for _, of := range program.Inst {
		if of.Op == syntax.InstEmptyWidth && syntax.EmptyOp(of.Arg)&^(syntax.EmptyBeginText|syntax.EmptyEndText) != 0 { //nolint:gosec // it is one
			return nil, false
		}
	}
	return program, true
}

// A state is that of one automaton: the instructions at which it waits for a letter.
type state struct {
	waits   []uint32 // sorted
	begun   bool     // there was a letter
	matched bool     // whatever follows
}

func (a *automata) start() []state { return make([]state, len(a.programs)) }

// next is the states after one more letter.
func (a *automata) next(states []state, letter rune) []state {
	made := make([]state, len(states))
	for i, of := range states {
		if made[i].begun = true; of.matched {
			made[i].matched = true
			continue
		}
		waiting, matched := reach(a.programs[i], of, false)
		if made[i].matched = matched; matched {
			continue
		}
		for _, at := range waiting {
			if instruction := &a.programs[i].Inst[at]; instruction.MatchRune(letter) {
				made[i].waits = append(made[i].waits, instruction.Out)
			}
		}
		slices.Sort(made[i].waits)
		made[i].waits = slices.Compact(made[i].waits)
	}
	return made
}

// answers says, a byte each, which patterns match a text that ends here.
func (a *automata) answers(states []state) string {
	answers := make([]byte, len(states))
	for i, of := range states {
		answers[i] = '0'
		if _, matched := reach(a.programs[i], of, true); matched || of.matched {
			answers[i] = '1'
		}
	}
	return string(answers)
}

// matches says the same by the patterns themselves.
func (a *automata) matches(text string) string {
	answers := make([]byte, len(a.patterns))
	for i, pattern := range a.patterns {
		answers[i] = '0'
		if pattern.MatchString(text) {
			answers[i] = '1'
		}
	}
	return string(answers)
}

// reach follows what takes no letter, from where an automaton waits and, as a match may
// begin anywhere, from its start. It returns the instructions that take a letter.
func reach(program *syntax.Prog, from state, end bool) (waiting []uint32, matched bool) {
	var holds syntax.EmptyOp
	if !from.begun {
		holds |= syntax.EmptyBeginText
	}
	if end {
		holds |= syntax.EmptyEndText
	}
	seen := make([]bool, len(program.Inst))
	for stack := append(slices.Clone(from.waits), uint32(program.Start)); len(stack) > 0; { //nolint:gosec // it is not negative
		at := stack[len(stack)-1]
		if stack = stack[:len(stack)-1]; seen[at] {
			continue
		}
		seen[at] = true
		switch of := program.Inst[at]; of.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			stack = append(stack, of.Out, of.Arg)
		case syntax.InstCapture, syntax.InstNop:
			stack = append(stack, of.Out)
		case syntax.InstEmptyWidth:
			if syntax.EmptyOp(of.Arg)&^holds == 0 { //nolint:gosec // as above
				stack = append(stack, of.Out)
			}
		case syntax.InstMatch:
			matched = true
		case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
			waiting = append(waiting, at)
		case syntax.InstFail:
		}
	}
	return waiting, matched
}

// letters are, of the letters that no pattern tells apart, so many or all.
func (a *automata) letters(often int) []rune {
	const preferred = "xqzjvwkyabcdefghilmnoprstu0123456789XQZJVWKYABCDEFGHILMNOPRSTU"
	candidates := []rune(preferred)
	from := func(first rune) {
		for letter := first; letter < first+rune(often) && letter <= utf8.MaxRune; letter++ { //nolint:gosec // some ten
			candidates = append(candidates, letter)
		}
	}
	from(0)
	from(0xe000) // behind the surrogates, which are no letters
	for _, program := range a.programs {
		for _, of := range program.Inst {
			if of.Op == syntax.InstRuneAnyNotNL {
				from('\n')
				from('\n' + 1)
			}
			for i, letter := range of.Rune {
				if from(letter); i%2 == 1 || len(of.Rune) == 1 {
					from(letter + 1)
				}
				for folded := unicode.SimpleFold(letter); folded != letter; folded = unicode.SimpleFold(folded) {
					from(folded)
					from(folded + 1)
				}
			}
		}
	}
	rank := func(letter rune) int {
		switch at := strings.IndexRune(preferred, letter); {
		case at >= 0:
			return at
		case unicode.IsPrint(letter):
			return len(preferred) + int(letter)
		default:
			return utf8.MaxRune + int(letter)
		}
	}
	slices.SortFunc(candidates, func(a, b rune) int { return cmp.Compare(rank(a), rank(b)) })
	count := map[string]int{}
	var chosen []rune
	for _, letter := range slices.Compact(candidates) {
		if of := a.toldApart(letter); utf8.ValidRune(letter) && count[of] < often {
			count[of]++
			chosen = append(chosen, letter)
		}
	}
	return chosen
}

// toldApart is the same for letters that no instruction tells apart.
func (a *automata) toldApart(letter rune) string {
	var said strings.Builder
	for _, program := range a.programs {
		for _, of := range program.Inst {
			if is := of.Op == syntax.InstRune || of.Op == syntax.InstRune1 || of.Op == syntax.InstRuneAnyNotNL; is && of.MatchRune(letter) {
				said.WriteByte('1')
			} else if is {
				said.WriteByte('0')
			}
		}
	}
	return said.String()
}
