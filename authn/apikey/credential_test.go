package apikey_test

import (
	"context"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

const jwt = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"

func TestCredentials(t *testing.T) {
	t.Parallel()
	manager := newManager(t, newMemory())
	_, ada := issue(t, manager, "ada")
	_, bob := issue(t, manager, "bob")
	body := ada[:len(ada)-7]
	unknown := reseal("sp_" + strings.Repeat("a", 16) + "_" + strings.Repeat("a", 52))
	for name, test := range map[string]struct {
		sent headers
		want string
	}{
		"nothing":                        {nil, "none"},
		"another header":                 {headers{{"X-Authorization", "Bearer " + ada}, {"X-Api-Key", ada}}, "none"},
		"bearer":                         {bearer(ada), "ada"},
		"scheme in lower case":           {headers{{"Authorization", "bearer " + ada}}, "ada"},
		"scheme in upper case":           {headers{{"Authorization", "BEARER " + ada}}, "ada"},
		"header in lower case":           {headers{{"authorization", "Bearer " + ada}}, "ada"},
		"of another owner":               {bearer(bob), "bob"},
		"a token":                        {bearer(jwt), "none"},
		"a session":                      {bearer("ses_" + strings.Repeat("A", 43)), "none"},
		"a key of another prefix":        {bearer(reseal("spx_" + ada[3:len(ada)-7])), "none"},
		"a key without a prefix":         {bearer(ada[3:]), "none"},
		"prefix without its underscore":  {bearer("sp"), "none"},
		"prefix in upper case":           {bearer("SP_" + ada[3:]), "none"},
		"another authentication scheme":  {headers{{"Authorization", "Basic YWRhOng="}}, "none"},
		"another scheme with a key":      {headers{{"Authorization", "Basic " + ada}}, "none"},
		"another scheme with parameters": {headers{{"Authorization", `Digest username="ada", realm="x"`}}, "invalid"},

		"two headers":              {append(bearer(ada), bearer(ada)...), "invalid"},
		"two owners":               {append(bearer(ada), bearer(bob)...), "invalid"},
		"two headers, token last":  {append(bearer(ada), bearer(jwt)...), "invalid"},
		"two headers, token first": {append(bearer(jwt), bearer(ada)...), "invalid"},
		"two headers, other last":  {append(bearer(ada), [2]string{"Authorization", "Basic eDp4"}), "invalid"},
		"two headers, other first": {append(headers{{"Authorization", "Basic eDp4"}}, bearer(ada)...), "invalid"},
		"two headers, empty first": {append(headers{{"Authorization", ""}}, bearer(ada)...), "invalid"},
		"two headers, empty last":  {append(bearer(ada), [2]string{"Authorization", ""}), "invalid"},
		"empty":                    {headers{{"Authorization", ""}}, "invalid"},
		"blank":                    {headers{{"Authorization", " "}}, "invalid"},
		"scheme alone":             {headers{{"Authorization", "Bearer"}}, "invalid"},
		"scheme and a space":       {headers{{"Authorization", "Bearer "}}, "invalid"},
		"key alone":                {headers{{"Authorization", ada}}, "invalid"},
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
		"comma-joined, no space":   {bearer(ada + ",Bearer " + ada), "invalid"},
		"comma-joined with other":  {headers{{"Authorization", "Basic eDp4, Bearer " + ada}}, "invalid"},
		"quoted":                   {bearer(`"` + ada + `"`), "invalid"},
		"oversized token":          {bearer(strings.Repeat("a", 8<<10)), "invalid"},
		"one million dots":         {bearer(strings.Repeat(".", 1_000_000)), "invalid"},
		"one million dots, ours":   {bearer("sp_" + strings.Repeat(".", 1_000_000)), "invalid"},

		"padded":                  {bearer(ada + "="), "invalid"},
		"longer":                  {bearer(ada + "a"), "invalid"},
		"longer, resealed":        {bearer(reseal(body + "a")), "invalid"},
		"shorter":                 {bearer(ada[:len(ada)-1]), "invalid"},
		"shorter, resealed":       {bearer(reseal(body[:len(body)-1])), "invalid"},
		"without a checksum":      {bearer(body), "invalid"},
		"prefix alone":            {bearer("sp_"), "invalid"},
		"prefix twice":            {bearer("sp_" + ada), "invalid"},
		"id alone":                {bearer(ada[:19]), "invalid"},
		"in upper case":           {bearer("sp_" + strings.ToUpper(ada[3:])), "invalid"},
		"mistyped":                {bearer(mistype(ada)), "invalid"},
		"another secret":          {bearer(reseal(ada[:20] + strings.Repeat("a", 52))), "invalid"},
		"another's secret":        {bearer(reseal(ada[:20] + bob[20:len(bob)-7])), "invalid"},
		"another's id":            {bearer(reseal(bob[:20] + ada[20:len(ada)-7])), "invalid"},
		"separator elsewhere":     {bearer(reseal(ada[:18] + "_" + ada[18:19] + ada[20:len(ada)-7])), "invalid"},
		"another separator":       {bearer(reseal(ada[:19] + "-" + ada[20:len(ada)-7])), "invalid"},
		"unknown":                 {bearer(unknown), "invalid"},
		"not UTF-8":               {bearer(ada[:len(ada)-1] + "\xff"), "invalid"},
		"not ASCII":               {bearer(ada + "é"), "invalid"},
		"NUL":                     {bearer(ada + "\x00"), "invalid"},
		"line break":              {bearer(ada + "\r\n"), "invalid"},
		"in the cookie":           {headers{{"Cookie", "key=" + ada}}, "none"},
		"beside a proxy's header": {append(headers{{"Proxy-Authorization", "Basic eDp4"}}, bearer(ada)...), "ada"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := authenticate(t, manager, test.sent); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
			if _, err := manager.Authenticate(t.Context(), test.sent.call()); err != nil && strings.Contains(err.Error(), ada[20:28]) {
				t.Errorf("the error repeats a credential: %v", err)
			}
		})
	}
}

