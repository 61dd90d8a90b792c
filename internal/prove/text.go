package prove

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// maxShapes is how many shapes the texts of a class have at most that is decided.
const maxShapes = 256

// A look is how conditions look into the texts of a class: the constants that they ask for
// at the beginning, at the end, and anywhere.
type look struct{ prefixes, suffixes, parts []string }

// isNone reports whether no condition looks into the texts.
func (l *look) isNone() bool { return len(l.prefixes)+len(l.suffixes)+len(l.parts) == 0 }

func (l *look) merge(other *look) {
	l.prefixes = union(l.prefixes, other.prefixes)
	l.suffixes = union(l.suffixes, other.suffixes)
	l.parts = union(l.parts, other.parts)
}

func union(all, more []string) []string {
	for _, text := range more {
		if text != "" && !slices.Contains(all, text) { // every text has the empty one everywhere
			all = append(all, text)
		}
	}
	return all
}

// sees reports whether a text answers yes to one of the questions.
func (l *look) sees(text string) bool {
	is := func(of func(text, part string) bool) func(string) bool {
		return func(part string) bool { return of(text, part) }
	}
	return slices.ContainsFunc(l.prefixes, is(strings.HasPrefix)) || slices.ContainsFunc(l.suffixes, is(strings.HasSuffix)) ||
		slices.ContainsFunc(l.parts, is(strings.Contains))
}

// shapes is how many shapes there are.
func (l *look) shapes() int {
	if len(l.parts) > 8 {
		return maxShapes + 1
	}
	return (len(l.prefixes) + 1) * (len(l.suffixes) + 1) << len(l.parts)
}

// fresh makes texts that no constant names, so many of each shape.
//
// Any text that is no constant answers all questions as one of these does: the longest
// prefix that it has, then a letter that no constant has, then each part that it
// contains, with that letter between, and the longest suffix that it has. The letter keeps
// the text from having a prefix, a part or a suffix of which it is no piece.
func (l *look) fresh(constants []any, need int, texts func(int) string) []any {
	letter := l.letter(constants)
	var made []any
	for _, prefix := range append([]string{""}, l.prefixes...) {
		for _, suffix := range append([]string{""}, l.suffixes...) {
			for chosen := range 1 << len(l.parts) {
				inner := l.chosen(chosen, letter)
				for i := range need {
					text := prefix + strings.Repeat(letter, i+1) + inner + suffix
					if prefix+suffix+inner == "" {
						text = l.plain(constants, texts, i, text)
					}
					if !slices.Contains(made, any(text)) {
						made = append(made, text)
					}
				}
			}
		}
	}
	return made
}

// chosen are those parts whose bit is set, each with the letter behind it.
func (l *look) chosen(bits int, letter string) string {
	var inner strings.Builder
	for i, part := range l.parts {
		if bits>>i&1 == 1 {
			inner.WriteString(part + letter)
		}
	}
	return inner.String()
}

// plain is a text that answers no to every question: of the form that the validation
// rules accept, where that has one.
func (l *look) plain(constants []any, texts func(int) string, index int, other string) string {
	for i := range 4 * (index + 1) {
		text := texts(i)
		if l.sees(text) || slices.Contains(constants, any(text)) {
			continue
		}
		if index--; index < 0 {
			return text
		}
	}
	return other
}

// letter is one that no constant has.
func (l *look) letter(constants []any) string {
	var all strings.Builder
	for _, text := range slices.Concat(l.prefixes, l.suffixes, l.parts) {
		all.WriteString(text)
	}
	for _, constant := range constants {
		fmt.Fprint(&all, constant)
	}
	for _, letter := range "xqzjvwkyabcdefghilmnoprstu0123456789XQZJVWKYABCDEFGHILMNOPRSTU" {
		if !strings.ContainsRune(all.String(), letter) {
			return string(letter)
		}
	}
	for letter := rune(0x4e00); ; letter++ { // the texts have an end, and so do the letters in them
		if utf8.ValidRune(letter) && !strings.ContainsRune(all.String(), letter) {
			return string(letter)
		}
	}
}
