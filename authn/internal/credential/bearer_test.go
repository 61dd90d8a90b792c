package credential_test

import (
	"errors"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/internal/credential"
)

func header(values ...string) *connect.Header {
	header := new(connect.Header)
	for _, value := range values {
		header.Add("authorization", value)
	}
	return header
}

func TestBearer(t *testing.T) {
	t.Parallel()
	const invalid = "invalid"
	longest := strings.Repeat("a", 8<<10-len("Bearer "))
	for name, test := range map[string]struct {
		values []string
		want   string
	}{
		"no header":                {nil, ""},
		"a token":                  {[]string{"Bearer abc"}, "abc"},
		"every letter":             {[]string{"Bearer aZ09-._~+/=="}, "aZ09-._~+/=="},
		"lower case":               {[]string{"bearer abc"}, "abc"},
		"mixed case":               {[]string{"bEARER abc"}, "abc"},
		"another scheme":           {[]string{"Basic eDp5"}, ""},
		"an unknown scheme":        {[]string{"DPoP abc"}, ""},
		"longest":                  {[]string{"Bearer " + longest}, longest},
		"too long":                 {[]string{"Bearer " + longest + "a"}, invalid},
		"too long, another scheme": {[]string{"Basic " + longest + "aa"}, invalid},
		"empty":                    {[]string{""}, invalid},
		"a space":                  {[]string{" "}, invalid},
		"scheme alone":             {[]string{"Bearer"}, invalid},
		"scheme and space":         {[]string{"Bearer "}, invalid},
		"token alone":              {[]string{"abc.def.ghi"}, invalid},
		"space before":             {[]string{" Bearer abc"}, invalid},
		"two spaces":               {[]string{"Bearer  abc"}, invalid},
		"space after":              {[]string{"Bearer abc "}, invalid},
		"tab between":              {[]string{"Bearer\tabc"}, invalid},
		"tab after":                {[]string{"Bearer abc\t"}, invalid},
		"tab before":               {[]string{"\tBearer abc"}, invalid},
		"line break":               {[]string{"Bearer abc\r\n"}, invalid},
		"zero byte":                {[]string{"Bearer abc\x00"}, invalid},
		"not UTF-8":                {[]string{"Bearer abc\xff"}, invalid},
		"scheme not UTF-8":         {[]string{"Bearer\xff abc"}, invalid},
		"no-break space":           {[]string{"Bearer\u00a0abc"}, invalid},
		"full-width":               {[]string{"Ｂearer abc"}, invalid},
		"quoted":                   {[]string{`Bearer "abc"`}, invalid},
		"only padding":             {[]string{"Bearer =="}, invalid},
		"padding inside":           {[]string{"Bearer a=b"}, invalid},
		"parameters":               {[]string{"Bearer token=abc"}, invalid},
		"comma-joined":             {[]string{"Bearer abc, Bearer def"}, invalid},
		"comma-joined, tight":      {[]string{"Bearer abc,Bearer def"}, invalid},
		"joined, another first":    {[]string{"Basic eDp5, Bearer abc"}, invalid},
		"joined, another last":     {[]string{"Bearer abc, Basic eDp5"}, invalid},
		"Digest":                   {[]string{`Digest username="x", realm="y"`}, invalid},
		"twice the same":           {[]string{"Bearer abc", "Bearer abc"}, invalid},
		"twice, another first":     {[]string{"Basic eDp5", "Bearer abc"}, invalid},
		"twice, another last":      {[]string{"Bearer abc", "Basic eDp5"}, invalid},
		"twice, empty first":       {[]string{"", "Bearer abc"}, invalid},
		"twice, empty last":        {[]string{"Bearer abc", ""}, invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := credential.Bearer(header(test.values...))
			if err != nil {
				if !errors.Is(err, authn.ErrInvalidCredential) || got != "" {
					t.Errorf("%q beside %v", got, err)
				}
				got = invalid
			}
			if got != test.want {
				t.Errorf("got %.40q, want %.40q", got, test.want)
			}
		})
	}
}

// FuzzBearer holds that what comes out went in, whole, behind "Bearer ".
func FuzzBearer(f *testing.F) {
	f.Add("Bearer abc")
	f.Add("Basic eDp5, Bearer abc")
	f.Fuzz(func(t *testing.T, value string) {
		token, err := credential.Bearer(header(value))
		framed, framedErr := credential.Framed(header(value))
		if framedErr != nil && err == nil || err == nil && framed != token {
			t.Errorf("Framed: %q, %v; Bearer: %q, %v", framed, framedErr, token, err)
		}
		if err != nil || token == "" {
			return
		}
		if !strings.EqualFold(value[:len(value)-len(token)], "Bearer ") || !strings.HasSuffix(value, token) {
			t.Errorf("%q came out of %q", token, value)
		}
		if strings.ContainsAny(token, " \t\r\n,;\"") {
			t.Errorf("%q is no token", token)
		}
	})
}
