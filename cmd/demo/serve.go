package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/authn/revocation"
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

// serve serves the demo until ctx ends. It opens the database last, so that a second
// demo by mistake leaves nothing behind.
func serve(ctx context.Context, config config, out io.Writer, log *slog.Logger) error {
	listener, err := listen(ctx, config.address)
	if err != nil {
		return err
	}
	defer listener.Close()
	tokens, closeTokens, err := newTokens(config.issuer, config.audience)
	if err != nil {
		return err
	}
	defer closeTokens() //nolint:errcheck // nobody waits for a token any more
	shared, err := openSessions(ctx, config.sessions)
	if err != nil {
		return err
	}
	defer shared.close()
	bus, err := shared.bus()
	if err != nil {
		return err
	}
	if bus != nil {
		defer bus.Close()
	}
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
	registry, err := newRegistry(parts{users: users, passwords: passwords, shared: shared, bus: bus, tokens: tokens, private: private, log: log})
	if err != nil {
		return err
	}
	options := []server.Option{server.WithLogger(log)}
	if private {
		// A page that makes its own host name point here (DNS rebinding) is not answered.
		options = append(options, server.WithHosts("localhost", "127.0.0.1", "::1", hostOf(listener.Addr())))
	}
	srv, err := server.New(registry, options...)
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
		url: url, path: config.path, sessions: config.sessions, issuer: config.issuer, private: private,
		accounts: accounts, actions: registry.Actions(), commands: trial.commands,
	}.print(out)
	return srv.Serve(ctx, listener)
}

// parts are what a registry is made of.
type parts struct {
	users     *directory.Directory
	passwords *password.Hasher
	// shared is where sessions are, if not with the users.
	shared sessionServer
	// bus tells the demos that share it of each other's revocations. Nil where there is
	// nothing to share.
	bus     *revocation.Bus
	tokens  authn.Authenticator
	private bool // only this machine can reach the demo
	log     *slog.Logger
}

// newRegistry returns the registry of everything that the demo serves.
//
// What one process takes back, whether a session, a key or a role, all those that
// share its databases see at their next call, because each call looks them up. The
// bus tells the live streams of other processes at once; without one they see it when
// they are looked at again.
func newRegistry(parts parts) (*action.Registry, error) {
	sessions, err := newSessions(parts)
	if err != nil {
		return nil, err
	}
	var options []apikey.Option
	if parts.bus != nil {
		options = append(options, apikey.WithBus(parts.bus))
	}
	keys, err := apikey.New(parts.users.Keys(), parts.users.LookupKey, options...)
	if err != nil {
		return nil, err
	}
	schemes := authn.Schemes{"session": sessions, "bearer": parts.tokens, "apikey": keys}
	registry, err := action.NewRegistry(schemes, action.WithRecorder(action.LogRecorder(parts.log)))
	if err != nil {
		return nil, err
	}
	service := account.New(parts.users, sessions, keys, parts.passwords, parts.log)
	return registry, demov1action.RegisterAccountService(registry, service)
}

func newSessions(parts parts) (*session.Manager, error) {
	// Cookies do not tell ports apart, and there is more on a developer's machine.
	options := []session.Option{session.WithCookieName("sallyport-demo"), session.WithLogger(parts.log)}
	if parts.private {
		options = append(options, session.UnsafeWithoutSecure())
	}
	if parts.bus != nil {
		options = append(options, session.WithBus(parts.bus))
	}
	store := parts.shared.store
	if store == nil {
		store = parts.users.Sessions()
	}
	return session.New(store, parts.users.Lookup, options...)
}
