package session_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/session"
)

func TestCredentials(t *testing.T) {
	t.Parallel()
	manager := newManager(t, newRecorder())
	ada, adaToo, bob := start(t, manager, "ada"), start(t, manager, "ada"), start(t, manager, "bob")
	unknown := "ses_" + strings.Repeat("A", 43)
	for name, test := range map[string]struct {
		sent headers
		want string
	}{
		"nothing":                   {nil, "none"},
		"another header":            {headers{{"X-Authorization", "Bearer " + ada}}, "none"},
		"bearer":                    {bearer(ada), "ada"},
		"cookie":                    {cookie(ada), "ada"},
		"scheme in lower case":      {headers{{"Authorization", "bearer " + ada}}, "ada"},
		"scheme in upper case":      {headers{{"Authorization", "BEARER " + ada}}, "ada"},
		"cookie among others":       {headers{{"Cookie", "a=b; __Host-session=" + ada + "; c=d"}}, "ada"},
		"cookie in a second header": {headers{{"Cookie", "a=b"}, {"Cookie", "__Host-session=" + ada}}, "ada"},
		"only other cookies":        {headers{{"Cookie", "a=b; session=" + ada + "; __host-session=" + ada}}, "none"},

		"cookie and bearer of one session":   {append(bearer(ada), cookie(ada)...), "ada"},
		"cookie and bearer of two users":     {append(bearer(ada), cookie(bob)...), "invalid"},
		"bearer and cookie of two users":     {append(bearer(bob), cookie(ada)...), "invalid"},
		"two sessions of one user":           {append(bearer(ada), cookie(adaToo)...), "invalid"},
		"cookie, and an unknown bearer":      {append(bearer(unknown), cookie(ada)...), "invalid"},
		"bearer, and an unknown cookie":      {append(bearer(ada), cookie(unknown)...), "invalid"},
		"bearer, and an empty cookie":        {append(bearer(ada), cookie("")...), "invalid"},
		"cookie, and another scheme's token": {append(bearer("eyJhbGciOiJFUzI1NiJ9.e30.c2ln"), cookie(ada)...), "invalid"},
		"cookie, and a malformed header":     {append(headers{{"Authorization", "Bearer"}}, cookie(ada)...), "invalid"},
		"cookie, and a proxy's credential":   {append(headers{{"Authorization", "Basic YWRhOng="}}, cookie(ada)...), "ada"},

		"unknown bearer":                 {bearer(unknown), "invalid"},
		"unknown cookie":                 {cookie(unknown), "invalid"},
		"another scheme's bearer token":  {bearer("eyJhbGciOiJFUzI1NiJ9.e30.c2ln"), "none"},
		"another authentication scheme":  {headers{{"Authorization", "Basic YWRhOng="}}, "none"},
		"another scheme with our token":  {headers{{"Authorization", "Basic " + ada}}, "none"},
		"another scheme with parameters": {headers{{"Authorization", `Digest username="ada", realm="x"`}}, "invalid"},

		"two headers":              {append(bearer(ada), bearer(ada)...), "invalid"},
		"two headers, bad last":    {append(bearer(ada), bearer(unknown)...), "invalid"},
		"two headers, bad first":   {append(bearer(unknown), bearer(ada)...), "invalid"},
		"two headers, other last":  {append(bearer(ada), [2]string{"Authorization", "Basic eDp4"}), "invalid"},
		"two headers, other first": {append(headers{{"Authorization", "Basic eDp4"}}, bearer(ada)...), "invalid"},
		"two headers, empty first": {append(headers{{"Authorization", ""}}, bearer(ada)...), "invalid"},
		"empty":                    {headers{{"Authorization", ""}}, "invalid"},
		"blank":                    {headers{{"Authorization", " "}}, "invalid"},
		"scheme alone":             {headers{{"Authorization", "Bearer"}}, "invalid"},
		"scheme and a space":       {headers{{"Authorization", "Bearer "}}, "invalid"},
		"token alone":              {headers{{"Authorization", ada}}, "invalid"},
		"no scheme":                {headers{{"Authorization", " " + ada}}, "invalid"},
		"scheme is not a token":    {headers{{"Authorization", "Bea(rer " + ada}}, "invalid"},
		"scheme is not ASCII":      {headers{{"Authorization", "Bearerſ " + ada}}, "invalid"},
		"colon after the scheme":   {headers{{"Authorization", "Bearer: " + ada}}, "invalid"},
		"tab for the space":        {headers{{"Authorization", "Bearer\t" + ada}}, "invalid"},
		"tab after the space":      {headers{{"Authorization", "Bearer \t" + ada}}, "invalid"},
		"two spaces":               {headers{{"Authorization", "Bearer  " + ada}}, "invalid"},
		"space before":             {headers{{"Authorization", " Bearer " + ada}}, "invalid"},
		"space after":              {bearer(ada + " "), "invalid"},
		"comma after":              {bearer(ada + ","), "invalid"},
		"comma-joined":             {bearer(ada + ", Bearer " + ada), "invalid"},
		"comma-joined with other":  {headers{{"Authorization", "Basic eDp4, Bearer " + ada}}, "invalid"},
		"quoted":                   {bearer(`"` + ada + `"`), "invalid"},
		"padded":                   {bearer(ada + "="), "invalid"},
		"longer":                   {bearer(ada + "A"), "invalid"},
		"shorter":                  {bearer(ada[:len(ada)-1]), "invalid"},
		"prefix alone":             {bearer("ses_"), "invalid"},
		"prefix in upper case":     {bearer("SES_" + ada[4:]), "none"},
		"other alphabet":           {bearer(ada[:len(ada)-1] + "+"), "invalid"},
		"not UTF-8":                {bearer(ada[:len(ada)-1] + "\xff"), "invalid"},
		"not ASCII":                {bearer(ada + "é"), "invalid"},
		"NUL":                      {bearer(ada + "\x00"), "invalid"},
		"line break":               {bearer(ada + "\r\n"), "invalid"},
		"oversized token":          {bearer(strings.Repeat("a", 8<<10)), "invalid"},
		"one million dots":         {bearer(strings.Repeat(".", 1_000_000)), "invalid"},

		"cookie twice":             {headers{{"Cookie", "__Host-session=" + ada + "; __Host-session=" + ada}}, "invalid"},
		"cookie twice, bad last":   {headers{{"Cookie", "__Host-session=" + ada + "; __Host-session=x"}}, "invalid"},
		"cookie twice, bad first":  {headers{{"Cookie", "__Host-session=x; __Host-session=" + ada}}, "invalid"},
		"cookie in two headers":    {append(cookie(ada), cookie(bob)...), "invalid"},
		"cookie, and it empty":     {headers{{"Cookie", "__Host-session=" + ada + "; __Host-session="}}, "invalid"},
		"cookie without a value":   {headers{{"Cookie", "__Host-session"}}, "invalid"},
		"cookie with empty value":  {cookie(""), "invalid"},
		"cookie quoted":            {cookie(`"` + ada + `"`), "invalid"},
		"cookie longer":            {cookie(ada + "A"), "invalid"},
		"cookie of another scheme": {cookie("eyJhbGciOiJFUzI1NiJ9.e30.c2ln"), "invalid"},
		"cookie not UTF-8":         {cookie(ada[:46] + "\xff"), "invalid"},
		"cookie header malformed":  {headers{{"Cookie", ";;=;,\x00; __Host-session=" + ada + " ;"}}, "ada"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := authenticate(t, manager, test.sent); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			_, err := manager.Authenticate(t.Context(), test.sent.call())
			if err != nil && (strings.Contains(err.Error(), ada[4:20]) || strings.Contains(err.Error(), "AAAA")) {
				t.Errorf("the error repeats a credential: %v", err)
			}
		})
	}
}

