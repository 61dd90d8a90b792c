package unguarded

import (
	"context"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A Rehearsal is what stands in for the handlers and checks of a registry while its gates
// are tested. The context is the call's. The zero Rehearsal notes nothing.
type Rehearsal struct {
	// Ran is called in place of a handler, with what it would have. Nil calls nothing.
	Ran func(ctx context.Context, with Handed)
	// Received is called with each message that the handler of a stream of requests would
	// receive. Nil calls nothing.
	Received func(ctx context.Context, request proto.Message)
	// Respond fills in what the action answers, in place of its handler: the response or, of a
	// stream of responses, the one that is sent where Respond returns true. Nil answers with
	// an empty response, and sends none.
	Respond func(ctx context.Context, response proto.Message) (send bool)
	// Answer decides each check by its name, with the request that it is asked about, and each
	// relation by its text, without. Nil leaves them as they are.
	Answer func(ctx context.Context, asked string, request proto.Message) (bool, error)
	// Load loads each resource, in place of what is registered. Nil leaves the loaders as
	// they are.
	Load func(ctx context.Context, of protoreflect.MessageDescriptor, key protoreflect.Value) (proto.Message, error)
}

// A Handed is what a handler has of its call.
type Handed struct {
	// Request is nil of a stream of requests.
	Request proto.Message
	// Principal is nil of an anonymous action.
	Principal *authn.Principal
	// Resource is nil of an action that is about none.
	Resource proto.Message
}
