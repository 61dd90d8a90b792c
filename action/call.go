package action

import (
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A Call is a request that the gate let through, with who it is from. A handler
// that takes one cannot be reached around the gate: nothing else makes them, but
// for actiontest.NewCall in tests.
//
// Its zero value, and a nil one, is a call that nobody let through: its methods
// panic. It must not be copied, and belongs to the goroutines of one call.
type Call[Req any] entry[Req]

// Message returns the request: decoded, validated, and the very one that was
// authorized.
func (c *Call[Req]) Message() *Req { return (*entry[Req])(c).request() }

// Principal returns who is calling. It is never nil.
func (c *Call[Req]) Principal() *authn.Principal {
	if c == nil || !c.admitted || c.principal == nil {
		panic(notAdmitted)
	}
	return c.principal
}

// Decision returns what the gate decided: an allow, and by which grant.
func (c *Call[Req]) Decision() Decision { return (*entry[Req])(c).verdict() }

// An AnonymousCall is a request that the gate let through for an action that
// anyone may call without signing in. There is no principal to misuse, even if the
// caller sent a credential.
//
// Its zero value, and a nil one, is a call that nobody let through: its methods
// panic. It must not be copied, and belongs to the goroutines of one call.
type AnonymousCall[Req any] entry[Req]

// Message returns the request: decoded and validated.
func (c *AnonymousCall[Req]) Message() *Req { return (*entry[Req])(c).request() }

// Decision returns what the gate decided: an allow.
func (c *AnonymousCall[Req]) Decision() Decision { return (*entry[Req])(c).verdict() }

// An entry is what both kinds of call are made of: a way through the gate, and the
// request that takes it.
type entry[Req any] struct {
	passage
	message *Req
}

const notAdmitted = "action: this call did not come through the gate"

func (e *entry[Req]) request() *Req {
	if e == nil || !e.admitted {
		panic(notAdmitted)
	}
	return e.message
}

func (e *entry[Req]) verdict() Decision {
	if e == nil || !e.admitted {
		panic(notAdmitted)
	}
	return e.decision(Allow)
}

// A message is a pointer to a generated message struct.
type message[M any] interface {
	*M
	proto.Message
}
