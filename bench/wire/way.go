package main

import (
	"context"
	"encoding/binary"
	"net"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
)

// A peer serves the service.
type peer struct {
	name string
	// serve serves until the context ends.
	serve func(context.Context, net.Listener) error
	// grpcOnly says that it speaks nothing else.
	grpcOnly bool
	// needs is a variable of the environment without which it is left out, if any.
	needs string
}

var peers = []peer{
	{name: "sallyport", serve: serveSallyport},
	{name: "sallyport, gRPC's port", serve: serveSallyportGRPC, grpcOnly: true},
	{name: "connect, bare", serve: serveConnectBare},
	{name: "connect, by hand", serve: serveConnectByHand},
	{name: "connect, interceptors", serve: serveConnectIntercepted},
	{name: "grpc-go, interceptors", serve: serveGRPC, grpcOnly: true},
}

// A way is one way of calling.
type way struct {
	name        string
	contentType string
	grpc        bool
	http1       bool
	json        bool
	user        string // the account that is named: the owner's is allowed
	code        int    // what each answer's gRPC or HTTP status must be
	// shared says that the server and h2load have two cores between them, and not one each.
	shared bool
}

var ways = []way{
	{name: "gRPC, HTTP/2", contentType: "application/grpc", grpc: true, user: owner},
	{name: "gRPC, HTTP/2, denied", contentType: "application/grpc", grpc: true, user: other, code: 7},
	{name: "Connect proto, HTTP/1.1", contentType: "application/proto", http1: true, user: owner, code: 200},
	{name: "Connect JSON, HTTP/1.1", contentType: "application/json", http1: true, json: true, user: owner, code: 200},
	{name: "Connect proto, HTTP/2", contentType: "application/proto", user: owner, code: 200},
	{name: "Connect proto, HTTP/1.1, denied", contentType: "application/proto", http1: true, user: other, code: 403},
}

// body is the request as it goes over the wire.
func (w way) body(request *benchv1.WriteNoteRequest) ([]byte, error) {
	if w.json {
		return protojson.Marshal(request)
	}
	message, err := proto.Marshal(request)
	if err != nil || !w.grpc {
		return message, err
	}
	frame := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))) //nolint:gosec // it is short
	return append(frame, message...), nil
}

// request is what the way's calls send.
func (w way) request() *benchv1.WriteNoteRequest {
	request := proto.CloneOf(note)
	request.UserId = w.user
	return request
}
