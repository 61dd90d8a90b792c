// Package server serves a registry of guarded actions over HTTP: by Connect, gRPC,
// gRPC-Web and Connect GET, on HTTP/1.1 and HTTP/2, on one port.
//
//	ctx, stop := server.SignalContext(context.Background())
//	defer stop()
//	srv, err := server.New(registry, server.WithAddress(":8080"))
//	err = srv.Run(ctx) // until a signal; then what was accepted finishes
//
// It serves what the registry holds, and the pages that the program names with a
// reason ([WithUnguardedHandler]). A path must be that of an action or a page to the
// letter; all others are not found, and none is redirected. Every call comes to the gate
// of the action that it asks for. A request that HTTP refuses before that, for its
// content type, compression or method, reaches no handler and leaves an event.
// [WithInterceptors] puts the program's own code around the calls, outside their gates.
//
// Without TLS the server speaks HTTP/1.1, and HTTP/2 to clients that begin with it, as
// gRPC clients do. With [WithTLS] everything is encrypted, and ALPN chooses the version.
//
// What a client can make the server spend is limited, and no option lifts a limit:
//
//	a message           4 MiB, compressed or not    WithMaxMessageBytes
//	                    100 messages deep
//	                    100,000 elements            WithMaxMessageElements
//	all that are read   256 MiB, half of what is    WithMaxPendingBytes
//	                    left for one address
//	to send one         30 s                        WithReadTimeout
//	to take an answer   30 s                        WithWriteTimeout
//	a header            64 KiB, within 10 s         WithMaxHeaderBytes, WithHeaderTimeout
//	calls at a time     250 on one connection       WithMaxConcurrentStreams
//	an idle connection  2 min                       WithIdleTimeout
//	a silent client     30 s and 15 s for a ping    WithPingInterval
//	a stream            10 min without a message    WithStreamIdleTimeout
//	                    a million messages, 1 GiB   WithMaxStreamMessages, WithMaxStreamBytes
//	one principal       250 streams, 64 MiB unread  WithMaxPrincipalStreams, WithMaxUnreadBytes
//	a refusal           16 KiB
//	a line of the log   4 KiB; of one address 20,
//	                    then one a second
//	a shutdown          at once, and within 30 s    WithStopDelay, WithShutdownTimeout
//	                    10 s of it for streams      WithStreamGrace
//
// The time that a handler takes has no limit: its context ends when its caller goes away
// or its caller's deadline passes. The number of connections is limited by the operating
// system or a proxy in front.
package server
