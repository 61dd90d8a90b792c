// Package account implements demo.v1.AccountService: what happens once a gate has let a
// call through. Who may call what is declared in proto/demo/v1/account.proto, and no code
// here checks it again.
package account

import (
	"context"
	"log/slog"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/authn/session"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/password"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
)

// Passwords hashes and verifies passwords. [password.Hasher] implements it and describes
// the methods in full.
type Passwords interface {
	// Hash returns a hash of a password.
	Hash(ctx context.Context, source password.Source, password string) (string, error)
	// Verify reports whether a password has the hash.
	Verify(ctx context.Context, source password.Source, hash, password string) (bool, error)
	// VerifyNone does the work of Verify for a user that does not exist.
	VerifyNone(ctx context.Context, source password.Source, password string) error
}

// A Config is what a [Service] works with. Every field but UnsafeWithoutSecure is
// required.
type Config struct {
	// Users are the accounts.
	Users *directory.Directory
	// Sessions starts and ends the users' sessions.
	Sessions *session.Manager
	// Keys issues and revokes the users' API keys.
	Keys *apikey.Manager
	// Passwords checks the users' passwords.
	Passwords Passwords
	// Log receives the sign-ins that are refused.
	Log *slog.Logger
	// UnsafeWithoutSecure lets browsers send the device cookie without encryption.
	UnsafeWithoutSecure bool
}

// A Service implements demo.v1.AccountService. Make one with [New]. It is safe for
// concurrent use.
type Service struct {
	users     *directory.Directory
	sessions  *session.Manager
	keys      *apikey.Manager
	passwords Passwords
	log       *slog.Logger
	devices   deviceKey
	insecure  bool
}

var _ demov1action.AccountServiceHandler = (*Service)(nil)

// New returns a Service.
func New(config Config) *Service {
	return &Service{
		users: config.Users, sessions: config.Sessions, keys: config.Keys, passwords: config.Passwords, log: config.Log,
		devices: newDeviceKey(), insecure: config.UnsafeWithoutSecure,
	}
}

// described returns what callers see of a user.
func described(user directory.User) *demov1.User {
	return &demov1.User{
		Id:         user.ID,
		Name:       user.Name,
		Email:      user.Email,
		Roles:      []string{string(user.Role)},
		CreateTime: timestamppb.New(user.CreateTime),
	}
}
