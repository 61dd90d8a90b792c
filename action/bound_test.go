package action

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// TestNameSet compares sets of bits with sets of names that anybody can read, over
// vocabularies that fit one word and over such that take many.
func TestNameSet(t *testing.T) {
	t.Parallel()
	for _, size := range []int{1, 2, 63, 64, 65, 127, 128, 129, 1000, 5000} {
		t.Run(strconv.Itoa(size), func(t *testing.T) {
			t.Parallel()
			random := rand.New(rand.NewPCG(1, uint64(size)))
			names := make([]string, size)
			for i := range names {
				names[i] = "name" + strconv.Itoa(i)
			}
			draw := func(most int) []string {
				drawn := make([]string, random.IntN(most+1))
				for i := range drawn {
					drawn[i] = names[random.IntN(size)]
				}
				return drawn
			}
			for range 300 {
				asked := draw(4)
				held := append(draw(min(size, 20)), "stranger")
				if random.IntN(2) == 0 {
					held = append(held, asked...)
				}
				compareNames(t, names[:random.IntN(size)], asked, held)
			}
			// Everything, but for one.
			for _, without := range []int{0, size / 2, size - 1} {
				held := slices.Delete(slices.Clone(names), without, without+1)
				compareNames(t, nil, names, held)
				compareNames(t, nil, names[without:without+1], held)
				compareNames(t, nil, names, names)
			}
		})
	}
}

// FuzzNameSet is TestNameSet with names that the fuzzer chooses: two bytes each, a
// zero first byte parting what is asked for from what is held.
func FuzzNameSet(f *testing.F) {
	f.Add([]byte{}, []byte{})
	f.Add([]byte{1, 1}, []byte{1, 1})
	f.Add([]byte{1, 1, 200, 7, 3, 64}, []byte{200, 7, 1, 1})
	decode := func(from []byte) []string {
		var names []string
		for ; len(from) >= 2; from = from[2:] {
			names = append(names, strconv.Itoa(int(binary.BigEndian.Uint16(from))))
		}
		return names
	}
	f.Fuzz(func(t *testing.T, asked, held []byte) {
		compareNames(t, nil, decode(asked), decode(held))
	})
}

// compareNames asks for names, in a vocabulary that knows others before them, of
// somebody who holds names.
func compareNames(t *testing.T, before, asked, held []string) {
	t.Helper()
	vocabulary := vocabulary{map[string]int{}}
	vocabulary.learn(before)
	want := vocabulary.learn(asked)
	has := vocabulary.know(held)
	if got, want := has.covers(want), all(asked, held); got != want {
		t.Errorf("%q covers %q: %t, want %t", held, asked, got, want)
	}
	if got, want := has.meets(want), slices.ContainsFunc(asked, func(name string) bool { return slices.Contains(held, name) }); got != want {
		t.Errorf("%q meets %q: %t, want %t", held, asked, got, want)
	}
}

func all(asked, held []string) bool {
	holds := map[string]bool{}
	for _, name := range held {
		holds[name] = true
	}
	return !slices.ContainsFunc(asked, func(name string) bool { return !holds[name] })
}

// TestVocabularyGrows knows a name only once it was asked for.
func TestVocabularyGrows(t *testing.T) {
	t.Parallel()
	vocabulary := vocabulary{map[string]int{}}
	if vocabulary.know([]string{"admin"}) != nil {
		t.Error("an empty vocabulary knows a name")
	}
	admin := vocabulary.learn([]string{"admin"})
	if !vocabulary.know([]string{"admin"}).covers(admin) || !vocabulary.learn([]string{"admin"}).meets(admin) {
		t.Error("what was learned twice is not the same")
	}
	if vocabulary.know([]string{"Admin", "", "admin "}) != nil {
		t.Error("the vocabulary knows what is only like a name")
	}
}