func TestCredentialsInAHeaderOfTheirOwn(t *testing.T) {
	t.Parallel()
	manager := newManager(t, newMemory(), apikey.WithHeader("x-api-key"), apikey.WithPrefix("acme"))
	_, ada := issue(t, manager, "ada")
	_, bob := issue(t, manager, "bob")
	own := func(values ...string) (sent headers) {
		for _, value := range values {
			sent = append(sent, [2]string{"X-Api-Key", value})
		}
		return sent
	}
	for name, test := range map[string]struct {
		sent headers
		want string
	}{
		"nothing":            {nil, "none"},
		"key":                {own(ada), "ada"},
		"beside a token":     {append(own(ada), bearer(jwt)...), "ada"},
		"beside a bearer":    {append(own(ada), bearer(bob)...), "ada"},
		"as bearer":          {bearer(ada), "none"},
		"malformed bearer":   {headers{{"Authorization", ""}}, "none"},
		"empty":              {own(""), "invalid"},
		"twice":              {own(ada, ada), "invalid"},
		"two owners":         {own(ada, bob), "invalid"},
		"empty first":        {own("", ada), "invalid"},
		"empty last":         {own(ada, ""), "invalid"},
		"comma-joined":       {own(ada + "," + ada), "invalid"},
		"tab before":         {own("\t" + ada), "invalid"},
		"space after":        {own(ada + " "), "invalid"},
		"with a scheme":      {own("Bearer " + ada), "invalid"},
		"of another prefix":  {own(reseal("sp_" + ada[5:len(ada)-7])), "invalid"},
		"a token":            {own(jwt), "invalid"},
		"oversized":          {own(strings.Repeat("a", 1<<20)), "invalid"},
		"not UTF-8":          {own(ada[:len(ada)-1] + "\xff"), "invalid"},
		"header of its kind": {headers{{"X-Api-Keys", ada}, {"X_Api_Key", ada}}, "none"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := authenticate(t, manager, test.sent); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
	if _, err := manager.Authenticate(t.Context(), own(ada, bob).call()); err == nil || !strings.Contains(err.Error(), "several headers") {
		t.Errorf("two headers: %v", err)
	}
	if got := manager.Challenge(authn.Denial{}); got != "" {
		t.Errorf("Challenge = %q, but HTTP has none for a header of its own", got)
	}
}

// TestCredentialNeighbours puts every byte before, into, for one of and after a good
// credential, with a checksum that fits and one that does not.
func TestCredentialNeighbours(t *testing.T) {
	t.Parallel()
	manager := newManager(t, newMemory())
	_, text := issue(t, manager, "ada")
	body := text[:len(text)-7]
	for b := range 256 {
		c := string([]byte{byte(b)})
		for _, altered := range []string{
			c + text, text + c,
			text[:10] + c + text[10:], text[:40] + c + text[40:],
			reseal(body + c), reseal(body[:40] + c + body[40:]),
			"sp_" + c + text[4:], text[:30] + c + text[31:], text[:len(text)-1] + c,
			reseal("sp_" + c + body[4:]), reseal(body[:30] + c + body[31:]), reseal(body[:len(body)-1] + c),
		} {
			if altered == text {
				continue
			}
			if got := authenticate(t, manager, bearer(altered)); got != "invalid" && got != "none" {
				t.Errorf("with the byte %#x: %s", b, got)
			}
		}
	}
	if got := authenticate(t, manager, bearer(text)); got != "ada" {
		t.Errorf("unaltered: %s", got)
	}
}

// A key that newKey cannot have made costs no look into the store, and its refusal says
// so.
func TestMalformedKeysDoNotReachTheStore(t *testing.T) {
	t.Parallel()
	store := newMemory()
	manager := newManager(t, store)
	_, text := issue(t, manager, "ada")
	body, found := text[:len(text)-7], 0
	store.hook(func(_ context.Context, operation string) error {
		if operation == "find" {
			found++
		}
		return nil
	})
	for name, key := range map[string]string{
		"prefix alone":             "sp_",
		"shorter":                  text[:len(text)-1],
		"longer":                   text + "a",
		"mistyped":                 mistype(text),
		"another letter of its id": reseal(body[:5] + "1" + body[6:]),
		"another last letter":      reseal(body[:len(body)-1] + "1"),
		"another separator":        reseal(body[:19] + "-" + body[20:]),
	} {
		_, err := manager.Authenticate(t.Context(), bearer(key).call())
		if outcome(nil, err) != "invalid" || !strings.Contains(err.Error(), "malformed or mistyped") {
			t.Errorf("%s: %v", name, err)
		}
		if found != 0 {
			t.Errorf("%s: the store was asked", name)
		}
		found = 0
	}
	if got := authenticate(t, manager, bearer(text)); got != "ada" || found != 1 {
		t.Errorf("a good key: %s, and the store was asked %d times", got, found)
	}
}

// A challenge names the scopes that a key lacks, and nothing of other denials.
func TestChallenge(t *testing.T) {
	t.Parallel()
	manager := newManager(t, newMemory())
	for _, test := range []struct {
		denial authn.Denial
		want   string
	}{
		{authn.Denial{}, `Bearer realm="apikey"`},
		{authn.Denial{Reason: authn.BadCredential, MissingScopes: []string{"a"}}, `Bearer realm="apikey"`},
		{authn.Denial{Reason: authn.InsufficientScope, MissingScopes: []string{"a"}}, `Bearer realm="apikey", error="insufficient_scope", scope="a"`},
	} {
		if got := manager.Challenge(test.denial); got != test.want {
			t.Errorf("%v: %s, want %s", test.denial, got, test.want)
		}
	}
}

func FuzzCredential(f *testing.F) {
	store := newMemory()
	manager := newManager(f, store)
	_, text := issue(f, manager, "ada")
	f.Add("Bearer " + text[:40])
	f.Add("Bearer sp_")
	f.Add("Basic eDp4, Bearer x")
	f.Fuzz(func(t *testing.T, value string) {
		principal, err := manager.Authenticate(t.Context(), headers{{"Authorization", value}}.call())
		if got := outcome(principal, err); got != "none" && got != "invalid" {
			t.Errorf("%q: %s", value, got)
		}
	})
}

// mistype changes one letter of a key's secret.
func mistype(key string) string {
	const place = 30
	other := "a"
	if key[place:place+1] == other {
		other = "b"
	}
	return key[:place] + other + key[place+1:]
}
