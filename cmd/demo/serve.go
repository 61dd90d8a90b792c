package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn/session"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/account"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/password"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server"
)

// How many passwords are hashed at once, at 19 MiB each, and how many may wait for
// their turn. A wait is a second or two at most.
const (
	hashing = 4
	waiting = 64
)

// serve serves the demo until ctx ends. It listens before it opens the database, so
// that a second demo by mistake leaves nothing behind.
func serve(ctx context.Context, config config, out io.Writer, log *slog.Logger) error {
	listener, err := listen(ctx, config.address)
	if err != nil {
		return err
	}
	defer listener.Close()
	users, err := directory.Open(ctx, config.path)
	if err != nil {
		return err
	}
	defer users.Close()
	passwords := password.New(hashing, waiting)
	private := loopback(listener.Addr())
	accounts, err := prepare(ctx, users, passwords, private)
	if err != nil {
		return err
	}
	registry, err := newRegistry(users, passwords, private, log)
	if err != nil {
		return err
	}
	srv, err := server.New(registry, server.WithLogger(log))
	if err != nil {
		return err
	}
	url := urlOf(listener.Addr())
	trial, err := newTrial(url, accounts)
	if err != nil {
		return err
	}
	defer trial.close()
	welcome{
		url: url, path: config.path, private: private,
		accounts: accounts, actions: registry.Actions(), commands: trial.commands,
	}.print(out)
	return srv.Serve(ctx, listener)
}

// newRegistry returns the registry of everything that the demo serves.
func newRegistry(users *directory.Directory, passwords *password.Hasher, private bool, log *slog.Logger) (*action.Registry, error) {
	// Cookies do not tell ports apart, and there is more on a developer's machine.
	options := []session.Option{session.WithCookieName("sallyport-demo")}
	if private {
		options = append(options, session.UnsafeWithoutSecure())
	}
	sessions, err := session.New(users.Sessions(), users.Lookup, options...)
	if err != nil {
		return nil, err
	}
	registry, err := action.NewRegistry(action.Schemes{"session": sessions, "bearer": absent{}, "apikey": absent{}}, action.WithRecorder(action.LogRecorder(log)))
	if err != nil {
		return nil, err
	}
	return registry, demov1action.RegisterAccountService(registry, account.New(users, sessions, passwords, log))
}
