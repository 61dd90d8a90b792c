package session_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn/session"
)

func TestCookieCountsOnlyOnOwnSite(t *testing.T) {
	t.Parallel()
	store := newRecorder()
	const trusted = "https://app.example"
	log := new(lines)
	options := []session.Option{session.WithTrustedOrigins(trusted), session.WithLogger(slog.New(slog.NewTextHandler(log, nil)))}
	secure := newManager(t, store, options...)
	plain := newManager(t, store, append(options, session.UnsafeWithoutSecure())...)
	token := start(t, secure, "ada")
	const host = "accounts.example:8443"
	for name, test := range map[string]struct {
		sent headers
		// Whether the cookie counts where it is for HTTPS, and where it is not.
		secure, plain bool
	}{
		"no browser":               {nil, true, true},
		"same origin":              {headers{{"Sec-Fetch-Site", "same-origin"}}, true, true},
		"typed by the user":        {headers{{"Sec-Fetch-Site", "none"}}, true, true},
		"same site":                {headers{{"Sec-Fetch-Site", "same-site"}}, false, false},
		"cross-site":               {headers{{"Sec-Fetch-Site", "cross-site"}}, false, false},
		"empty site":               {headers{{"Sec-Fetch-Site", ""}}, false, false},
		"other case":               {headers{{"Sec-Fetch-Site", "Same-Origin"}}, false, false},
		"a site to come":           {headers{{"Sec-Fetch-Site", "near-site"}}, false, false},
		"site twice":               {headers{{"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", "none"}}, false, false},
		"site twice, bad last":     {headers{{"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", "cross-site"}}, false, false},
		"site comma-joined":        {headers{{"Sec-Fetch-Site", "none, cross-site"}}, false, false},
		"own origin":               {headers{{"Origin", "https://" + host}}, true, true},
		"own origin, other case":   {headers{{"Origin", "https://Accounts.Example:8443"}}, false, false},
		"host in other case":       {headers{{"Host", "Accounts.Example:8443"}, {"Origin", "https://" + host}}, true, true},
		"own origin, plain":        {headers{{"Origin", "http://" + host}}, false, true},
		"both":                     {headers{{"Origin", "https://" + host}, {"Sec-Fetch-Site", "same-origin"}}, true, true},
		"cross-site, own origin":   {headers{{"Origin", "https://" + host}, {"Sec-Fetch-Site", "cross-site"}}, false, false},
		"behind a rewriting proxy": {headers{{"Host", "10.0.0.1:8080"}, {"Origin", "https://" + host}, {"Sec-Fetch-Site", "same-origin"}}, true, true},
		"rewritten, cross-site":    {headers{{"Host", "10.0.0.1:8080"}, {"Origin", "https://" + host}, {"Sec-Fetch-Site", "cross-site"}}, false, false},
		"rewritten, no site":       {headers{{"Host", "10.0.0.1:8080"}, {"Origin", "https://" + host}}, false, false},
		"trusted":                  {headers{{"Origin", trusted}}, true, true},
		"trusted, same site":       {headers{{"Origin", trusted}, {"Sec-Fetch-Site", "same-site"}}, true, true},
		"trusted, cross-site":      {headers{{"Origin", trusted}, {"Sec-Fetch-Site", "cross-site"}}, true, true},
		"trusted, site twice":      {headers{{"Origin", trusted}, {"Sec-Fetch-Site", "none"}, {"Sec-Fetch-Site", "cross-site"}}, false, false},
		"trusted twice":            {headers{{"Origin", trusted}, {"Origin", trusted}}, false, false},
		"trusted and another":      {headers{{"Origin", trusted}, {"Origin", "https://evil.example"}}, false, false},
		"trusted, plain":           {headers{{"Origin", "http://app.example"}}, false, false},
		"trusted, other case":      {headers{{"Origin", "https://App.example"}}, false, false},
		"trusted, a port":          {headers{{"Origin", trusted + ":8443"}}, false, false},
		"trusted, a suffix":        {headers{{"Origin", trusted + ".evil.example"}}, false, false},
		"trusted, a subdomain":     {headers{{"Origin", "https://evil.app.example"}}, false, false},
		"null":                     {headers{{"Origin", "null"}}, false, false},
		"empty origin":             {headers{{"Origin", ""}}, false, false},
		"scheme alone":             {headers{{"Origin", "https://"}}, false, false},
		"origin twice":             {headers{{"Origin", "https://" + host}, {"Origin", "https://" + host}}, false, false},
		"another origin":           {headers{{"Origin", "https://evil.example"}}, false, false},
		"no scheme":                {headers{{"Origin", host}}, false, false},
		"another scheme":           {headers{{"Origin", "ftp://" + host}}, false, false},
		"an extension":             {headers{{"Origin", "chrome-extension://" + host}}, false, false},
		"without the port":         {headers{{"Origin", "https://accounts.example"}}, false, false},
		"another port":             {headers{{"Origin", "https://accounts.example:443"}}, false, false},
		"longer port":              {headers{{"Origin", "https://" + host + "0"}}, false, false},
		"shorter port":             {headers{{"Origin", "https://accounts.example:844"}}, false, false},
		"suffix":                   {headers{{"Origin", "https://" + host + ".evil.example"}}, false, false},
		"prefix":                   {headers{{"Origin", "https://evil-" + host}}, false, false},
		"subdomain":                {headers{{"Origin", "https://www." + host}}, false, false},
		"parent":                   {headers{{"Origin", "https://example:8443"}}, false, false},
		"user part":                {headers{{"Origin", "https://" + host + "@evil.example"}}, false, false},
		"user part before":         {headers{{"Origin", "https://evil.example@" + host}}, false, false},
		"path":                     {headers{{"Origin", "https://" + host + "/"}}, false, false},
		"dot":                      {headers{{"Origin", "https://accounts.example.:8443"}}, false, false},
		"space":                    {headers{{"Origin", " https://" + host}}, false, false},
		"list":                     {headers{{"Origin", "https://" + host + " https://evil.example"}}, false, false},
		"letters that fold":        {headers{{"Origin", "httpſ://" + host}}, false, false},
		"wildcard":                 {headers{{"Origin", "*"}}, false, false},
		"forwarded host":           {headers{{"Origin", "https://evil.example"}, {"X-Forwarded-Host", "evil.example"}}, false, false},
		"a referer does not help":  {headers{{"Origin", "null"}, {"Referer", "https://" + host + "/"}}, false, false},
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

// Where a session gets no cookie, or none is removed, that is logged with what to do.
// Nothing is where it does, or where there is no call.
func TestNoCookieIsLogged(t *testing.T) {
	t.Parallel()
	const host, other = "accounts.example", "https://other.example"
	for name, test := range map[string]struct {
		sent   headers
		logged string
	}{
		"a proxy that rewrites Host": {headers{{"Host", "10.0.0.1"}, {"Origin", "https://" + host}},
			`level=WARN msg="session cookie not set: the request is of another origin" origin=https://accounts.example host=10.0.0.1 ` +
				`sec_fetch_site="" fix="pass the Host header on unchanged, or name the origin by session.WithTrustedOrigins"`},
		"another page": {headers{{"Host", host}, {"Origin", other}, {"Sec-Fetch-Site", "cross-site"}},
			`level=INFO msg="session cookie not set: the request is of another origin" origin=https://other.example host=accounts.example ` +
				`sec_fetch_site=cross-site fix="to let pages of this origin use the cookie, name it by session.WithTrustedOrigins"`},
		"an own page": {headers{{"Host", host}, {"Origin", "https://" + host}}, ""},
		"a program":   {headers{{"Host", host}}, ""},
	} {
		log := new(lines)
		manager := newManager(t, newRecorder(), session.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
		for what, do := range map[string]func(context.Context) error{
			"start": func(ctx context.Context) error { _, err := manager.Start(ctx, "ada"); return err },
			"end":   manager.End,
		} {
			within(t, test.sent, do)
			if got := log.take(); !strings.Contains(got, test.logged) || strings.Count(got, "\n") > 1 || test.logged == "" && got != "" {
				t.Errorf("%s, %s: logged %s", name, what, got)
			}
		}
		start(t, manager, "ada")
		if got := log.take(); got != "" {
			t.Errorf("%s: outside a call: logged %s", name, got)
		}
	}
	log := new(lines)
	manager := newManager(t, newRecorder(), session.WithLogger(slog.New(slog.NewTextHandler(log, nil))))
	within(t, headers{{"Host", strings.Repeat("h", 1<<16)}, {"Origin", strings.Repeat("o", 1<<16)}}, manager.End)
	if got := len(log.take()); got == 0 || got > 4096 {
		t.Errorf("logged %d bytes of a long header", got)
	}
}

// lines is a log.
type lines struct {
	mu      sync.Mutex
	written strings.Builder
}

func (l *lines) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.written.Write(line)
}

// take returns what was written since the last time.
func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	written := l.written.String()
	l.written.Reset()
	return written
}

func TestTrustedOriginsRange(t *testing.T) {
	t.Parallel()
	for origin, refused := range map[string]bool{
		"https://app.example": false, "http://localhost:5173": false,
		"null": true, "*": true, "https://*.example": true, "https://app.example/": true, "app.example": true, "": true,
	} {
		_, err := session.New(newRecorder(), anyUser, session.WithTrustedOrigins(origin))
		if (err != nil) != refused || err != nil && !strings.HasPrefix(err.Error(), "session: ") {
			t.Errorf("%q: %v", origin, err)
		}
	}
	if _, err := session.New(newRecorder(), anyUser, session.WithTrustedOrigins()); err == nil {
		t.Error("no origin is taken")
	}
	if _, err := session.New(newRecorder(), anyUser, session.WithLogger(nil)); err == nil {
		t.Error("no logger is taken")
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
