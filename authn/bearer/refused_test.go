package bearer_test

import (
	"errors"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// sendable reports whether HTTP carries a token as it is.
func sendable(token string) bool {
	return strings.TrimRight(token, " ") == token && !strings.ContainsFunc(token, func(r rune) bool { return r < ' ' || r == 0x7f }) && len(token) < 64<<10
}

// TestRefused sends every forgery over a real connection, and sees each of them
// refused, no handler runs, nothing is fetched, and the record does not repeat it.
func TestRefused(t *testing.T) {
	t.Parallel()
	clock, key, other := newClock(), es256("k1"), rs256("r1")
	issuer, trap := newProvider(t, key.public(), other.public()), newProvider(t)
	authenticator := trusted(t, issuer, bearer.WithClock(clock.Now))
	wire := newWire(t, authenticator, actiontest.WithClock(t, clock.Now))
	good := key.token(issuer.URL, clock.Now())
	if got := wire.call(t, "Bearer "+good); got.who != issuer.URL+"#jane" {
		t.Fatalf("the good token: %+v", got)
	}
	handled, visited := wire.handled.Load(), issuer.visited()
	all := forgeries(issuer, trap.URL, key, other, clock.Now())
	for _, forgery := range all {
		principal, err := authenticator.Verify(t.Context(), forgery.token)
		if got := outcome(principal, err); got != "invalid" && (got != "unavailable" || !forgery.mayBeNew()) {
			t.Errorf("%s: %s", forgery.name, got)
			continue
		}
		if !quiet(err, forgery.token) {
			t.Errorf("%s: the reason repeats it: %v", forgery.name, err)
		}
		if !sendable(forgery.token) || forgery.mayBeNew() {
			continue
		}
		before := len(wire.denied())
		got := wire.call(t, "Bearer "+forgery.token)
		denials := wire.denied()[before:]
		switch {
		case got.status != 401 || got.code != "unauthenticated":
			t.Errorf("%s: over the wire: %+v", forgery.name, got)
		case wire.handled.Load() != handled:
			t.Fatalf("%s: the handler ran", forgery.name)
		case len(denials) != 1 || denials[0].Code != connect.CodeUnauthenticated || denials[0].Stage != event.StageAuthenticate:
			t.Errorf("%s: recorded as %+v", forgery.name, denials)
		case !quiet(errors.New(denials[0].Reason+got.body+got.challenge), forgery.token):
			t.Errorf("%s: repeated by %+v or %+v", forgery.name, denials[0], got)
		}
	}
	if issuer.visited() != visited || trap.visited() != 0 {
		t.Errorf("forgeries fetched something: %d and %d requests", issuer.visited()-visited, trap.visited())
	}
	if got := wire.call(t, "Bearer "+good); got.who != issuer.URL+"#jane" {
		t.Errorf("the good token, afterwards: %+v", got)
	}
	t.Logf("%d forgeries", len(all))
}

// TestRefusedByEveryProtocol sends one forgery of each kind by the other protocols.
func TestRefusedByEveryProtocol(t *testing.T) {
	t.Parallel()
	clock, key, other := newClock(), es256("k1"), rs256("r1")
	issuer := newProvider(t, key.public(), other.public())
	wire := newWire(t, trusted(t, issuer, bearer.WithClock(clock.Now)), actiontest.WithClock(t, clock.Now))
	all := forgeries(issuer, "https://trap.example.com", key, other, clock.Now())
	for name, options := range map[string][]connecthttp.Option{
		"connect": nil, "get": {connecthttp.WithHTTPGet()}, "grpc": {connecthttp.WithGRPC()}, "grpc-web": {connecthttp.WithGRPCWeb()},
	} {
		client := wire.dial(t, options...)
		call := func(token string) error {
			ctx, info := connect.NewClientContext(t.Context())
			info.RequestHeader().Set("Authorization", "Bearer "+token)
			_, err := client.ListUsers(ctx, &demov1.ListUsersRequest{})
			return err
		}
		if err := call(key.token(issuer.URL, clock.Now())); err != nil {
			t.Errorf("%s: the good token: %v", name, err)
		}
		handled := wire.handled.Load()
		for i := 0; i < len(all); i += 17 {
			if !sendable(all[i].token) || all[i].mayBeNew() {
				continue
			}
			if err := call(all[i].token); connect.CodeOf(err) != connect.CodeUnauthenticated || wire.handled.Load() != handled {
				t.Errorf("%s: %s: %v", name, all[i].name, err)
			}
		}
	}
}
