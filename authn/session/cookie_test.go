package session_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn/session"
)

func TestCookieCountsOnlyOnOwnSite(t *testing.T) {
	t.Parallel()
	store := newRecorder()
	secure := newManager(t, store)
	plain := newManager(t, store, session.UnsafeWithoutSecure())
	token := start(t, secure, "ada")
	const host = "accounts.example:8443"
	for name, test := range map[string]struct {
		sent headers
		// Whether the cookie counts where it is for HTTPS, and where it is not.
		secure, plain bool
	}{
		"no browser":              {nil, true, true},
		"same origin":             {headers{{"Sec-Fetch-Site", "same-origin"}}, true, true},
		"typed by the user":       {headers{{"Sec-Fetch-Site", "none"}}, true, true},
		"same site":               {headers{{"Sec-Fetch-Site", "same-site"}}, false, false},
		"cross-site":              {headers{{"Sec-Fetch-Site", "cross-site"}}, false, false},
		"empty site":              {headers{{"Sec-Fetch-Site", ""}}, false, false},
		"other case":              {headers{{"Sec-Fetch-Site", "Same-Origin"}}, false, false},
		"a site to come":          {headers{{"Sec-Fetch-Site", "near-site"}}, false, false},
		"site twice":              {headers{{"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", "none"}}, false, false},
		"site twice, bad last":    {headers{{"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", "cross-site"}}, false, false},
		"site comma-joined":       {headers{{"Sec-Fetch-Site", "none, cross-site"}}, false, false},
		"own origin":              {headers{{"Origin", "https://" + host}}, true, true},
		"own origin, other case":  {headers{{"Origin", "https://Accounts.Example:8443"}}, false, false},
		"host in other case":      {headers{{"Host", "Accounts.Example:8443"}, {"Origin", "https://" + host}}, true, true},
		"own origin, plain":       {headers{{"Origin", "http://" + host}}, false, true},
		"both":                    {headers{{"Origin", "https://" + host}, {"Sec-Fetch-Site", "same-origin"}}, true, true},
		"cross-site, own origin":  {headers{{"Origin", "https://" + host}, {"Sec-Fetch-Site", "cross-site"}}, false, false},
		"same origin, other one":  {headers{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "same-origin"}}, false, false},
		"null":                    {headers{{"Origin", "null"}}, false, false},
		"empty origin":            {headers{{"Origin", ""}}, false, false},
		"scheme alone":            {headers{{"Origin", "https://"}}, false, false},
		"origin twice":            {headers{{"Origin", "https://" + host}, {"Origin", "https://" + host}}, false, false},
		"another origin":          {headers{{"Origin", "https://evil.example"}}, false, false},
		"no scheme":               {headers{{"Origin", host}}, false, false},
		"another scheme":          {headers{{"Origin", "ftp://" + host}}, false, false},
		"an extension":            {headers{{"Origin", "chrome-extension://" + host}}, false, false},
		"without the port":        {headers{{"Origin", "https://accounts.example"}}, false, false},
		"another port":            {headers{{"Origin", "https://accounts.example:443"}}, false, false},
		"longer port":             {headers{{"Origin", "https://" + host + "0"}}, false, false},
		"shorter port":            {headers{{"Origin", "https://accounts.example:844"}}, false, false},
		"suffix":                  {headers{{"Origin", "https://" + host + ".evil.example"}}, false, false},
		"prefix":                  {headers{{"Origin", "https://evil-" + host}}, false, false},
		"subdomain":               {headers{{"Origin", "https://www." + host}}, false, false},
		"parent":                  {headers{{"Origin", "https://example:8443"}}, false, false},
		"user part":               {headers{{"Origin", "https://" + host + "@evil.example"}}, false, false},
		"user part before":        {headers{{"Origin", "https://evil.example@" + host}}, false, false},
		"path":                    {headers{{"Origin", "https://" + host + "/"}}, false, false},
		"dot":                     {headers{{"Origin", "https://accounts.example.:8443"}}, false, false},
		"space":                   {headers{{"Origin", " https://" + host}}, false, false},
		"list":                    {headers{{"Origin", "https://" + host + " https://evil.example"}}, false, false},
		"letters that fold":       {headers{{"Origin", "httpſ://" + host}}, false, false},
		"wildcard":                {headers{{"Origin", "*"}}, false, false},
		"forwarded host":          {headers{{"Origin", "https://evil.example"}, {"X-Forwarded-Host", "evil.example"}}, false, false},
		"a referer does not help": {headers{{"Origin", "null"}, {"Referer", "https://" + host + "/"}}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := test.sent
			if !slices.ContainsFunc(sent, func(pair [2]string) bool { return pair[0] == "Host" }) {
				sent = append(headers{{"Host", host}}, sent...)
			}
			want := map[bool]string{true: "ada", false: "invalid"}
			if got := authenticate(t, secure, slices.Concat(sent, cookie(token))); got != want[test.secure] {
				t.Errorf("secure: got %s, want %s", got, want[test.secure])
			}
			if got := authenticate(t, plain, slices.Concat(sent, headers{{"Cookie", "session=" + token}})); got != want[test.plain] {
				t.Errorf("plain: got %s, want %s", got, want[test.plain])
			}
			// A bearer token is nothing that another site could have the browser send.
			if got := authenticate(t, secure, slices.Concat(sent, bearer(token))); got != "ada" {
				t.Errorf("bearer: got %s", got)
			}
			// A new session sets a cookie where one would count.
			started := within(t, sent, func(ctx context.Context) error {
				_, err := secure.Start(ctx, "bob")
				return err
			})
			if got := started.ResponseHeader().Has("Set-Cookie"); got != test.secure {
				t.Errorf("cookie set: %v, want %v", got, test.secure)
			}
		})
	}
}

