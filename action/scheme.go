package action

import (
	"context"
	"errors"
	"fmt"
	"time"

	"connectrpc.com/connect/v2"
)

// A scheme is an authenticator under its name.
type scheme struct {
	name          string
	authenticator Authenticator
}

// maxClockSkew is how far ahead of ours the clock may be by which an authenticator
// tells when its principal signed in.
const maxClockSkew = time.Minute

// authenticate finds out who is calling, by the first scheme whose credential is
// there. It returns a nil principal only on an anonymous action.
func (g *gate) authenticate(ctx context.Context, now time.Time) (*boundPrincipal, error) {
	if len(g.schemes) == 0 {
		return nil, nil //nolint:nilnil // an anonymous action has no principal, by declaration
	}
	call, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return nil, fault(errors.New("the call came without connect's call info"))
	}
	for _, scheme := range g.schemes {
		principal, err := scheme.authenticator.Authenticate(ctx, call)
		if errors.Is(err, ErrNoCredential) && principal == nil {
			continue
		}
		if err != nil {
			return nil, unauthenticated(ctx, scheme.name, err)
		}
		if principal == nil || principal.ID() == "" {
			return nil, fault(fmt.Errorf("scheme %q returned no principal and no error", scheme.name))
		}
		if reason := g.stale(now, principal); reason != "" {
			return nil, &denial{public: errUnauthenticated, reason: reason}
		}
		return principal.bind(g.registry, scheme.name), nil
	}
	return nil, &denial{public: errUnauthenticated, reason: "no credential offered"}
}

// stale says why a principal is not good any more, or not fresh enough for this
// action, and "" when it is.
func (g *gate) stale(now time.Time, principal *Principal) string {
	if expires := principal.ExpiresAt(); !expires.IsZero() && !now.Before(expires) {
		return "the credential has expired"
	}
	if g.maxAge == 0 {
		return ""
	}
	since := principal.AuthenticatedAt()
	switch {
	case since.IsZero():
		return "the action has a max_age, and the scheme cannot tell when the caller authenticated"
	case now.Sub(since) > g.maxAge:
		return "the caller authenticated longer ago than max_age allows"
	case since.After(now.Add(maxClockSkew)):
		return "the caller authenticated in the future"
	}
	return ""
}

// challenge tells the client how to authenticate, where HTTP has a way to say so.
func (g *gate) challenge(ctx context.Context, denial Decision) {
	call, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return
	}
	for _, scheme := range g.schemes {
		challenger, ok := scheme.authenticator.(Challenger)
		if !ok {
			continue
		}
		if challenge := challenger.Challenge(denial); challenge != "" {
			call.ResponseHeader().Add("WWW-Authenticate", challenge)
		}
	}
}
