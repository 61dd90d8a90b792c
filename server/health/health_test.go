package health_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/health"
)

const (
	serving    = healthv1.HealthCheckResponse_SERVING
	notServing = healthv1.HealthCheckResponse_NOT_SERVING
	unknown    = healthv1.HealthCheckResponse_SERVICE_UNKNOWN
)

const accountService = "demo.v1.AccountService"

func TestRegisterNeedsDeclaration(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		declaration string
		rule        string // of the refusal; none registers
	}{
		"open":            {declaration: open},
		"guarded":         {declaration: guarded},
		"none":            {declaration: "", rule: "action-missing"},
		"blank":           {declaration: " ", rule: "action-missing"},
		"no authorize":    {declaration: `authenticate: {anonymous: "probes"} stream: {authorize: OPEN}`, rule: "authorize-missing"},
		"no stream":       {declaration: `authenticate: {anonymous: "probes"} authorize: {anyone: "harmless"}`, rule: "stream-missing"},
		"no text":         {declaration: `authenticate {`, rule: "action-unread"},
		"unknown scheme":  {declaration: `authenticate: {schemes: ["pigeon"]} authorize: {anyone: "x"} stream: {authorize: OPEN}`, rule: "scheme-unconfigured"},
		"unknown field":   {declaration: open + ` licence: "to skip"`, rule: "action-unread"},
		"anonymous grant": {declaration: `authenticate: {anonymous: "probes"} authorize: {allow: {all_scopes: "x"}} stream: {authorize: OPEN}`, rule: "anonymous-grant"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, _ := newRegistry(t)
			checks, err := health.New(registry)
			if err != nil {
				t.Fatal(err)
			}
			err = checks.Register(registry, test.declaration)
			if test.rule == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			refused, ok := errors.AsType[*action.RefusalError](err)
			if !ok {
				t.Fatalf("got %v, want a refusal", err)
			}
			if !strings.Contains(refused.Error(), test.rule) {
				t.Errorf("got %v, want rule %s", refused, test.rule)
			}
			if err := registry.Seal(); err == nil {
				t.Error("a registry that refused something serves")
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	served := serve(t, open, []health.Option{health.WithCheck(accountService, "users", func(context.Context) error {
		if broken.Load() {
			return errors.New("no users")
		}
		return nil
	})})
	want := func(name string, status healthv1.HealthCheckResponse_ServingStatus, wantCode connect.Code) {
		t.Helper()
		got, err := served.check(t, "", name)
		if got != status || code(err) != wantCode {
			t.Errorf("%q: got %v, %v; want %v, %v", name, got, err, status, wantCode)
		}
	}
	want("", serving, 0)
	want(accountService, serving, 0)
	want("grpc.health.v1.Health", serving, 0)
	want("demo.v1.Other", 0, connect.CodeNotFound)
	broken.Store(true)
	until(t, "the failure", func() bool { status, _ := served.check(t, "", accountService); return status == notServing })
	want("", serving, 0) // the check is of one service
	want("grpc.health.v1.Health", serving, 0)
	broken.Store(false)
	until(t, "the recovery", func() bool { status, _ := served.check(t, "", accountService); return status == serving })
}

func TestList(t *testing.T) {
	t.Parallel()
	served := serve(t, open, []health.Option{health.WithCheck(accountService, "users", func(context.Context) error { panic("no users") })})
	response := &healthv1.HealthListResponse{}
	if err := served.client(t).CallUnary(t.Context(), spec("List"), &healthv1.HealthListRequest{}, response); err != nil {
		t.Fatal(err)
	}
	got := map[string]healthv1.HealthCheckResponse_ServingStatus{}
	for name, status := range response.GetStatuses() {
		got[name] = status.GetStatus()
	}
	if diff := cmp.Diff(map[string]healthv1.HealthCheckResponse_ServingStatus{
		"": serving, accountService: notServing, "grpc.health.v1.Health": serving,
	}, got); diff != "" {
		t.Error(diff)
	}
}

// TestGuarded holds the health service to its declaration like any other action.
func TestGuarded(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	served := serve(t, guarded, []health.Option{health.WithCheck("", "asked", func(context.Context) error { asked.Add(1); return nil })})
	for _, denied := range []struct {
		credential string
		code       connect.Code
	}{{"", connect.CodeUnauthenticated}, {"users.read", connect.CodePermissionDenied}} {
		if _, err := served.check(t, denied.credential, ""); code(err) != denied.code {
			t.Errorf("with %q: got %v, want %v", denied.credential, err, denied.code)
		}
	}
	if asked.Load() > 0 {
		t.Error("a check ran for a caller who was denied")
	}
	if status, err := served.check(t, "health.read", ""); err != nil || status != serving {
		t.Errorf("got %v, %v", status, err)
	}
	if diff := cmp.Diff([]event.Outcome{event.Deny, event.Deny, event.Allow}, served.events.of("/grpc.health.v1.Health/Check")); diff != "" {
		t.Error(diff)
	}
}

func TestWatch(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	served := serve(t, open, []health.Option{health.WithCheck("", "database", func(context.Context) error {
		if broken.Load() {
			return errors.New("down")
		}
		return nil
	})}, server.WithStopDelay(100*time.Millisecond))
	watch := func(name string) func() (healthv1.HealthCheckResponse_ServingStatus, error) {
		stream, err := served.client(t).CallServerStream(t.Context(), spec("Watch"), &healthv1.HealthCheckRequest{Service: name})
		if err != nil {
			t.Fatal(err)
		}
		return func() (healthv1.HealthCheckResponse_ServingStatus, error) {
			response := &healthv1.HealthCheckResponse{}
			err := stream.Receive(response)
			return response.GetStatus(), err
		}
	}
	next, nextUnknown := watch(accountService), watch("demo.v1.Other")
	if status, err := nextUnknown(); status != unknown || err != nil {
		t.Errorf("of a service that is not there: %v, %v", status, err)
	}
	for _, step := range []struct {
		change func()
		want   healthv1.HealthCheckResponse_ServingStatus
	}{
		{func() {}, serving},
		{func() { broken.Store(true) }, notServing},
		{func() { broken.Store(false) }, serving},
		{served.stop, notServing},
	} {
		step.change()
		if status, err := next(); status != step.want || err != nil {
			t.Fatalf("got %v, %v; want %v", status, err, step.want)
		}
	}
	if _, err := next(); code(err) != connect.CodeUnavailable && !errors.Is(err, io.EOF) {
		t.Errorf("after the end: %v", err)
	}
	if err := <-served.ended; err != nil {
		t.Error(err)
	}
}

// TestStopping finds everything not serving, while calls are still accepted.
func TestStopping(t *testing.T) {
	t.Parallel()
	served := serve(t, open, nil, server.WithStopDelay(time.Second))
	if got := [...]int{served.page(t, "/healthz"), served.page(t, "/readyz")}; got != [...]int{http.StatusOK, http.StatusOK} {
		t.Fatalf("pages: %v", got)
	}
	began := time.Now()
	served.stop()
	until(t, "not ready", func() bool { return served.page(t, "/readyz") == http.StatusServiceUnavailable })
	if status := served.page(t, "/healthz"); status != http.StatusOK {
		t.Errorf("a process that stops is not live: %d", status)
	}
	for _, name := range []string{"", accountService} {
		if status, err := served.check(t, "", name); status != notServing || err != nil {
			t.Errorf("%q: got %v, %v", name, status, err)
		}
	}
	if err := <-served.ended; err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took < time.Second {
		t.Errorf("it stopped after %v, before its delay", took)
	}
}

// TestSlowCheck finds a check that does not return to have failed, and runs it once for
// all who ask.
func TestSlowCheck(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	var running atomic.Int64
	served := serve(t, open, []health.Option{
		health.WithTimeout(50 * time.Millisecond),
		health.WithCheck("", "deaf", func(context.Context) error { running.Add(1); <-release; return nil }),
	})
	for range 3 {
		if status := served.page(t, "/readyz"); status != http.StatusServiceUnavailable {
			t.Errorf("ready: %d", status)
		}
	}
	if got := running.Load(); got != 1 {
		t.Errorf("the check runs %d times at once", got)
	}
}

func TestOptionsRefused(t *testing.T) {
	t.Parallel()
	for name, option := range map[string]health.Option{
		"nil option":    nil,
		"nil check":     health.WithCheck("", "x", nil),
		"unnamed check": health.WithCheck("", "", func(context.Context) error { return nil }),
		"interval":      health.WithInterval(0),
		"timeout":       health.WithTimeout(0),
		"nil logger":    health.WithLogger(nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, _ := newRegistry(t)
			if _, err := health.New(registry, option); err == nil {
				t.Error("it was taken")
			}
		})
	}
	t.Run("nil registry", func(t *testing.T) {
		t.Parallel()
		if _, err := health.New(nil); err == nil {
			t.Error("it was taken")
		}
	})
	t.Run("check of no service", func(t *testing.T) {
		t.Parallel()
		registry, _ := newRegistry(t)
		checks, err := health.New(registry, health.WithCheck("demo.v1.Other", "x", func(context.Context) error { return nil }))
		if err != nil {
			t.Fatal(err)
		}
		if err := checks.Register(registry, open); err == nil {
			t.Error("it was registered")
		}
	})
}

// TestProbe runs Kubernetes' probe as it comes.
func TestProbe(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	served := serve(t, open, []health.Option{health.WithCheck(accountService, "users", func(context.Context) error {
		if broken.Load() {
			return errors.New("no users")
		}
		return nil
	})})
	probe := func(want string, arguments ...string) {
		t.Helper()
		output, _ := tool(t, "grpc-health-probe", append([]string{"-addr", served.address}, arguments...)...).CombinedOutput()
		if !strings.Contains(string(output), want) {
			t.Errorf("%v: got %s, want %q", arguments, output, want)
		}
	}
	probe("status: SERVING")
	probe("status: SERVING", "-service", accountService)
	broken.Store(true)
	until(t, "the failure", func() bool { status, _ := served.check(t, "", accountService); return status == notServing })
	probe("NOT_SERVING", "-service", accountService)
	probe("status: SERVING")
}
