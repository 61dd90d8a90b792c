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
// there. On an anonymous action, and only there, it leaves the passage without a
// principal.
func (g *gate) authenticate(ctx context.Context, pass *passage) error {
	pass.stage = StageAuthenticate
	pass.clock()
	if len(g.schemes) == 0 {
		return nil
	}
	call, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return fault(errors.New("the call came without connect's call info"))
	}
	for _, scheme := range g.schemes {
		principal, err := scheme.authenticator.Authenticate(ctx, call)
		if errors.Is(err, ErrNoCredential) && principal == nil {
			continue
		}
		if err != nil {
			return unauthenticated(ctx, scheme.name, err)
		}
		if principal == nil || principal.ID() == "" {
			return fault(fmt.Errorf("scheme %q returned no principal and no error", scheme.name))
		}
		if denial := g.stale(pass.start, principal); denial != nil {
			return denial
		}
		pass.principal = principal.bind(g.registry, scheme.name)
		return nil
	}
	return &denial{public: errUnauthenticated, reason: "no credential offered"}
}

// stale is the denial of a principal that is not good any more, or not fresh enough
// for this action, and nil for one that is.
func (g *gate) stale(now time.Time, principal *Principal) *denial {
	if expires := principal.ExpiresAt(); !expires.IsZero() && !now.Before(expires) {
		return &denial{public: errUnauthenticated, reason: "the credential has expired"}
	}
	if g.maxAge == 0 {
		return nil
	}
	since := principal.AuthenticatedAt()
	reason := ""
	switch {
	case since.IsZero():
		reason = "the action has a max_age, and the scheme cannot tell when the caller authenticated"
	case now.Sub(since) > g.maxAge:
		reason = "the caller authenticated longer ago than max_age allows"
	case since.After(now.Add(maxClockSkew)):
		reason = "the caller authenticated in the future"
	default:
		return nil
	}
	return &denial{public: errUnauthenticated, reason: reason, maxAge: g.maxAge}
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
