package main

import (
	"context"

	"google.golang.org/protobuf/proto"

	conformancev1 "github.com/sallyport-rpc/sallyport/conformance/gen/connectrpc/conformance/v1"
)

// answer makes the one response that a definition, which may be nil, asks for.
func answer(
	ctx context.Context, definition *conformancev1.UnaryResponseDefinition, requests ...proto.Message,
) (*conformancev1.ConformancePayload, error) {
	info, err := observe(ctx, requests)
	if err != nil {
		return nil, err
	}
	addMetadata(ctx, definition)
	wait(definition.GetResponseDelayMs())
	if wanted := definition.GetError(); wanted != nil {
		return nil, failure(wanted, info)
	}
	return &conformancev1.ConformancePayload{Data: definition.GetResponseData(), RequestInfo: info}, nil
}

// replies are the responses that a definition, which may be nil, asks for on a
// stream.
type replies struct {
	ctx        context.Context //nolint:containedctx // they belong to one call
	definition *conformancev1.StreamResponseDefinition
	send       func(*conformancev1.ConformancePayload) error
	sent       int
	seen       []proto.Message // and not yet told of
}

// newReplies puts the wanted metadata on the stream.
func newReplies(
	ctx context.Context, definition *conformancev1.StreamResponseDefinition, send func(*conformancev1.ConformancePayload) error,
) *replies {
	addMetadata(ctx, definition)
	return &replies{ctx: ctx, definition: definition, send: send}
}

// see takes note of a request, for the next response to tell of.
func (r *replies) see(request proto.Message) { r.seen = append(r.seen, request) }

// left reports whether there are responses to send.
func (r *replies) left() bool { return r.sent < len(r.definition.GetResponseData()) }

// next sends the next response. The first one tells all that was seen of the call;
// later ones tell of the requests that have come since.
func (r *replies) next() error {
	info, err := r.info()
	if err != nil {
		return err
	}
	wait(r.definition.GetResponseDelayMs())
	payload := &conformancev1.ConformancePayload{Data: r.definition.GetResponseData()[r.sent], RequestInfo: info}
	r.sent++
	return r.send(payload)
}

// finish sends the responses that are left, and returns the error that is wanted
// after them. It tells what was seen of the call if no response has.
func (r *replies) finish() error {
	for r.left() {
		if err := r.next(); err != nil {
			return err
		}
	}
	wanted := r.definition.GetError()
	if wanted == nil {
		return nil
	}
	if r.sent > 0 {
		return failure(wanted, nil)
	}
	info, err := r.info()
	if err != nil {
		return err
	}
	return failure(wanted, info)
}

func (r *replies) info() (*conformancev1.ConformancePayload_RequestInfo, error) {
	seen := r.seen
	r.seen = nil
	switch {
	case r.sent == 0:
		return observe(r.ctx, seen)
	case len(seen) == 0:
		return nil, nil //nolint:nilnil // there is nothing to tell
	}
	requests, err := packed(seen)
	return &conformancev1.ConformancePayload_RequestInfo{Requests: requests}, err
}
