package server

import (
	"context"
	"errors"
	"log/slog"
	"testing"

	"connectrpc.com/connect/v2"
)

// A call is over for its interceptors when they have returned, or panicked: by then what they
// began has ended, and what they kept begins nothing.
func TestInterceptedCallIsOver(t *testing.T) {
	t.Parallel()
	denied, stopped := connect.NewError(connect.CodePermissionDenied, "denied"), errors.New("stopped")
	var kept func() error
	for name, test := range map[string]struct {
		intercept func(next func() error, entered <-chan struct{}) error
		want      error // of the call; nil is a panic
	}{
		"returns early": {func(next func() error, entered <-chan struct{}) error {
			go func() { _ = next() }()
			<-entered
			return nil
		}, denied},
		"fails early": {func(next func() error, entered <-chan struct{}) error {
			go func() { _ = next() }()
			<-entered
			return stopped
		}, stopped},
		"panics": {func(next func() error, entered <-chan struct{}) error {
			go func() { _ = next() }()
			<-entered
			panic("a fault")
		}, nil},
	} {
		settings := &settings{logger: slog.New(slog.DiscardHandler)}
		entered, ended, ran := make(chan struct{}), false, 0
		gate := settings.afterInterceptors(func(ctx context.Context, _ connect.Spec, _ connect.ServerStream) error {
			ran++
			close(entered)
			<-ctx.Done() // nothing else ends it
			ended = true
			return denied
		})
		door := settings.beforeInterceptors(func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			over := context.WithoutCancel(ctx)
			kept = func() error { return gate(over, spec, stream) }
			return test.intercept(func() error { return gate(ctx, spec, stream) }, entered)
		})
		if err := inCall(t, func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) (err error) {
			defer func() {
				if thrown := recover(); (thrown != nil) != (test.want == nil) || !ended {
					t.Errorf("%s: threw %v, and the gate has ended: %t", name, thrown, ended)
				}
				if again := kept(); connect.CodeOf(again) != connect.CodeInternal || ran != 1 {
					t.Errorf("%s: what it kept ran the gate %d times: %v", name, ran, again)
				}
			}()
			if err := door(ctx, spec, stream); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", name, err, test.want)
			}
			return nil
		}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
