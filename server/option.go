package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/rs/cors"

	"github.com/sallyport-rpc/sallyport/internal/thinning"
)

// An Option changes how a [Server] serves. None of them reaches into a gate:
// validation, authentication and authorization run whatever is set here, and no
// limit can be switched off.
type Option interface{ apply(*settings) }

type optionFunc func(*settings)

func (o optionFunc) apply(s *settings) { o(s) }

// WithAddress sets the TCP address that [Server.Run] listens on, as "HOST:PORT". By
// default it is "127.0.0.1:8080", which only this machine can reach. ":8080" is every
// address of the machine.
func WithAddress(address string) Option {
	return optionFunc(func(s *settings) {
		if _, _, err := net.SplitHostPort(address); err != nil {
			s.refuse(`address %q is not HOST:PORT, such as "127.0.0.1:8080"`, address)
		}
		s.address = address
	})
}

// WithTLS makes the server speak TLS and nothing else. HTTP/2 is then negotiated
// by ALPN, and cleartext HTTP/2 is off. By default the server speaks cleartext.
//
// The configuration says which certificate to show, such as one that
// [tls.LoadX509KeyPair] has read, and may ask clients for theirs. It is cloned. One
// that has no certificate, allows versions of TLS below 1.2 or allows none is refused:
// by [New], or by the handshake where GetConfigForClient returned it. What that returns
// must name "h2" in its NextProtos if there is to be HTTP/2.
func WithTLS(config *tls.Config) Option {
	return optionFunc(func(s *settings) { s.tls, s.encrypted = config, true })
}

// WithShutdownTimeout sets how long the calls that were accepted before a shutdown
// may take to finish. By default it is 30 seconds.
func WithShutdownTimeout(timeout time.Duration) Option {
	return optionFunc(func(s *settings) { s.shutdown = timeout })
}

// WithStreamGrace sets how long streams may go on after a shutdown began. Their
// handlers learn of it by [action.Draining]; streams that are left when the grace is
// over end as unavailable, which is no failure of the shutdown. It must be shorter than
// the shutdown timeout, and 0 ends them at once. By default it is a third of the
// shutdown timeout.
func WithStreamGrace(grace time.Duration) Option {
	return optionFunc(func(s *settings) { s.streamGrace = &grace })
}

// WithLogger sets where the server logs: when it starts and stops, requests that
// were refused before they reached a gate, connections that failed, and faults. Of a
// request it logs no more than the path and where it came from. By default it is
// [slog.Default] as it is at the time.
func WithLogger(logger *slog.Logger) Option {
	return optionFunc(func(s *settings) {
		if logger == nil {
			s.refuse("the logger is nil")
		}
		s.logger = logger
	})
}

// WithFrontDoor makes the server look at a caller's credentials before it reads any
// of the message, where an action has no use for strangers: then it is not they who
// can make it decode and validate. They are told that they are unauthenticated, be
// their message valid or not. The gate still runs all of its steps in order after
// that. By default a message is validated first.
func WithFrontDoor() Option {
	return optionFunc(func(s *settings) { s.frontDoor = true })
}

// settings is everything that options set.
type settings struct {
	limits
	streamLimits

	address   string
	tls       *tls.Config
	encrypted bool
	shutdown  time.Duration
	// streamGrace is nil where no option sets it.
	streamGrace *time.Duration
	// onShutdown calls a function when the streams that are left must end.
	onShutdown func(end func()) (stop func() bool)
	logger     *slog.Logger // nil is the default logger
	frontDoor  bool
	budget     *budget
	holdings   *holdings
	thinner    *thinning.Thinner

	interceptors []connect.ServerInterceptor
	nilFunction  int // the number of an interceptor that returned a nil function, from 1
	pages        []*page
	cors         *cors.Cors      // nil where no page of another origin may call
	hosts        map[string]bool // nil where every host is answered
	proxies      []netip.Prefix

	// errs is what options found wrong with their own arguments.
	errs []error
}

// refuse notes that an option cannot hold.
func (s *settings) refuse(format string, arguments ...any) {
	s.errs = append(s.errs, fmt.Errorf("server: "+format, arguments...))
}

func newSettings(options []Option) (*settings, error) {
	settings := &settings{
		limits:       defaultLimits,
		streamLimits: defaultStreamLimits,
		address:      "127.0.0.1:8080",
		shutdown:     30 * time.Second,
	}
	for _, option := range options {
		if option == nil {
			settings.refuse("an option is nil")
			continue
		}
		option.apply(settings)
	}
	if grace := settings.grace(); settings.shutdown > 0 && (grace < 0 || grace >= settings.shutdown) {
		settings.refuse("stream grace of %v is not between 0 and the shutdown timeout of %v", grace, settings.shutdown)
	}
	settings.budget = newBudget(settings.pending())
	settings.thinner = thinning.New(nil)
	settings.holdings = newHoldings(settings.principalStreams, settings.unreadBytes)
	err := errors.Join(settings.limits.check(), settings.streamLimits.check(), above("shutdown timeout", settings.shutdown),
		errors.Join(settings.errs...))
	if settings.encrypted {
		config, insecure := secure(settings.tls)
		settings.tls, err = config, errors.Join(err, insecure)
	}
	return settings, err
}

func (s *settings) log() *slog.Logger {
	if s.logger == nil {
		return slog.Default()
	}
	return s.logger
}

// grace returns how long streams may go on after a shutdown began.
func (s *settings) grace() time.Duration {
	if s.streamGrace == nil {
		return s.shutdown / 3
	}
	return *s.streamGrace
}
