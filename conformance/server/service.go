package main

import (
	"context"
	"errors"
	"io"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	conformancev1 "github.com/sallyport-rpc/sallyport/conformance/gen/connectrpc/conformance/v1"
)

// service is connectrpc.conformance.v1.ConformanceService, as its .proto asks for
// it: each request says what is to be answered, and gets back what was seen of it.
type service struct{}

// Unary answers with one response, or an error.
func (service) Unary(ctx context.Context, call *action.Call[conformancev1.UnaryRequest]) (*conformancev1.UnaryResponse, error) {
	payload, err := answer(ctx, call.Message().GetResponseDefinition(), call.Message())
	return &conformancev1.UnaryResponse{Payload: payload}, err
}

// IdempotentUnary is Unary for requests that may come by GET.
func (service) IdempotentUnary(
	ctx context.Context, call *action.Call[conformancev1.IdempotentUnaryRequest],
) (*conformancev1.IdempotentUnaryResponse, error) {
	payload, err := answer(ctx, call.Message().GetResponseDefinition(), call.Message())
	return &conformancev1.IdempotentUnaryResponse{Payload: payload}, err
}

// Unimplemented is not implemented.
func (service) Unimplemented(
	context.Context, *action.Call[conformancev1.UnimplementedRequest],
) (*conformancev1.UnimplementedResponse, error) {
	return nil, connect.NewError(connect.CodeUnimplemented, "not implemented, as the suite wants it")
}

// ClientStream answers, once all requests are there, as the first one says.
func (service) ClientStream(
	ctx context.Context, in *action.ClientStream[conformancev1.ClientStreamRequest],
) (*conformancev1.ClientStreamResponse, error) {
	var requests []proto.Message
	var definition *conformancev1.UnaryResponseDefinition
	for {
		request, err := in.Receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(requests) == 0 {
			definition = request.GetResponseDefinition()
		}
		requests = append(requests, request)
	}
	payload, err := answer(ctx, definition, requests...)
	return &conformancev1.ClientStreamResponse{Payload: payload}, err
}

// ServerStream answers with a stream of responses, and an error at the end if one is
// wanted.
func (service) ServerStream(
	ctx context.Context, call *action.Call[conformancev1.ServerStreamRequest], out *action.ServerStream[conformancev1.ServerStreamResponse],
) error {
	replies := newReplies(ctx, call.Message().GetResponseDefinition(), func(payload *conformancev1.ConformancePayload) error {
		return out.Send(&conformancev1.ServerStreamResponse{Payload: payload})
	})
	replies.see(call.Message())
	if replies.left() {
		if err := out.SendHeaders(); err != nil {
			return err
		}
	}
	return replies.finish()
}

// BidiStream answers each request as it comes, where the first one asks for full
// duplex, or all of them when the last one has come.
func (service) BidiStream(
	ctx context.Context, stream *action.BidiStream[conformancev1.BidiStreamRequest, conformancev1.BidiStreamResponse],
) error {
	send := func(payload *conformancev1.ConformancePayload) error {
		return stream.Send(&conformancev1.BidiStreamResponse{Payload: payload})
	}
	replies := newReplies(ctx, nil, send)
	duplex := false
	for first := true; ; first = false {
		request, err := stream.Receive()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if first {
			duplex = request.GetFullDuplex()
			replies = newReplies(ctx, request.GetResponseDefinition(), send)
			if duplex && replies.left() {
				if err := stream.SendHeaders(); err != nil {
					return err
				}
			}
		}
		replies.see(request)
		if !duplex {
			continue
		}
		if !replies.left() {
			return replies.finish()
		}
		if err := replies.next(); err != nil {
			return err
		}
	}
	if !duplex && replies.left() {
		if err := stream.SendHeaders(); err != nil {
			return err
		}
	}
	return replies.finish()
}
