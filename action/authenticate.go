package action

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// A scheme is an authenticator under its name.
type scheme struct {
	name          string
	authenticator authn.Authenticator
	// ask is the authenticator's Authenticate, or what leaves it behind.
	ask func(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error)
}

// authenticate finds out who is calling, and says so to the accountant of the server.
func (g *gate) authenticate(ctx context.Context, pass *passage) error {
	if err := g.findPrincipal(ctx, pass); err != nil {
		return err
	}
	accountant := actionserver.AccountantFrom(ctx)
	if accountant == nil {
		return nil
	}
	var id string
	if pass.principal != nil {
		id = pass.principal.ID()
	}
	err := accountant.Authenticated(ctx, id)
	if err == nil {
		return nil
	}
	public, ok := errors.AsType[*connect.Error](err)
	if !ok {
		return fault(err)
	}
	return &denial{public: public, reason: "the server refused the caller: " + public.Code().String()}
}

// findPrincipal finds out who is calling, by the first scheme whose credential is
// there. All other credentials of the call must be good as well, and name the
// same principal: a call that speaks for two has lost track of who makes it. Where one
// of them is scoped, so is the call. On an
// anonymous action, and only there, it leaves the passage without a principal. The passage
// has none before.
func (g *gate) findPrincipal(ctx context.Context, pass *passage) error {
	pass.step(event.StageAuthenticate)
	pass.clock()
	if len(g.schemes) == 0 {
		return nil
	}
	call, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return fault(errors.New("the call came without connect's call info"))
	}
	for i := range g.schemes {
		principal, err := g.schemes[i].find(ctx, call)
		switch {
		case err != nil:
			return err
		case principal == nil: // its credential is not there
			continue
		}
		if err := g.holdClaims(g.schemes[i].name, principal); err != nil {
			return err
		}
		switch {
		case pass.principal == nil:
			pass.principal = principal.Bound(g.schemes[i].name, g.registry.hierarchy.Load())
		case pass.principal.ID() != principal.ID():
			return &denial{public: errUnauthenticated, reason: "the credentials name different principals", credential: authn.BadCredential}
		case principal.Expired(pass.start):
			return &denial{public: errUnauthenticated, reason: expired, credential: authn.Expired}
		default:
			pass.principal = pass.principal.LimitedBy(principal)
		}
	}
	if pass.principal == nil {
		return &denial{public: errUnauthenticated, reason: "no credential offered that the action takes", credential: authn.NoCredential}
	}
	return g.stale(pass)
}

// find asks the scheme who is calling. It returns nil and no error where the
// scheme's credential is not there.
func (s *scheme) find(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	principal, err := s.ask(ctx, call)
	switch {
	case principal == nil && saysAbsent(err):
		return nil, nil //nolint:nilnil // said above
	case err != nil:
		return nil, unauthenticated(ctx, s.name, err)
	case principal == nil || principal.ID() == "":
		return nil, fault(fmt.Errorf("scheme %q returned no principal and no error", s.name))
	}
	return principal, nil
}

// saysAbsent reports whether an authenticator's error says that there is no
// credential, and nothing besides. An authenticator that looks in two places may
// have found nothing in one and something bad in the other.
func saysAbsent(err error) bool {
	return errors.Is(err, authn.ErrNoCredential) && !errors.Is(err, authn.ErrInvalidCredential) && !errors.Is(err, authn.ErrUnavailable)
}

// expired is why a principal whose credential has ended is denied.
const expired = "the credential has expired"

// stale is the denial of a principal that is not good any more, or not fresh enough
// for this action.
func (g *gate) stale(pass *passage) error {
	principal, now := pass.principal, pass.start
	if principal.Expired(now) {
		return &denial{public: errUnauthenticated, reason: expired, credential: authn.Expired}
	}
	reason := "the action has a max_age, and nothing tells when the caller authenticated"
	switch policy.FreshnessOf(principal, now, g.maxAge) {
	case policy.Fresh:
		return nil
	case policy.TooLongAgo:
		reason = "the caller authenticated longer ago than max_age allows"
	case policy.InTheFuture:
		reason = "the caller authenticated in the future"
	case policy.TimeUnknown:
	}
	return &denial{public: errUnauthenticated, reason: reason, credential: authn.NotFresh, maxAge: g.maxAge}
}

// challenge tells the client how to authenticate, where HTTP has a way to say so and
// another credential could make the call succeed.
func (g *gate) challenge(ctx context.Context, denial authn.Denial) {
	call, ok := connect.CallInfoForServerContext(ctx)
	if !ok || denial.Reason == authn.ReasonUnspecified {
		return
	}
	for _, scheme := range g.schemes {
		challenger, ok := scheme.authenticator.(authn.Challenger)
		if !ok {
			continue
		}
		if challenge := challenger.Challenge(denial); challenge != "" {
			call.ResponseHeader().Add("WWW-Authenticate", challenge)
		}
	}
}
