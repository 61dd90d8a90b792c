package password

import (
	"strings"
	"testing"
)

const (
	goodSalt = "AAAAAAAAAAAAAAAAAAAAAA"
	goodKey  = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	goodHash = "$argon2id$v=19$m=19456,t=2,p=1$" + goodSalt + "$" + goodKey
)

func TestParse(t *testing.T) {
	t.Parallel()
	with := func(old, replacement string) string { return strings.Replace(goodHash, old, replacement, 1) }
	for name, test := range map[string]struct {
		text string
		ok   bool
	}{
		"as written":             {goodHash, true},
		"least memory":           {with("m=19456", "m=8"), true},
		"most of all":            {with("m=19456,t=2,p=1", "m=65536,t=10,p=4"), true},
		"empty":                  {"", false},
		"another algorithm":      {with("argon2id", "argon2i"), false},
		"another version":        {with("v=19", "v=16"), false},
		"no version":             {with("$v=19", ""), false},
		"no leading dollar":      {goodHash[1:], false},
		"something before":       {"x" + goodHash, false},
		"something after":        {goodHash + "$", false},
		"a line after":           {goodHash + "\n", false},
		"a line inside":          {with(goodSalt, "AAAAAAAAAAA\nAAAAAAAAAAA"), false},
		"parameters swapped":     {with("m=19456,t=2", "t=2,m=19456"), false},
		"parameter missing":      {with(",p=1", ""), false},
		"parameter twice":        {with("p=1", "p=1,p=1"), false},
		"parameter unknown":      {with("p=1", "p=1,data=AAAA"), false},
		"no memory":              {with("m=19456", "m=0"), false},
		"memory below the lanes": {with("m=19456,t=2,p=1", "m=31,t=2,p=4"), false},
		"memory beyond":          {with("m=19456", "m=65537"), false},
		"memory overflows":       {with("m=19456", "m=4294967297"), false},
		"no time":                {with("t=2", "t=0"), false},
		"time beyond":            {with("t=2", "t=11"), false},
		"no lanes":               {with("p=1", "p=0"), false},
		"lanes beyond":           {with("p=1", "p=5"), false},
		"lanes that wrap":        {with("p=1", "p=257"), false},
		"sign":                   {with("t=2", "t=+2"), false},
		"leading zero":           {with("t=2", "t=02"), false},
		"space":                  {with("t=2", "t= 2"), false},
		"no salt":                {with(goodSalt, ""), false},
		"short salt":             {with(goodSalt, "AAAAAAAAAAA"), false},
		"no key":                 {with(goodKey, ""), false},
		"short key":              {with(goodKey, "AAAA"), false},
		"long key":               {with(goodKey, strings.Repeat("A", 87)), false},
		"padded":                 {goodHash + "=", false},
		"padding bits set":       {goodHash[:len(goodHash)-1] + "B", false},
		"oversized":              {goodHash + strings.Repeat("A", 1<<20), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parse(test.text)
			if (err == nil) != test.ok {
				t.Errorf("parse(%q): %v", test.text, err)
			}
			if err == nil && got.String() != test.text {
				t.Errorf("parse(%q) writes back as %q", test.text, got)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(goodHash)
	f.Add("$argon2id$v=19$m=8,t=1,p=1$" + goodSalt + "$" + goodSalt)
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parse(text)
		if err != nil {
			return
		}
		if got.String() != text {
			t.Errorf("%q writes back as %q", text, got)
		}
		if got.memory > dearest.memory || got.time > dearest.time || got.lanes > dearest.lanes ||
			got.memory < 8*uint32(got.lanes) || got.time < 1 || len(got.salt) > 64 || len(got.key) > 64 {
			t.Errorf("%q costs %v", text, got.cost)
		}
	})
}
