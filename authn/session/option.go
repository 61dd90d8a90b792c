package session

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/internal/option"
	"github.com/sallyport-rpc/sallyport/internal/origin"
)

// longest is the longest lifetime of a session, and the longest that browsers keep
// a cookie (RFC 6265bis, section 5.5).
const longest = 400 * 24 * time.Hour

// An Option changes how a [Manager] works.
type Option interface{ option.Option[settings] }

// WithLifetime sets how long a session lives at most, however often it is used: from
// one second to 400 days. The default is 24 hours. A shorter lifetime than before
// applies to older sessions too.
func WithLifetime(lifetime time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		if lifetime < time.Second || lifetime > longest {
			return fmt.Errorf("session: a lifetime of %v is not between one second and 400 days", lifetime)
		}
		s.lifetime = lifetime
		return nil
	})
}

// WithIdleTimeout sets how long a session lives without being used. The default is
// one hour. To save writes, a use is stored at most once in a tenth of the timeout, so
// a session may end that much early.
func WithIdleTimeout(idle time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		if idle <= 0 {
			return fmt.Errorf("session: an idle timeout of %v is not positive", idle)
		}
		s.idle = idle
		return nil
	})
}

// WithCookieName sets the name of the cookie, without the prefix "__Host-" that a
// secure cookie gets. The default is "session". Browsers send a host's cookies to all
// of its ports: applications on one host need different names.
func WithCookieName(name string) Option {
	return option.Func[settings](func(s *settings) error {
		cookie := http.Cookie{Name: name} //nolint:gosec // only its name is checked
		if cookie.Valid() != nil || strings.HasPrefix(name, "__") {
			return fmt.Errorf("session: %q is not a cookie name, or has a reserved prefix", name)
		}
		s.name = name
		return nil
	})
}

// WithBus connects the manager to the other processes of the service: when sessions
// end in one, all of them recheck the user's live streams, and their caches forget
// the user. Calls do not depend on it, see package revocation. By default other
// processes are not notified. The caller closes the bus.
func WithBus(bus *revocation.Bus) Option {
	return option.Func[settings](func(s *settings) error {
		if bus == nil {
			return errors.New("session: the bus is nil")
		}
		s.bus = bus
		return nil
	})
}

// WithTrustedOrigins names origins, beside the server's own, whose pages may use the
// cookie: "https://app.example.com" for a server at "https://api.example.com". They are
// written as browsers send them and compared as a whole. The cookie is SameSite=Lax, so
// browsers send it with requests of pages of the same site only; and to read answers,
// the pages need the origin in server.WithCORS too, with credentials. By default there
// are none.
func WithTrustedOrigins(origins ...string) Option {
	return option.Func[settings](func(s *settings) error {
		var errs []error
		for _, text := range origins {
			if err := origin.Check(text); err != nil {
				errs = append(errs, fmt.Errorf("session: %w", err))
			}
		}
		if len(origins) == 0 {
			errs = append(errs, errors.New("session: WithTrustedOrigins names no origin"))
		}
		s.trustedOrigins = append(s.trustedOrigins, origins...)
		return errors.Join(errs...)
	})
}

// WithLogger sets where the manager logs that a session could not be given its cookie.
// By default it is [slog.Default] as it is at the time.
func WithLogger(logger *slog.Logger) Option {
	return option.Func[settings](func(s *settings) error {
		if logger == nil {
			return errors.New("session: the logger is nil")
		}
		s.logger = logger
		return nil
	})
}

// UnsafeWithoutSecure lets the cookie travel over plain HTTP, where everyone on the
// way can read it and take the session over, and drops its "__Host-" prefix, so that
// neighbouring hosts can overwrite it. It is for a server on loopback and nothing
// else. By default the cookie is for HTTPS alone.
func UnsafeWithoutSecure() Option {
	return option.Func[settings](func(s *settings) error {
		s.insecure = true
		return nil
	})
}

// defaults are, for a session's times, what NIST SP 800-63B-4 asks of its second
// assurance level.
var defaults = settings{lifetime: 24 * time.Hour, idle: time.Hour, name: "session"}

type settings struct {
	lifetime, idle time.Duration
	name           string
	insecure       bool
	bus            *revocation.Bus // nil for none
	trustedOrigins []string
	logger         *slog.Logger // nil for the default logger
	generation     Generation   // nil for none
}