// TestCredentialNeighbours puts every byte that has no place there before, into and
// after a good credential.
func TestCredentialNeighbours(t *testing.T) {
	t.Parallel()
	manager := newManager(t, newRecorder())
	token := start(t, manager, "ada")
	for b := range 256 {
		c := string([]byte{byte(b)})
		for name, altered := range map[string]string{
			"before": c + token,
			"inside": token[:20] + c + token[21:],
			"after":  token + c,
		} {
			if altered == token {
				continue
			}
			if got := authenticate(t, manager, bearer(altered)); got != "invalid" && got != "none" {
				t.Errorf("bearer with byte %#x %s: %s", b, name, got)
			}
			want := "invalid"
			if name == "after" && (c == ";" || c == " " || c == "\t") {
				want = "ada" // what lies between cookies is no part of one
			}
			if got := authenticate(t, manager, cookie(altered)); got != want {
				t.Errorf("cookie with byte %#x %s: %s, want %s", b, name, got, want)
			}
		}
	}
}

func FuzzCredential(f *testing.F) {
	manager, err := session.New(newRecorder(), anyUser)
	if err != nil {
		f.Fatal(err)
	}
	token, err := manager.Start(f.Context(), "ada")
	if err != nil {
		f.Fatal(err)
	}
	f.Add("Bearer ses_", "__Host-session=ses_; a=b")
	f.Add("Bearer x, Bearer y", "__Host-session=\"\"")
	f.Fuzz(func(t *testing.T, authorization, cookies string) {
		sent := headers{{"Authorization", authorization}, {"Cookie", cookies}}
		principal, err := manager.Authenticate(t.Context(), sent.call())
		if principal != nil && !strings.Contains(authorization+cookies, token) {
			t.Errorf("authenticated by %q and %q", authorization, cookies)
		}
		if got := outcome(principal, err); got == "fault" || got == "nothing at all" {
			t.Errorf("%s for %q and %q: %v", got, authorization, cookies, err)
		}
	})
}

func TestChallenge(t *testing.T) {
	t.Parallel()
	if got := newManager(t, newRecorder()).Challenge(authn.Denial{}); got != `Bearer realm="session"` {
		t.Errorf("Challenge = %s", got)
	}
}

// TestMalformedTokensReachNoStore holds so that strangers cannot make it work.
func TestMalformedTokensReachNoStore(t *testing.T) {
	t.Parallel()
	store := newRecorder()
	manager := newManager(t, store)
	store.hook(func(string) error { return errors.New("asked") })
	for _, token := range []string{"ses_", "ses_" + strings.Repeat("A", 42), "ses_" + strings.Repeat("A", 44), "ses_" + strings.Repeat("A", 42) + "."} {
		for _, sent := range []headers{bearer(token), cookie(token)} {
			if got := authenticate(t, manager, sent); got != "invalid" {
				t.Errorf("%v: %s", sent, got)
			}
			within(t, sent, manager.End)
		}
	}
	one, two := "ses_"+strings.Repeat("A", 43), "ses_"+strings.Repeat("B", 43)
	for name, sent := range map[string]headers{
		"a header of two words":       {{"Authorization", "Bearer " + one + " x"}},
		"a cookie twice":              {{"Cookie", "__Host-session=" + one + "; __Host-session=" + two}},
		"a cookie and another bearer": append(cookie(one), bearer(two)...),
	} {
		if got := authenticate(t, manager, sent); got != "invalid" {
			t.Errorf("%s: %s", name, got)
		}
	}
}
