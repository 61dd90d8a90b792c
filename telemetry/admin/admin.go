package admin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// An Option changes what [New] serves.
type Option interface{ option.Option[Panel] }

// WithAddress sets the TCP address to listen on, as "HOST:PORT". By default it is
// "127.0.0.1:8081". On an address that other machines can reach there are no profiles.
// Every caller who reaches it reads the rest: keep it inside your network.
func WithAddress(address string) Option {
	return option.Func[Panel](func(p *Panel) error {
		if _, _, err := net.SplitHostPort(address); err != nil {
			return fmt.Errorf(`admin: address %q is not HOST:PORT, such as "127.0.0.1:8081"`, address)
		}
		p.address = address
		return nil
	})
}

// WithHosts names hosts that are answered for, besides localhost and every IP address.
// Other names are refused, because the page of a stranger can make a name of its own
// point here.
func WithHosts(names ...string) Option {
	return option.Func[Panel](func(p *Panel) error {
		for _, name := range names {
			if name == "" || strings.ContainsAny(name, ":*/ ") {
				return fmt.Errorf("admin: %q is no host: give a name without a port", name)
			}
			p.hosts[strings.ToLower(name)] = true
		}
		return nil
	})
}

// WithMetrics sets what is served as /metrics, such as what [Metrics] returns. By default
// there is no such page.
func WithMetrics(metrics http.Handler) Option {
	return option.Func[Panel](func(p *Panel) error {
		if metrics == nil {
			return errors.New("admin: the handler of metrics is nil")
		}
		p.metrics = metrics
		return nil
	})
}

// Health has the pages of a server's health. The Checks of package server/health are one.
type Health interface {
	Live() http.Handler
	Ready() http.Handler
}

// WithHealth serves /healthz and /readyz. By default there are no such pages.
func WithHealth(health Health) Option {
	return option.Func[Panel](func(p *Panel) error {
		if health == nil {
			return errors.New("admin: the health is nil")
		}
		p.health = health
		return nil
	})
}

// WithLogger sets where the panel logs where it listens and what fails. By default it is
// [slog.Default] as it is at the time.
func WithLogger(logger *slog.Logger) Option {
	return option.Func[Panel](func(p *Panel) error {
		if logger == nil {
			return errors.New("admin: the logger is nil")
		}
		p.logger = logger
		return nil
	})
}

// A Panel serves the pages for those who run a server. Make one with [New].
type Panel struct {
	registry *action.Registry
	address  string
	hosts    map[string]bool
	metrics  http.Handler
	health   Health
	logger   *slog.Logger // nil is the default logger
}

// New returns a panel for the server of a registry. The error joins all that is wrong
// with the options.
func New(registry *action.Registry, options ...Option) (*Panel, error) {
	if registry == nil {
		return nil, errors.New("admin: the registry is nil")
	}
	panel := &Panel{registry: registry, address: "127.0.0.1:8081", hosts: map[string]bool{"localhost": true}}
	if err := option.Apply("admin", panel, options); err != nil {
		return nil, err
	}
	return panel, nil
}

// Run listens on the panel's address and serves until serve returns, which is given ctx
// and is usually the Run of a server. So the panel is there while the server drains. It
// returns what serve does; where it cannot listen, serve does not run.
func (p *Panel) Run(ctx context.Context, serve func(context.Context) error) error {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", p.address)
	if err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	return p.Serve(ctx, listener, serve)
}

// Serve is [Panel.Run] on a listener, which it closes.
func (p *Panel) Serve(ctx context.Context, listener net.Listener, serve func(context.Context) error) error {
	private := isLoopback(listener.Addr())
	pages := http.Server{
		Handler: p.handler(private),
		BaseContext: func(net.Listener) context.Context {
			return actionserver.WithStopping(context.WithoutCancel(ctx), ctx.Done())
		},
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      2 * time.Minute, // a profile takes as long as it is asked to
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          slog.NewLogLogger(p.log().Handler(), slog.LevelWarn),
	}
	served := make(chan error, 1)
	go func() { served <- pages.Serve(listener) }()
	p.log().LogAttrs(ctx, slog.LevelInfo, "serving the admin pages",
		slog.String("address", listener.Addr().String()), slog.Bool("profiles", private))
	err := serve(ctx)
	closed := pages.Close()
	if failure := <-served; !errors.Is(failure, http.ErrServerClosed) {
		closed = errors.Join(closed, fmt.Errorf("admin: %w", failure))
	}
	return errors.Join(err, closed)
}

func (p *Panel) log() *slog.Logger {
	if p.logger == nil {
		return slog.Default()
	}
	return p.logger
}

// isLoopback reports whether only this machine can reach an address.
func isLoopback(address net.Addr) bool {
	parsed, err := netip.ParseAddrPort(address.String())
	return err == nil && parsed.Addr().Unmap().IsLoopback()
}
