package demo

import (
	"context"
	"io"
	"log/slog"
	"net"
	"runtime"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/authn/session"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/account"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/password"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/relation"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/access"
	"github.com/sallyport-rpc/sallyport/server/grpcserver"
	"github.com/sallyport-rpc/sallyport/server/reflection"
)

// How many passwords are hashed at once, at 19 MiB each, and how many may wait for their
// turn.
const (
	maxHashing = 4
	maxWaiting = 256
)

// accessDeclaration says who may ask what they may call.
const accessDeclaration = `authenticate: {schemes: ["session", "bearer", "apikey"]} authorize: {anyone: "a caller asks about its own calls" credential_scopes: "users.read"}`

// issuerPatience is how long the start waits for the issuer of tokens.
const issuerPatience = 3 * time.Second

// serve serves the demo until ctx ends. It opens the database last, so that a demo that
// cannot start creates no file.
func serve(ctx context.Context, config config, out io.Writer, log *slog.Logger) error {
	listener, err := listen(ctx, config.address)
	if err != nil {
		return err
	}
	defer listener.Close()
	options, err := networkOptions(listener.Addr(), config)
	if err != nil {
		return err
	}
	tokens, err := newTokens(config.issuer, config.audience)
	if err != nil {
		return err
	}
	defer tokens.close() //nolint:errcheck // no call waits for a token any more
	shared, err := openSessions(ctx, config.sessions)
	if err != nil {
		return err
	}
	defer shared.close()
	shares, closing, err := openShares(ctx, config)
	if err != nil {
		return err
	}
	defer closing()
	private := loopback(listener.Addr())
	passwords := password.New(password.NewQueue(min(runtime.GOMAXPROCS(0), maxHashing), maxWaiting))
	users, err := openUsers(ctx, config, passwords, private)
	if err != nil {
		return err
	}
	defer users.Close()
	if err := mirror(ctx, users, shares); err != nil {
		return err
	}
	bus, err := newBus(shared, users)
	if err != nil {
		return err
	}
	if bus != nil {
		defer bus.Close()
	}
	accounts, err := findAccounts(ctx, users, passwords, private)
	if err != nil {
		return err
	}
	audited, err := newAudit(ctx, config.audit, log)
	if err != nil {
		return err
	}
	defer audited.close(log)
	registry, err := newRegistry(parts{audited: audited, users: users, viewers: viewersOf(users, shares), passwords: passwords, shared: shared, bus: bus, tokens: tokens.scheme, private: private, log: log})
	if err != nil {
		return err
	}
	needed := components(users, shared, shares, tokens)
	options = append(options, server.WithLogger(log), withHealth(needed...))
	watched, err := newTelemetry(ctx, registry, config, needed, audited.log, log)
	if err != nil {
		return err
	}
	defer watched.close()
	options = append(options, watched.options...)
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
		url: url, database: config.database(), flag: config.databaseFlag(), sessions: config.sessions, openfga: config.openfga, issuer: config.issuer, unreachable: reach(ctx, tokens, log), private: private,
		accounts: accounts, actions: registry.Actions(), unguarded: srv.Unguarded(), commands: trial.commands,
	}.print(out)
	return watched.around(ctx, func(ctx context.Context) error { return srv.Serve(ctx, listener) })
}

// networkOptions returns the server's options for hosts and proxies, or an error if they
// cannot be used.
func networkOptions(address net.Addr, config config) ([]server.Option, error) {
	var options []server.Option
	if hosts := hostsOf(address, config.hosts); hosts != nil {
		options = append(options, server.WithHosts(hosts...))
	}
	if config.grpc != "" {
		options = append(options, server.WithGRPC(grpcserver.New(config.grpc)))
	}
	if len(config.proxies) > 0 {
		options = append(options, server.WithTrustedProxies(config.proxies...))
	}
	empty, err := action.NewRegistry(nil)
	if err != nil {
		return nil, err
	}
	_, err = server.New(empty, options...)
	return options, err
}

// reach returns why the issuer of tokens cannot be reached, or nil. It also logs that.
func reach(ctx context.Context, tokens *tokens, log *slog.Logger) error {
	ctx, cancel := context.WithTimeout(ctx, issuerPatience)
	defer cancel()
	err := tokens.load(ctx)
	if err != nil {
		log.LogAttrs(ctx, slog.LevelWarn, "the issuer of tokens was not reached", slog.String("issuer", tokens.issuer), slog.String("error", line(err)))
	}
	return err
}

// components are what the demo needs, for its health.
func components(users *directory.Directory, shared sessionServer, shares Shares, tokens *tokens) []component {
	list := []component{{name: "users", check: users.Ping, problem: "the database cannot be read", required: true}}
	if shared.store != nil {
		list = append(list, component{name: "sessions", check: shared.ping, problem: "their server cannot be reached"})
	}
	if shares != nil {
		list = append(list, component{name: "shares", check: answering(shares), problem: "OpenFGA cannot be asked"})
	}
	if tokens.issuer != "" {
		list = append(list, component{name: "tokens", check: tokens.load, problem: "the keys of their issuer cannot be fetched"})
	}
	return list
}

// parts are what a registry is made of.
type parts struct {
	users     *directory.Directory
	viewers   relation.Engine // which users documents are shared with
	passwords *password.Hasher
	// shared is the server that keeps the sessions, if they are not with the users.
	shared sessionServer
	// bus carries revocations between the demos that share the server. It is nil where
	// nothing is shared.
	bus     *revocation.Bus
	tokens  authn.Authenticator
	audited *auditing
	private bool // only this machine can reach the demo
	log     *slog.Logger
}

// newRegistry returns the registry of everything that the demo serves.
//
// When one process revokes a session, key or role, the others that share its databases
// see it at their next call, because each call looks it up. The bus also notifies the live
// streams of other processes at once; without it they see it at their next recheck.
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
	recording := action.WithRecorder
	recorder, required := parts.audited.recorder(parts.log)
	if required {
		recording = action.WithRequiredRecorder
	}
	registry, err := action.NewRegistry(schemes, recording(recorder), action.WithUnsharedResources(), action.WithRelations(parts.viewers))
	if err != nil {
		return nil, err
	}
	service := account.New(account.Config{
		Users: parts.users, Sessions: sessions, Keys: keys, Passwords: parts.passwords, Log: parts.log, UnsafeWithoutSecure: parts.private,
	})
	if err := demov1action.RegisterAccountService(registry, service); err != nil {
		return nil, err
	}
	if err := demov1action.RegisterOrganisationService(registry, account.NewOrganisations(parts.users, sessions)); err != nil {
		return nil, err
	}
	documents := account.NewDocuments(parts.users)
	if err := demov1action.RegisterDocumentService(registry, documents, documents); err != nil {
		return nil, err
	}
	if err := documents.MapColumns(registry); err != nil {
		return nil, err
	}
	if err := access.Register(registry, accessDeclaration, access.WithUses("demo.v1")); err != nil {
		return nil, err
	}
	return registry, reflection.Register(registry, reflectionDeclaration, reflection.WithoutOptions())
}

// newSessions returns the scheme of sessions.
func newSessions(parts parts) (*session.Manager, error) {
	// Cookies do not distinguish ports, and a developer's machine has more servers.
	options := []session.Option{session.WithCookieName("sallyport-demo"), session.WithGeneration(parts.users.Generation)}
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
