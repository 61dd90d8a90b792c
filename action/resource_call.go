package action

import (
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
)

// A ResourceCall is a [Call] of an action whose declaration names a resource: it comes with
// the object that the grants were decided on. It converts into no other kind of call.
//
// The zero value, and nil, did not come through the gate: the methods panic. It must
// not be copied, and belongs to the goroutines of one call.
type ResourceCall[Req, Obj any] struct {
	about   passage
	own     extras // those of the passage, in one piece of memory
	message *Req
}

// Message returns the request: decoded, validated, and the very one that was
// authorized.
func (c *ResourceCall[Req, Obj]) Message() *Req {
	if c == nil || !c.about.admitted {
		panic(notAdmitted)
	}
	return c.message
}

// Resource returns what the action is about: the very object that was decided on. It is
// never nil. The loader's own object is another one, so that this one is the handler's to
// change; on a stream, a recheck loads the object anew and leaves this one as it is. It was
// not validated.
func (c *ResourceCall[Req, Obj]) Resource() *Obj {
	if c == nil || !c.about.admitted {
		panic(notAdmitted)
	}
	return resourceOf[Obj](c.about.resource())
}

// Principal returns who is calling. It is never nil.
func (c *ResourceCall[Req, Obj]) Principal() *authn.Principal {
	if c == nil || !c.about.admitted || c.about.principal == nil {
		panic(notAdmitted)
	}
	return c.about.principal
}

// Decision returns what the gate decided: an allow, and by which grant.
func (c *ResourceCall[Req, Obj]) Decision() event.Decision {
	if c == nil || !c.about.admitted {
		panic(notAdmitted)
	}
	return c.about.decision(event.Allow)
}

// Grant returns the name of the grant that let the call through, as [Call.Grant] does.
func (c *ResourceCall[Req, Obj]) Grant() string {
	if c == nil || !c.about.admitted {
		panic(notAdmitted)
	}
	return c.about.gate.policy.GrantName(c.about.grant)
}

func (c *ResourceCall[Req, Obj]) take(request proto.Message) *passage {
	c.message = any(request).(*Req) //nolint:forcetypeassert // the maker made both
	c.about.extras = &c.own
	return &c.about
}

// resourceOf returns a loaded object as what a handler takes. The gate lets no call of such
// a handler through without one.
func resourceOf[Obj any](loaded proto.Message) *Obj {
	object, ok := loaded.(any).(*Obj)
	if !ok || object == nil {
		panic(notAdmitted)
	}
	return object
}
