package origin_test

import (
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/internal/origin"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	const shape, use = "is not SCHEME://HOST", "is not written as browsers send it: use "
	for text, want := range map[string]string{
		"https://app.example":           "",
		"https://app.example:8443":      "",
		"http://localhost:5173":         "",
		"http://127.0.0.1:8080":         "",
		"http://[::1]:8080":             "",
		"https://xn--bcher-kva.example": "",
		"http://app.example:443":        "",
		"capacitor://localhost":         "",
		"chrome-extension://abcdef":     "",

		"":                               shape,
		"app.example":                    shape,
		"//app.example":                  shape,
		"https://":                       shape,
		"https:app.example":              shape,
		"://app.example":                 shape,
		"https://user@app.example":       shape,
		"https://:443":                   shape,
		"null":                           `"null" is no origin`,
		"*":                              "wildcard",
		"https://*.example":              "wildcard",
		"https://app.example/":           use + `"https://app.example"`,
		"https://app.example/path":       use + `"https://app.example"`,
		"https://app.example?x":          use + `"https://app.example"`,
		"https://app.example#x":          use + `"https://app.example"`,
		"https://app.example:":           use + `"https://app.example"`,
		"https://App.Example":            use + `"https://app.example"`,
		"HTTPS://app.example":            use + `"https://app.example"`,
		"https://app.example:443":        use + `"https://app.example"`,
		"http://app.example:80":          use + `"http://app.example"`,
		"https://app.example:08443":      use + `"https://app.example:8443"`,
		"http://[0:0::1]:8080":           use + `"http://[::1]:8080"`,
		"https://app.example:99999":      "no port between",
		"https://b\u00fccher.example":    "use its xn-- form",
		"https://app_.example,b.example": `the character ','`,
		"https://app.example b":          shape,
		"http://[fe80::1%25eth0]":        "no IPv6 address without a zone",
		" https://app.example":           shape,
	} {
		err := origin.Check(text)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