func TestOriginNeedsAHost(t *testing.T) {
	t.Parallel()
	manager := newManager(t, newRecorder())
	token := start(t, manager, "ada")
	for _, origin := range []string{"https://", "https://accounts.example", ""} {
		if got := authenticate(t, manager, append(cookie(token), [2]string{"Origin", origin})); got != "invalid" {
			t.Errorf("Origin %q without a Host: %s", origin, got)
		}
	}
}

func TestCookieAttributes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options       []session.Option
		given, taken  string
		cookie, other string
	}{
		"default": {
			nil,
			"__Host-session=TOKEN; Path=/; Max-Age=86400; HttpOnly; Secure; SameSite=Lax",
			"__Host-session=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
			"__Host-session", "session",
		},
		"named, short": {
			[]session.Option{session.WithCookieName("demo"), session.WithLifetime(90 * time.Second)},
			"__Host-demo=TOKEN; Path=/; Max-Age=90; HttpOnly; Secure; SameSite=Lax",
			"__Host-demo=; Path=/; Max-Age=0; HttpOnly; Secure; SameSite=Lax",
			"__Host-demo", "__Host-session",
		},
		"without secure": {
			[]session.Option{session.UnsafeWithoutSecure()},
			"session=TOKEN; Path=/; Max-Age=86400; HttpOnly; SameSite=Lax",
			"session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax",
			"session", "__Host-session",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			manager := newManager(t, newRecorder(), test.options...)
			var token string
			call := within(t, nil, func(ctx context.Context) (err error) {
				token, err = manager.Start(ctx, "ada")
				return err
			})
			want := []string{strings.Replace(test.given, "TOKEN", token, 1)}
			if diff := cmp.Diff(want, call.ResponseHeader().Values("Set-Cookie")); diff != "" {
				t.Error(diff)
			}
			if got := call.ResponseHeader().Get("Cache-Control"); got != "no-store" {
				t.Errorf("Cache-Control is %q", got)
			}
			if got := authenticate(t, manager, headers{{"Cookie", test.other + "=" + token}}); got != "none" {
				t.Errorf("by the cookie %s: %s", test.other, got)
			}
			sent := headers{{"Cookie", test.cookie + "=" + token}}
			if got := authenticate(t, manager, sent); got != "ada" {
				t.Errorf("by the cookie %s: %s", test.cookie, got)
			}
			call = within(t, sent, manager.End)
			if diff := cmp.Diff([]string{test.taken}, call.ResponseHeader().Values("Set-Cookie")); diff != "" {
				t.Error(diff)
			}
		})
	}
}
