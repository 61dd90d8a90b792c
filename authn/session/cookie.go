package session

import (
	"context"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// cookieName is the name on the wire. "__Host-" makes browsers refuse the cookie
// from any but this very host (RFC 6265bis, section 4.1.3.2).
func (s *settings) cookieName() string {
	if s.insecure {
		return s.name
	}
	return "__Host-" + s.name
}

// cookieToken returns the value of the session cookie, or "" if there is none.
func (s *settings) cookieToken(header *connect.Header) (string, error) {
	var token string
	var found bool
	for _, line := range header.Values("Cookie") {
		for pair := range strings.SplitSeq(line, ";") {
			name, value, _ := strings.Cut(strings.Trim(pair, " \t"), "=")
			if name != s.cookieName() {
				continue
			}
			if found {
				// A neighbour of this host may have planted one of them.
				return "", authn.InvalidCredential("several session cookies")
			}
			token, found = value, true
		}
	}
	if !found {
		return "", nil
	}
	if !s.fromOwnPage(header) {
		return "", authn.InvalidCredential("session cookie on a request of another site")
	}
	if token == "" {
		return "", authn.InvalidCredential("session cookie is empty")
	}
	return token, nil
}

// fromOwnPage reports whether a page that may use the cookie made the request, as far as
// the client says: one of the server's own origin or of a trusted one. A client that
// says nothing is no browser, or one so old that SameSite is what protects its user.
func (s *settings) fromOwnPage(header *connect.Header) bool {
	sites, origins := header.Values("Sec-Fetch-Site"), header.Values("Origin")
	if len(sites) > 1 || len(origins) > 1 {
		return false
	}
	if len(origins) == 1 && slices.Contains(s.trustedOrigins, origins[0]) {
		return true
	}
	if len(sites) == 1 {
		// No page can set this header. It is believed without a look at Host, which a
		// proxy may have rewritten, as [http.CrossOriginProtection] does.
		return sites[0] == "same-origin" || sites[0] == "none"
	}
	// Browsers leave it out over plain HTTP. They write an origin in lower case, and its
	// port as they do in Host.
	host := strings.ToLower(header.Get("Host"))
	switch {
	case len(origins) == 0:
		return true
	case host == "":
		return false
	default:
		return origins[0] == "https://"+host || s.insecure && origins[0] == "http://"+host
	}
}

// giveCookie puts the token into the cookie, if the request is one that the cookie
// would count on.
func (s *settings) giveCookie(ctx context.Context, call *connect.CallInfo, token string) {
	s.setCookie(ctx, call, token, int(s.lifetime/time.Second))
}

// takeCookie removes the cookie, if the request is one that it would count on.
func (s *settings) takeCookie(ctx context.Context, call *connect.CallInfo) {
	s.setCookie(ctx, call, "", -1)
}

func (s *settings) setCookie(ctx context.Context, call *connect.CallInfo, token string, maxAge int) {
	if !s.fromOwnPage(call.RequestHeader()) {
		s.logNoCookie(ctx, call.RequestHeader())
		return
	}
	cookie := http.Cookie{ //nolint:gosec // Secure is off only where UnsafeWithoutSecure says so.
		Name: s.cookieName(), Value: token, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: !s.insecure, SameSite: http.SameSiteLaxMode,
	}
	call.ResponseHeader().Add("Set-Cookie", cookie.String())
}

// logNoCookie says that a session began or ended and the browser's cookie did not
// change, which the caller sees only at the next call. A page of another origin that
// uses the token is served so on purpose; where a browser says no more than its origin,
// a proxy that rewrites Host is likely.
func (s *settings) logNoCookie(ctx context.Context, header *connect.Header) {
	level, fix := slog.LevelInfo, "to let pages of this origin use the cookie, name it by session.WithTrustedOrigins"
	if !header.Has("Sec-Fetch-Site") {
		level, fix = slog.LevelWarn, "pass the Host header on unchanged, or name the origin by session.WithTrustedOrigins"
	}
	log := s.logger
	if log == nil {
		log = slog.Default()
	}
	log.LogAttrs(ctx, level, "session cookie not set: the request is of another origin",
		slog.String("origin", short(header.Get("Origin"))), slog.String("host", short(header.Get("Host"))),
		slog.String("sec_fetch_site", short(header.Get("Sec-Fetch-Site"))), slog.String("fix", fix))
}

// short returns as much of a header as a line of the log has room for.
func short(text string) string {
	const longest = 256
	return text[:min(len(text), longest)]
}
