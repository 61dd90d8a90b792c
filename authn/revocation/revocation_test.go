package revocation_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

// outcome shows a revocation as it arrives.
func outcome(r revocation.Revocation) string {
	switch id, ok := r.Principal(); {
	case ok:
		return "principal " + id
	case r == revocation.OfEverything():
		return "everything"
	case r == revocation.Revocation{}:
		return "nothing"
	case strings.HasPrefix(r.String(), `{"probe":`):
		return "probe"
	default:
		return "credential"
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	if got := (revocation.Revocation{}).String(); got != "nothing" {
		t.Errorf("the zero Revocation is shown as %q", got)
	}
	for _, test := range []struct {
		name       string
		revocation revocation.Revocation
		want       string
	}{
		{"principal", revocation.OfPrincipal("ada"), `{"principal":"ada"}`},
		{"principal with a break", revocation.OfPrincipal("a\r\n\x00\x7f"), `{"principal":"a\r\n\u0000` + "\x7f" + `"}`},
		{"principal in JSON", revocation.OfPrincipal(`"},"everything":true`), `{"principal":"\"},\"everything\":true"}`},
		{"principal with markup", revocation.OfPrincipal("<ada>&\u2028"), `{"principal":"\u003cada\u003e\u0026\u2028"}`},
		{"principal named as a kind", revocation.OfPrincipal("everything"), `{"principal":"everything"}`},
		{"principal of another script", revocation.OfPrincipal("アダ"), `{"principal":"アダ"}`},
		{"longest principal", revocation.OfPrincipal(strings.Repeat("a", 4096-16)), `{"principal":"` + strings.Repeat("a", 4096-16) + `"}`},
		{"credential", revocation.OfCredential("s3cr3t"), `{"credential":"0wBoHoblaxklzg1M86l8AuLK6efVn4Yl1BkB3j9O4Aw"}`},
		{"everything", revocation.OfEverything(), `{"everything":true}`},
		{"nothing", revocation.Revocation{}, ""},
		{"no principal", revocation.OfPrincipal(""), ""},
		{"no credential", revocation.OfCredential(""), ""},
		{"too long", revocation.OfPrincipal(strings.Repeat("a", 4096-15)), ""},
		{"too long as a text", revocation.OfPrincipal(strings.Repeat("\x00", 1000)), ""},
		{"not UTF-8", revocation.OfPrincipal("\xff"), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			text, err := test.revocation.MarshalText()
			if (err != nil) != (test.want == "") || string(text) != test.want {
				t.Fatalf("got %q and %v, want %q", text, err, test.want)
			}
			if err == nil && revocation.Parse(text) != test.revocation {
				t.Errorf("comes back as %v", revocation.Parse(text))
			}
			if shown := fmt.Sprint(test.revocation); shown != test.want && shown != "nothing" {
				t.Errorf("shown as %s", shown)
			}
		})
	}
}

// What cannot be read may have been a revocation of anything.
func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"principal":"ada"}`:                    "principal ada",
		`{"credential":"x"}`:                     "credential",
		`{"everything":true}`:                    "everything",
		`{"probe":"x"}`:                          "probe",
		`{"probe":""}`:                           "everything",
		`{"probe":"x","everything":true}`:        "everything",
		`{"principal":"ada","probe":"x"}`:        "everything",
		``:                                       "everything",
		`ada`:                                    "everything",
		`null`:                                   "everything",
		`{}`:                                     "everything",
		`{"principal":""}`:                       "everything",
		`{"principal":7}`:                        "everything",
		`{"principal":null}`:                     "everything",
		`{"Principal":"ada"}`:                    "everything",
		`{"principal":"ada"}` + " ":              "everything",
		`{"principal":"ada"}{"principal":"bob"}`: "everything",
		`{"principal":"ada","principal":"bob"}`:  "everything",
		`{"principal":"ada","credential":"x"}`:   "everything",
		`{"principal":"ada","everything":true}`:  "everything",
		`{"principal":"ada","tenant":"red"}`:     "everything",
		`{"tenant":"red"}`:                       "everything",
		"{\"principal\":\"\xff\"}":               "everything",
		`{"principal":"\ud800"}`:                 "everything",
		`{"principal":"` + strings.Repeat("a", 5000) + `"}`: "everything",
		strings.Repeat("[", 4096):                           "everything",
	} {
		if got := outcome(revocation.Parse([]byte(text))); got != want {
			t.Errorf("%.80q is of %s, want %s", text, got, want)
		}
	}
}

// A credential is in nothing that travels or is shown, and two do not get mixed up.
func TestCredentialsDoNotTravel(t *testing.T) {
	t.Parallel()
	const planted = "s3cr3t"
	seen := map[string]string{}
	for _, credential := range []string{planted, planted + " ", " " + planted, planted + planted, "\x00" + planted} {
		text := revocation.OfCredential(credential).String()
		if strings.Contains(text, planted) {
			t.Errorf("it is in %s", text)
		}
		if other, ok := seen[text]; ok {
			t.Errorf("%q and %q have one text", other, credential)
		}
		seen[text] = credential
	}
	id, ok := revocation.OfCredential(planted).Principal()
	if diff := cmp.Diff([]any{"", false}, []any{id, ok}); diff != "" {
		t.Error(diff)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{`{"principal":"ada"}`, `{"credential":"x"}`, `{"everything":true}`, `{"principal":"\u003c"}`, "", "{"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		parsed := revocation.Parse(text)
		again, err := parsed.MarshalText()
		if err != nil {
			t.Fatalf("%q is of nothing: %v", text, err)
		}
		if parsed != revocation.OfEverything() && string(again) != string(text) {
			t.Fatalf("%q and %q are one", text, again)
		}
	})
}
