package main

import (
	"context"
	"errors"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	conformancev1 "github.com/sallyport-rpc/sallyport/conformance/gen/connectrpc/conformance/v1"
)

// observe returns what is to be seen of a call: its headers, its deadline, its
// requests, and its query if it came by GET.
func observe(ctx context.Context, requests []proto.Message) (*conformancev1.ConformancePayload_RequestInfo, error) {
	call, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return nil, errors.New("the call has no info")
	}
	info := &conformancev1.ConformancePayload_RequestInfo{}
	for name, values := range call.RequestHeader().All() {
		info.RequestHeaders = append(info.RequestHeaders, &conformancev1.Header{Name: name, Value: values})
	}
	if deadline, ok := ctx.Deadline(); ok {
		info.TimeoutMs = new(time.Until(deadline).Milliseconds())
	}
	if exchange, ok := connecthttp.ServerInfoForContext(ctx); ok {
		if query := exchange.HTTPGetQueryParams(); len(query) > 0 {
			info.ConnectGetInfo = &conformancev1.ConformancePayload_ConnectGetInfo{}
			for name, values := range query {
				parameter := &conformancev1.Header{Name: name, Value: values}
				info.ConnectGetInfo.QueryParams = append(info.ConnectGetInfo.QueryParams, parameter)
			}
		}
	}
	var err error
	info.Requests, err = packed(requests)
	return info, err
}

func packed(messages []proto.Message) ([]*anypb.Any, error) {
	wrapped := make([]*anypb.Any, len(messages))
	for i, message := range messages {
		var err error
		if wrapped[i], err = anypb.New(message); err != nil {
			return nil, err
		}
	}
	return wrapped, nil
}

// addMetadata puts the headers and trailers on the response that a definition asks
// for.
func addMetadata(ctx context.Context, definition interface {
	GetResponseHeaders() []*conformancev1.Header
	GetResponseTrailers() []*conformancev1.Header
},
) {
	call, ok := connect.CallInfoForServerContext(ctx)
	if !ok {
		return
	}
	for _, header := range definition.GetResponseHeaders() {
		for _, value := range header.GetValue() {
			call.ResponseHeader().Add(header.GetName(), value)
		}
	}
	for _, trailer := range definition.GetResponseTrailers() {
		for _, value := range trailer.GetValue() {
			call.ResponseTrailer().Add(trailer.GetName(), value)
		}
	}
}

// failure makes the error that is wanted, with what was seen of the call unless that
// is nil.
func failure(wanted *conformancev1.Error, info *conformancev1.ConformancePayload_RequestInfo) error {
	code := connect.Code(wanted.GetCode()) //nolint:gosec // the suite's codes are connect's
	failure := connect.NewError(code, wanted.GetMessage())
	details := make([]proto.Message, 0, len(wanted.GetDetails())+1)
	for _, detail := range wanted.GetDetails() {
		details = append(details, detail)
	}
	if info != nil {
		details = append(details, info)
	}
	for _, message := range details {
		detail, err := connectproto.NewErrorDetail(message)
		if err != nil {
			return err
		}
		failure = failure.WithDetail(detail)
	}
	return failure
}

// wait waits for some milliseconds, and goes on when the call is over meanwhile. An
// answer at the very moment of the deadline would reach the suite's client while that
// gives up: sometimes it has read half of it by then, and calls it malformed.
func wait(milliseconds uint32) { time.Sleep(time.Duration(milliseconds) * time.Millisecond) }
