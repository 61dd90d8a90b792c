package action

import (
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
)

// A Call is a request that the gate let through, with who it is from. A handler
// that takes one cannot be reached around the gate: nothing else makes them, but
// for actiontest.NewCall in tests. No other kind of call converts into it.
//
// The zero value, and nil, did not come through the gate: the methods panic. It must
// not be copied, and belongs to the goroutines of one call.
type Call[Req any] struct {
	call    passage
	message *Req
}

// Message returns the request: decoded, validated, and the very one that was
// authorized.
func (c *Call[Req]) Message() *Req {
	if c == nil || !c.call.admitted {
		panic(notAdmitted)
	}
	return c.message
}

// Principal returns who is calling. It is never nil.
func (c *Call[Req]) Principal() *authn.Principal {
	if c == nil || !c.call.admitted || c.call.principal == nil {
		panic(notAdmitted)
	}
	return c.call.principal
}

// Decision returns what the gate decided: an allow, and by which grant.
func (c *Call[Req]) Decision() event.Decision {
	if c == nil || !c.call.admitted {
		panic(notAdmitted)
	}
	return c.call.decision(event.Allow)
}

// Grant returns the name of the grant that let the call through, as its declaration
// names it, for a handler that does more for some callers than for others. It is empty
// where the grant has no name and where the action says `anyone`: a position would name
// another grant once the grants are reordered. Of a server stream it is the grant that
// opened the stream; [ServerStream.Grant] follows the rechecks.
func (c *Call[Req]) Grant() string {
	if c == nil || !c.call.admitted {
		panic(notAdmitted)
	}
	return c.call.gate.policy.GrantName(c.call.grant)
}

func (c *Call[Req]) take(request proto.Message) *passage {
	c.message = any(request).(*Req) //nolint:forcetypeassert // the maker made both
	return &c.call
}

// An AnonymousCall is a request that the gate let through for an action that
// anyone may call without signing in. There is no principal to misuse, even if the
// caller sent a credential. It converts into no other kind of call.
//
// The zero value, and nil, did not come through the gate: the methods panic. It must
// not be copied, and belongs to the goroutines of one call.
type AnonymousCall[Req any] struct {
	anonymous passage
	message   *Req
}

// Message returns the request: decoded and validated.
func (c *AnonymousCall[Req]) Message() *Req {
	if c == nil || !c.anonymous.admitted {
		panic(notAdmitted)
	}
	return c.message
}

// Decision returns what the gate decided: an allow.
func (c *AnonymousCall[Req]) Decision() event.Decision {
	if c == nil || !c.anonymous.admitted {
		panic(notAdmitted)
	}
	return c.anonymous.decision(event.Allow)
}

func (c *AnonymousCall[Req]) take(request proto.Message) *passage {
	c.message = any(request).(*Req) //nolint:forcetypeassert // the maker made both
	return &c.anonymous
}

// A kindOfCall is a pointer to a [Call], a [ResourceCall] or an [AnonymousCall] of any type of
// request.
type kindOfCall interface {
	// take gives the call its request, and returns the passage that the gate fills in.
	take(request proto.Message) *passage
}

const notAdmitted = "action: this call did not come through the gate"
