package credential_test

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/authn/internal/credential"
)

// A challenge names the missing scopes that a quoted string can hold, and no others.
func TestInsufficientScope(t *testing.T) {
	t.Parallel()
	const alone = `, error="insufficient_scope"`
	for name, test := range map[string]struct {
		missing []string
		want    string
	}{
		"none":                      {nil, alone},
		"one":                       {[]string{"files.read"}, alone + `, scope="files.read"`},
		"two":                       {[]string{"files.read", "users:read"}, alone + `, scope="files.read users:read"`},
		"the first and last letter": {[]string{"!", "~"}, alone + `, scope="! ~"`},
		"empty":                     {[]string{""}, alone},
		"a space":                   {[]string{"a b"}, alone},
		"a quote":                   {[]string{`a"b`}, alone},
		"a backslash":               {[]string{`a\b`}, alone},
		"a line break":              {[]string{"a\r\nb"}, alone},
		"delete":                    {[]string{"a\x7f"}, alone},
		"not ASCII":                 {[]string{"é"}, alone},
		"one of each":               {[]string{"", "a", `b"`, "c"}, alone + `, scope="a c"`},
	} {
		if got := credential.InsufficientScope(test.missing); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
