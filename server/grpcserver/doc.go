// Package grpcserver serves the actions of a server by gRPC on a port of its own, through
// google.golang.org/grpc:
//
//	srv, err := server.New(registry, server.WithAddress(":8080"), server.WithGRPC(grpcserver.New(":9090")))
//
// Package server serves gRPC on its own port too, beside Connect and gRPC-Web, through
// net/http. This port is for those who call much by gRPC: a call takes about half of the
// CPU here. A program that does not import this package does not compile
// google.golang.org/grpc.
//
// Everything else is the same: the gates, the interceptors, the options of the server
// with their limits, the events, and the shutdown. What a client can see differs in this:
//
//   - A connection that takes no answer within [server.WithWriteTimeout] is closed with
//     all its calls. On net/http the call alone is lost.
//   - What google.golang.org/grpc refuses by itself leaves no event: a request that is no
//     gRPC, one with malformed metadata or a malformed timeout, a path without a service
//     and a method, a compression that the program has not linked.
//   - A response header that gRPC cannot carry, with other than printable ASCII, is left
//     out.
//   - A client that sends pings more often than every five seconds loses its connection.
package grpcserver
