// Package action serves RPCs that cannot be called without having been
// authenticated and then authorized, on a request that was validated first.
//
// An action is an RPC with its declaration, the option (sallyport.v1.action) in its
// .proto. The plugin protoc-gen-action-go writes for each service the interface of
// its handlers and the function that registers them. A [Registry] looks at every
// declaration again, refuses what lacks a step or cannot be understood, and builds a
// gate for each action:
//
//	decode → validate → authenticate → authorize → handle
//
// A step that fails ends the call; zero values, errors and panics deny. Every call
// leaves a [event.Decision].
//
// Handlers take a [Call], which nothing but a gate makes, or an [AnonymousCall],
// which has no principal, where the declaration lets everyone in. Streams take the
// like: [ClientStream], [ServerStream], [BidiStream].
//
//	registry, err := action.NewRegistry(authn.Schemes{"session": sessions})
//	err = demov1action.RegisterAccountService(registry, accounts{store})
//	srv, err := server.New(registry, server.WithAddress(":8080"))
//	err = srv.Run(ctx)
//
// The package knows nothing of HTTP. What it serves it hands out as guarded
// methods, see [Registry.Methods], for package server or any connect transport.
package action
