// Package server serves a registry of guarded actions over HTTP: by Connect, gRPC,
// gRPC-Web and Connect GET, on HTTP/1.1 and HTTP/2, on one port.
//
//	ctx, stop := server.SignalContext(context.Background())
//	defer stop()
//	srv, err := server.New(registry, server.WithAddress(":8080"))
//	err = srv.Run(ctx) // until a signal; then what was accepted finishes
//
// It serves what the registry holds, and the pages that the program names with a
// reason ([WithUnguardedHandler]). A path that is not an action's or a page's to the
// letter is not found; it is never redirected. Every call ends at the gate of the
// action that it asks for. What the HTTP layer refuses before that (a content type, a
// compression or a method that it does not know) no handler sees, and the server logs
// it. [WithInterceptors] puts the program's own code around the calls, outside their
// gates.
//
// HTTP/2 is spoken in cleartext to clients that know beforehand, as gRPC clients
// do. With [WithTLS] everything is encrypted, and ALPN chooses the version.
//
// What a client can make the server spend is bounded, and no option lifts a bound:
//
//	a message           4 MiB, compressed or not    WithMaxMessageBytes
//	                    100 messages deep
//	to send one         30 s                        WithReadTimeout
//	to take an answer   30 s                        WithWriteTimeout
//	a header            64 KiB, within 10 s         WithMaxHeaderBytes, WithHeaderTimeout
//	calls at a time     250 on one connection       WithMaxConcurrentStreams
//	an idle connection  2 min                       WithIdleTimeout
//	a silent client     30 s and 15 s for a ping    WithPingInterval
//	a stream            10 min without a message    WithStreamIdleTimeout
//	                    a million messages, 1 GiB   WithMaxStreamMessages, WithMaxStreamBytes
//	a shutdown          30 s                        WithShutdownTimeout
//	                    10 s of it for streams      WithStreamGrace
//
// How long a handler takes is the handler's business: its context ends when its
// caller goes away or its caller's deadline passes. The number of connections is
// the system's, or that of whatever stands in front.
package server
