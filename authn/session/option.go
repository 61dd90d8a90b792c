package session

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
)

// longest is the longest lifetime of a session, and the longest that browsers keep
// a cookie (RFC 6265bis, section 5.5).
const longest = 400 * 24 * time.Hour

// An Option changes how a [Manager] works.
type Option interface{ apply(*settings) }

type optionFunc func(*settings)

func (f optionFunc) apply(s *settings) { f(s) }

// WithLifetime sets how long a session lives at most, however much it is used: from
// one second to 400 days. The default is 24 hours. A shorter one than before ends
// older sessions too.
func WithLifetime(lifetime time.Duration) Option {
	return optionFunc(func(s *settings) { s.lifetime = lifetime })
}

// WithIdleTimeout sets how long a session lives without being used. The default is
// one hour. So that not every call writes to the store, a use is written down at most
// once in a tenth of the timeout, and a session may end that much early.
func WithIdleTimeout(idle time.Duration) Option {
	return optionFunc(func(s *settings) { s.idle = idle })
}

// WithCookieName sets the name of the cookie, without the prefix "__Host-" that a
// secure cookie gets. The default is "session". Cookies do not tell the ports of a
// host apart: applications on one host need different names.
func WithCookieName(name string) Option {
	return optionFunc(func(s *settings) { s.name = name })
}

// WithBus tells the other processes of the service whose sessions end here, so that
// live streams are looked at again and caches forget in all of them, and hears of
// theirs. A call never needs it, see package revocation. By default a revocation is
// heard in this process alone. The caller closes the bus.
func WithBus(bus *revocation.Bus) Option {
	return optionFunc(func(s *settings) { s.bus, s.joins = bus, true })
}

// UnsafeWithoutSecure lets the cookie travel over plain HTTP, where everyone on the
// way can read it and take the session over, and drops its "__Host-" prefix, so that
// neighbouring hosts can overwrite it. It is for a server on loopback and nothing
// else. By default the cookie is for HTTPS alone.
func UnsafeWithoutSecure() Option {
	return optionFunc(func(s *settings) { s.insecure = true })
}

// defaults hold for a session's times what NIST SP 800-63B-4 asks of its second
// assurance level.
var defaults = settings{lifetime: 24 * time.Hour, idle: time.Hour, name: "session"}

type settings struct {
	lifetime, idle time.Duration
	name           string
	insecure       bool
	bus            *revocation.Bus
	joins          bool // a bus was asked for
}

func (s *settings) check() error {
	var errs []error
	if s.lifetime < time.Second || s.lifetime > longest {
		errs = append(errs, fmt.Errorf("session: a lifetime of %v is not between one second and 400 days", s.lifetime))
	}
	if s.idle <= 0 {
		errs = append(errs, fmt.Errorf("session: an idle timeout of %v leaves no time", s.idle))
	}
	name := http.Cookie{Name: s.name} //nolint:gosec // Made to look at its name alone.
	if name.Valid() != nil || strings.HasPrefix(s.name, "__") {
		errs = append(errs, fmt.Errorf("session: %q is no cookie name, or has a prefix with a meaning of its own", s.name))
	}
	if s.joins && s.bus == nil {
		errs = append(errs, errors.New("session: the bus is nil"))
	}
	return errors.Join(errs...)
}
