package audit

import (
	"crypto/rand"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func keyPair(tb testing.TB, name string) (note.Signer, note.Verifier) {
	tb.Helper()
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		tb.Fatal(err)
	}
	signer, err := note.NewSigner(private)
	if err != nil {
		tb.Fatal(err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		tb.Fatal(err)
	}
	return signer, verifier
}

func TestCheckpoints(t *testing.T) {
	t.Parallel()
	signer, verifier := keyPair(t, "example.com/audit")
	stranger, _ := keyPair(t, "example.com/audit")
	said := Checkpoint{"example.com/audit/1", 42, tlog.RecordHash([]byte("a"))}
	signed, err := said.sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	keys := note.VerifierList(verifier)
	if got, err := openCheckpoint(signed, keys); err != nil || got != said {
		t.Errorf("opened %v, %v; want %v", got, err, said)
	}
	forged, err := said.sign(stranger)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(text string) string {
		signed, err := note.Sign(&note.Note{Text: text}, signer)
		if err != nil {
			t.Fatal(err)
		}
		return string(signed)
	}
	root := strings.Split(said.text(), "\n")[2]
	for name, text := range map[string]string{
		"of a key of the same name": string(forged),
		"changed":                   strings.Replace(string(signed), "42", "43", 1),
		"without a signature":       said.text(),
		"empty":                     "",
		"two lines":                 sign("log\n1\n"),
		"without a name":            sign("\n1\n" + root + "\n"),
		"a negative size":           sign("log\n-1\n" + root + "\n"),
		"a size with a zero ahead":  sign("log\n01\n" + root + "\n"),
		"a short root":              sign("log\n1\nAAAA\n"),
	} {
		if got, err := openCheckpoint([]byte(text), keys); err == nil {
			t.Errorf("%s: opened as %v", name, got)
		}
	}
	if got, err := openCheckpoint([]byte(sign("log\n1\n"+root+"\nan extension\n")), keys); err != nil || got.Size != 1 {
		t.Errorf("with an extension line: %v, %v", got, err)
	}
}

func TestSplitCheckpoints(t *testing.T) {
	t.Parallel()
	const one, two = "a\n1\nroot\n\n— name sig\n", "b\n2\nroot\n\n— name sig\n— other sig\n"
	for name, test := range map[string]struct {
		file string
		want []string
	}{
		"none":                  {"", nil},
		"blank lines":           {"\n\n", nil},
		"one":                   {one, []string{one}},
		"two":                   {one + two, []string{one, two}},
		"two and an empty line": {one + "\n" + two + "\n", []string{one, two}},
		"the rest of one":       {one + "b\n2", []string{one, "b\n2"}},
	} {
		var got []string
		for _, part := range splitCheckpoints([]byte(test.file)) {
			got = append(got, string(part))
		}
		if strings.Join(got, "|") != strings.Join(test.want, "|") {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func FuzzCheckProof(f *testing.F) {
	_, verifier := keyPair(f, "example.com/audit")
	keys := note.VerifierList(verifier)
	f.Add([]byte("c2sp.org/tlog-proof@v1\nindex 0\n\na\n1\nroot\n\n— name sig\n"))
	f.Add([]byte("c2sp.org/tlog-proof@v1\nextra eA==\nindex 3\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n\n"))
	f.Fuzz(func(t *testing.T, proof []byte) {
		if _, _, err := CheckProof([]byte("event"), proof, keys); err == nil {
			t.Error("what no key signed proves something")
		}
		splitCheckpoints(proof)
	})
}
