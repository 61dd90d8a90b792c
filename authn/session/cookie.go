package session

import (
	"net/http"
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
	if !s.sameOrigin(header) {
		return "", authn.InvalidCredential("session cookie on a request of another site")
	}
	if token == "" {
		return "", authn.InvalidCredential("session cookie is empty")
	}
	return token, nil
}

// sameOrigin reports whether no other site made the request, as far as the client
// says. A client that says nothing is no browser, or one so old that SameSite is
// what protects its user.
func (s *settings) sameOrigin(header *connect.Header) bool {
	switch site := header.Values("Sec-Fetch-Site"); {
	case len(site) == 0:
	case len(site) == 1 && (site[0] == "same-origin" || site[0] == "none"):
	default:
		return false
	}
	// Browsers write an origin in lower case, and its port as they do in Host.
	origins, host := header.Values("Origin"), strings.ToLower(header.Get("Host"))
	switch {
	case len(origins) == 0:
		return true
	case len(origins) > 1 || host == "":
		return false
	default:
		return origins[0] == "https://"+host || s.insecure && origins[0] == "http://"+host
	}
}

// giveCookie puts the token into the cookie, if the request is one that the cookie
// would count on.
func (s *settings) giveCookie(call *connect.CallInfo, token string) {
	s.setCookie(call, token, int(s.lifetime/time.Second))
}

// takeCookie removes the cookie, if the request is one that it would count on.
func (s *settings) takeCookie(call *connect.CallInfo) { s.setCookie(call, "", -1) }

func (s *settings) setCookie(call *connect.CallInfo, token string, maxAge int) {
	if !s.sameOrigin(call.RequestHeader()) {
		return
	}
	cookie := http.Cookie{ //nolint:gosec // Secure is off only where UnsafeWithoutSecure says so.
		Name: s.cookieName(), Value: token, Path: "/", MaxAge: maxAge,
		HttpOnly: true, Secure: !s.insecure, SameSite: http.SameSiteLaxMode,
	}
	call.ResponseHeader().Add("Set-Cookie", cookie.String())
}
