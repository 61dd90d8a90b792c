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

	"github.com/sallyport-rpc/sallyport/internal/option"
	"github.com/sallyport-rpc/sallyport/server/internal/port"
)

// An Option changes how a [Server] serves. No option changes a gate: validation,
// authentication and authorization always run. No option switches a limit off.
type Option interface{ option.Option[settings] }

// WithAddress sets the TCP address that [Server.Run] listens on, as "HOST:PORT". By
// default it is "127.0.0.1:8080", which only this machine can reach. ":8080" is every
// address of the machine.
func WithAddress(address string) Option {
	return option.Func[settings](func(s *settings) error {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf(`server: address %q is not HOST:PORT, such as "127.0.0.1:8080"`, address)
		}
		s.address = address
		return nil
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
	return option.Func[settings](func(s *settings) error {
		s.tls, s.encrypted = config, true
		return nil
	})
}

// WithShutdownTimeout sets how long the calls that were accepted before a shutdown
// may take to finish. By default it is 30 seconds.
func WithShutdownTimeout(timeout time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		s.shutdown = timeout
		return nil
	})
}

// WithStreamGrace sets how long streams may go on after a shutdown began. Their
// handlers learn of it by [action.Draining]; streams that are left when the grace is
// over end as unavailable, which is no failure of the shutdown. It must be shorter than
// the shutdown timeout, and 0 ends them at once. By default it is a third of the
// shutdown timeout.
func WithStreamGrace(grace time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		s.streamGrace = &grace
		return nil
	})
}

// WithStopDelay sets how long the server goes on to accept calls after it was asked to
// stop. Meanwhile [action.Stopping] says so, and health checks answer "not serving", so
// that load balancers can take the server out of use before it refuses connections.
// The shutdown timeout begins after it. By default it is 0.
func WithStopDelay(delay time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		if delay < 0 {
			return fmt.Errorf("server: stop delay of %v is below zero", delay)
		}
		s.stopDelay = delay
		return nil
	})
}

// WithLogger sets where the server logs: when it starts and stops, connections that
// failed, and faults. Calls are not logged here: each leaves its events with the
// registry's recorder, refused ones included. By default it is [slog.Default] as it is
// at the time.
func WithLogger(logger *slog.Logger) Option {
	return option.Func[settings](func(s *settings) error {
		if logger == nil {
			return errors.New("server: the logger is nil")
		}
		s.logger = logger
		return nil
	})
}

// WithFrontDoor makes the server authenticate a caller before it reads any of the
// message, for actions whose callers authenticate. Then strangers cannot make it decode
// and validate: they are answered unauthenticated, whether their message is valid or
// not. The gate still runs all of its steps in order after that, and authenticates
// again. By default a message is validated first.
func WithFrontDoor() Option {
	return option.Func[settings](func(s *settings) error {
		s.frontDoor = true
		return nil
	})
}

// settings is everything that options set.
type settings struct {
	limits
	streamLimits

	address   string
	tls       *tls.Config
	encrypted bool
	stopDelay time.Duration
	shutdown  time.Duration
	// streamGrace is nil where no option sets it.
	streamGrace *time.Duration
	// onShutdown calls a function when the streams that are left must end.
	onShutdown func(end func()) (stop func() bool)
	logger     *slog.Logger // nil is the default logger
	frontDoor  bool
	native     port.Listener // nil where gRPC has no port of its own
	budget     *budget
	holdings   *holdings
	running    *running

	interceptors []connect.ServerInterceptor
	nilFunction  int // the number of an interceptor that returned a nil function, from 1
	pages        []*page
	cors         *cors.Cors      // nil where no page of another origin may call
	hosts        map[string]bool // nil where every host is answered
	proxies      []netip.Prefix
}

func newSettings(options []Option) (*settings, error) {
	settings := &settings{
		limits:       defaultLimits,
		streamLimits: defaultStreamLimits,
		address:      "127.0.0.1:8080",
		shutdown:     30 * time.Second,
	}
	err := errors.Join(
		option.Apply("server", settings, options),
		settings.limits.check(),
		settings.streamLimits.check(),
		settings.checkShutdown(),
	)
	_, inflating := settings.inflaters()
	settings.budget = newBudget(settings.pending() - inflating)
	settings.running = newRunning(settings.runningCalls)
	settings.holdings = newHoldings(settings.principalStreams, settings.unreadBytes)
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

// checkShutdown says why the times of a shutdown cannot hold.
func (s *settings) checkShutdown() error {
	if err := above("shutdown timeout", s.shutdown); err != nil {
		return err
	}
	if grace := s.grace(); grace < 0 || grace >= s.shutdown {
		return fmt.Errorf("server: stream grace of %v is not between 0 and the shutdown timeout of %v", grace, s.shutdown)
	}
	return nil
}

// grace returns how long streams may go on after a shutdown began.
func (s *settings) grace() time.Duration {
	if s.streamGrace == nil {
		return s.shutdown / 3
	}
	return *s.streamGrace
}
