package cache

import (
	"context"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// idle is a verifier that must not be asked.
type idle struct{ t *testing.T }

func (n idle) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return n.Verify(context.Background(), "")
}

func (n idle) Credential(*connect.CallInfo) (string, error) { return "x", nil }

func (n idle) Verify(context.Context, string) (*authn.Principal, error) {
	n.t.Error("it was verified once more")
	return nil, authn.ErrUnavailable
}

// TestJoinLooksAgain has an answer land just before a caller, who found none, would
// have asked for it.
func TestJoinLooksAgain(t *testing.T) {
	t.Parallel()
	cache, err := New()
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	landed := &answer{key: key{1}, principal: authn.NewPrincipal("ada", authn.Details{Unscoped: true}), until: time.Now().Add(cache.ttl)}
	cache.good.put(landed)
	if answer, flight := cache.join(key{1}, idle{t}, "x"); answer != landed || flight != nil {
		t.Errorf("join = %v, %v", answer, flight)
	}
}
