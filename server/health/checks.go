package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// An Option changes how [New] looks after a server's health.
type Option interface{ option.Option[Checks] }

// A check is one that an application gave.
type check struct {
	service string // "" for all services
	name    string
	run     func(context.Context) error
}

// WithCheck adds a check of the application's own. While it returns an error or panics,
// the service is not serving; the service "" stands for all of them and the server.
// The name is for the log, which has the error; callers learn neither. By default there
// are no checks. A nil check is refused, and a service that the registry does not have.
//
// A check runs when its answer is asked for and the last one is older than the interval
// ([WithInterval]), and never twice at a time. It must be safe to call again after its
// context ended.
func WithCheck(service, name string, run func(context.Context) error) Option {
	return option.Func[Checks](func(c *Checks) error {
		switch {
		case run == nil:
			return fmt.Errorf("health: check %q is nil", name)
		case name == "":
			return errors.New("health: a check has no name")
		}
		c.checks = append(c.checks, check{service, name, run})
		return nil
	})
}

// WithUses names the proto packages whose roles, scopes, claims and named conditions the
// declaration given to [Checks.Register] names: "acme.iam.v1". Their Go packages are linked into the
// program; a package that is not there is refused at registration. By default there are
// none, and then the declaration can name no role.
func WithUses(packages ...string) Option {
	return option.Func[Checks](func(c *Checks) error {
		if slices.Contains(packages, "") {
			return errors.New("health: a package to use has no name")
		}
		c.uses = append(c.uses, packages...)
		return nil
	})
}

// WithInterval sets how long the answer of a check stands, and how often Watch looks.
// By default it is two seconds; it must be at least 10 milliseconds.
func WithInterval(interval time.Duration) Option {
	return option.Func[Checks](func(c *Checks) error {
		if interval < 10*time.Millisecond {
			return fmt.Errorf("health: interval of %v is below 10ms", interval)
		}
		c.interval = interval
		return nil
	})
}

// WithTimeout sets how long a check may take; one that takes longer has failed. By
// default it is two seconds.
func WithTimeout(timeout time.Duration) Option {
	return option.Func[Checks](func(c *Checks) error {
		if timeout <= 0 {
			return fmt.Errorf("health: timeout of %v is not above zero", timeout)
		}
		c.timeout = timeout
		return nil
	})
}

// WithLogger sets where changes of a check are logged: a failure at warn, and the next
// success at info. By default it is [slog.Default] as it is at the time.
func WithLogger(logger *slog.Logger) Option {
	return option.Func[Checks](func(c *Checks) error {
		if logger == nil {
			return errors.New("health: the logger is nil")
		}
		c.logger = logger
		return nil
	})
}

// Checks are the health of a server and of the services of its registry. Make them with
// [New]. They are safe for concurrent use.
type Checks struct {
	registry *action.Registry
	checks   []check
	uses     []string // packages whose names the declaration of the service uses
	interval time.Duration
	timeout  time.Duration
	logger   *slog.Logger // nil is the default logger

	// served are the services once the registry is served, and takes no more.
	served func() map[string]bool

	mu       sync.Mutex
	findings []*finding // of the checks, in their order
}

// New returns the health of what a registry serves. The error joins all that is wrong
// with the options.
func New(registry *action.Registry, options ...Option) (*Checks, error) {
	if registry == nil {
		return nil, errors.New("health: the registry is nil")
	}
	checks := &Checks{registry: registry, interval: 2 * time.Second, timeout: 2 * time.Second}
	if err := option.Apply("health", checks, options); err != nil {
		return nil, err
	}
	for range checks.checks {
		checks.findings = append(checks.findings, &finding{})
	}
	checks.served = sync.OnceValue(checks.services)
	return checks, nil
}

// services returns the names of the registry's services.
func (c *Checks) services() map[string]bool {
	names := map[string]bool{}
	for _, action := range c.registry.Actions() {
		names[string(action.Method.Parent().FullName())] = true
	}
	return names
}

// unknown returns an error for each check of a service that the registry does not have.
func (c *Checks) unknown() error {
	services := c.services()
	var errs []error
	for _, check := range c.checks {
		if check.service != "" && !services[check.service] {
			errs = append(errs, fmt.Errorf("health: check %q is of service %q, which is not registered: register it first", check.name, check.service))
		}
	}
	return errors.Join(errs...)
}

// works reports whether a service works: "" is the server. Checks whose answers are old
// run first.
func (c *Checks) works(ctx context.Context, service string) bool {
	works := true
	for i, check := range c.checks {
		if check.service == "" || check.service == service {
			works = c.finding(ctx, i) && works
		}
	}
	return works
}

func (c *Checks) log() *slog.Logger {
	if c.logger == nil {
		return slog.Default()
	}
	return c.logger
}

// isStopping reports whether the server of a call was asked to stop.
func isStopping(ctx context.Context) bool {
	select {
	case <-action.Stopping(ctx):
		return true
	case <-action.Draining(ctx):
		return true
	default:
		return false
	}
}
