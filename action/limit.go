package action

import (
	"context"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/comeagain"
	"github.com/sallyport-rpc/sallyport/limit"
)

// WithLimiter sets what counts calls against the limits that actions declare. The default
// is a [limit.Memory] of the registry's own, with its defaults. A nil limiter is refused.
func WithLimiter(limiter limit.Limiter) RegistryOption {
	return registryOption(func(r *Registry) { r.limiter = limiter })
}

// limits are what a gate counts, by when it does. Nil has no limits.
type limits struct {
	before []limit.Limit // the message is read: of addresses, and of the action
	after  []limit.Limit // the caller is authenticated: of principals
}

func limitsOf(declared []limit.Limit) *limits {
	if len(declared) == 0 {
		return nil
	}
	sorted := &limits{}
	for _, one := range declared {
		if one.Per == limit.Principal {
			sorted.after = append(sorted.after, one)
		} else {
			sorted.before = append(sorted.before, one)
		}
	}
	return sorted
}

// limitCall counts a call by its address and its action, before anything of it is read.
// What the front door has counted it does not count again.
func (g *gate) limitCall(ctx context.Context, pass *passage) error {
	if g.limits == nil || len(g.limits.before) == 0 || countedAtFrontDoor(ctx, g) {
		return nil
	}
	peer, known := authn.PeerFrom(ctx)
	within := !known && isInProcess(ctx)
	buckets := make([]limit.Bucket, 0, len(g.limits.before))
	for _, one := range g.limits.before {
		bucket := limit.Bucket{Procedure: g.procedure, Limit: one}
		if one.Per == limit.Address {
			if within {
				continue // it has no address
			}
			bucket.Network = peer.Network()
		}
		buckets = append(buckets, bucket)
	}
	return g.take(ctx, pass, buckets)
}

// limitPrincipal counts a call by its principal.
func (g *gate) limitPrincipal(ctx context.Context, pass *passage) error {
	if g.limits == nil || len(g.limits.after) == 0 {
		return nil
	}
	buckets := make([]limit.Bucket, len(g.limits.after))
	for i, one := range g.limits.after {
		buckets[i] = limit.Bucket{Procedure: g.procedure, Limit: one, Principal: pass.principal.ID()}
	}
	return g.take(ctx, pass, buckets)
}

// take counts a call in buckets. It refuses the call where one of them has no room.
func (g *gate) take(ctx context.Context, pass *passage, buckets []limit.Bucket) error {
	if len(buckets) == 0 {
		return nil
	}
	pass.step(event.StageLimit)
	wait, over, err := g.registry.limiter.Take(ctx, buckets)
	switch {
	case err != nil && ctx.Err() != nil:
		return interrupted(ctx.Err())
	case err != nil:
		return &denial{public: errUnavailable, reason: "the limiter is unavailable", err: err}
	case wait > 0:
		return limited(buckets[over].Limit, wait)
	default:
		return nil
	}
}

// limited is the denial of a call for which a limit has no room.
func limited(over limit.Limit, wait time.Duration) *denial {
	return &denial{public: comeagain.With(errLimited, wait), reason: "over the limit: " + over.String(), comeAgain: wait, per: over.Per}
}

// errLimited is what a caller is told, beside when to come again.
var errLimited = connect.NewError(connect.CodeResourceExhausted, "too many requests")

// sayWhen says in a header when to come again, where that is known.
func sayWhen(ctx context.Context, wait time.Duration) {
	if call, ok := connect.CallInfoForServerContext(ctx); ok && wait > 0 {
		call.ResponseHeader().Set("Retry-After", comeagain.Header(wait))
	}
}

// countedKey is the key of the call that a front door has counted.
type countedKey struct{}

type counted struct {
	gate *gate
	call *connect.CallInfo
}

// withCounted returns a context that says that the front door has counted ctx's call. It
// says nothing of a call that a handler makes with it.
func withCounted(ctx context.Context, g *gate) context.Context {
	call, _ := connect.CallInfoForServerContext(ctx)
	return context.WithValue(ctx, countedKey{}, counted{g, call})
}

func countedAtFrontDoor(ctx context.Context, g *gate) bool {
	found, ok := ctx.Value(countedKey{}).(counted)
	if !ok || found.gate != g {
		return false
	}
	call, ok := connect.CallInfoForServerContext(ctx)
	return ok && call == found.call
}

// inProcessKey is the key of calls that come by [Registry.InProcess].
type inProcessKey struct{}

func isInProcess(ctx context.Context) bool { return ctx.Value(inProcessKey{}) != nil }

// countsAddresses reports whether an action has a limit of each address.
func (g *gate) countsAddresses() bool {
	if g == nil || g.limits == nil {
		return false
	}
	for _, one := range g.limits.before {
		if one.Per == limit.Address {
			return true
		}
	}
	return false
}
