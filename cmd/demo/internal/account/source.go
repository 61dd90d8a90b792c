package account

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/password"
)

// A deviceKey signs the cookies by which a device is known again. It lives as long as the
// process: after a restart no device is known, which costs a user no more than a wait
// where strangers guess at the account.
type deviceKey []byte

func newDeviceKey() deviceKey {
	key := make(deviceKey, sha256.Size)
	rand.Read(key)
	return key
}

// deviceLifetime is how long a browser keeps the cookie.
const deviceLifetime = 30 * 24 * time.Hour

// sign returns the cookie's value for a device from which a user has signed in.
func (k deviceKey) sign(userID, device string) string {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(userID + "\x00" + device))
	return device + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// verify returns the device of a cookie's value, or "" if the user has not signed in from
// it.
func (k deviceKey) verify(userID, value string) string {
	device, _, _ := strings.Cut(value, ".")
	if userID == "" || !hmac.Equal([]byte(k.sign(userID, device)), []byte(value)) {
		return ""
	}
	return device
}

// deviceCookie is the name of the cookie. With "__Host-" a browser takes it from this host
// alone (RFC 6265bis, section 4.1.3.2).
func (s *Service) deviceCookie() string {
	if s.insecure {
		return "sallyport-demo-device"
	}
	return "__Host-sallyport-demo-device"
}

// source returns where the password of a call comes from. The user is the one with the
// email, or the zero User where there is none.
func (s *Service) source(ctx context.Context, email string, user directory.User) password.Source {
	// The directory takes the letters of ASCII in either case, and no others.
	source := password.Source{Account: asciiLower(email)}
	call, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return source
	}
	peer, _ := authn.PeerFrom(ctx) // a nil Peer has a network, too
	source.Address = peer.Network().String()
	for _, line := range call.RequestHeader().Values("Cookie") {
		cookies, _ := http.ParseCookie(line) // a cookie that cannot be read is none
		for _, cookie := range cookies {
			if cookie.Name == s.deviceCookie() && source.Device == "" {
				source.Device = s.devices.verify(user.ID, cookie.Value)
			}
		}
	}
	return source
}

// remember gives the device from which a user has signed in the cookie, if it has none.
func (s *Service) remember(ctx context.Context, user directory.User, source password.Source) {
	call, ok := connect.CallInfoForServerContext(ctx)
	if !ok || source.Device != "" {
		return
	}
	cookie := http.Cookie{ //nolint:gosec // Secure is off only where Config says so.
		Name: s.deviceCookie(), Value: s.devices.sign(user.ID, rand.Text()), Path: "/", MaxAge: int(deviceLifetime / time.Second),
		HttpOnly: true, Secure: !s.insecure, SameSite: http.SameSiteStrictMode,
	}
	call.ResponseHeader().Add("Set-Cookie", cookie.String())
}

// asciiLower returns s with the upper-case letters of ASCII in lower case.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + ('a' - 'A')
		}
		return r
	}, s)
}
