package main

import (
	"context"
	"net"
)

// A peer serves the service.
type peer struct {
	name string
	// serve serves until the context ends.
	serve func(context.Context, net.Listener) error

	grpcOnly bool // it speaks nothing else
	noGRPC   bool
	twirp    bool // it speaks Twirp, over HTTP/1.1
	streams  bool // it has the streams too
	// unchecked says that it has no checks: what its transport costs.
	unchecked bool
	telemetry bool // measured where calls are allowed
	// needs is a variable of the environment without which it is left out, if any.
	needs string
}

const (
	bare     = "connect v2, bare"
	nameOurs = "sallyport"
	nameGRPC = "sallyport, gRPC port"
)

var peers = []peer{
	{name: nameOurs, serve: serveSallyport, streams: true},
	{name: "sallyport, telemetry", serve: serveSallyportMeasured, telemetry: true},
	{name: "sallyport, connect's mount", serve: serveSallyportMounted, telemetry: true},
	{name: nameGRPC, serve: serveSallyportGRPC, grpcOnly: true, streams: true},
	{name: "sallyport, gRPC port, telemetry", serve: serveSallyportGRPCMeasured, grpcOnly: true, telemetry: true},
	{name: bare, serve: serveConnectBare, streams: true, unchecked: true},
	{name: "connect v2, by hand", serve: serveConnectByHand, streams: true},
	{name: "connect v2, interceptors", serve: serveConnectIntercepted},
	{name: "connect v1, interceptors", serve: serveConnectV1},
	{name: "twirp, by hand", serve: serveTwirp, noGRPC: true, twirp: true},
	{name: "grpc-go, bare", serve: serveGRPCBare, grpcOnly: true, streams: true, unchecked: true},
	{name: "grpc-go, interceptors", serve: serveGRPC, grpcOnly: true, streams: true},
}
