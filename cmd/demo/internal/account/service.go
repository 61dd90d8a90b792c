// Package account is the demo's API: what happens once a gate has let a call
// through. Who may call what stands in proto/demo/v1/account.proto, and nothing
// here asks about it again.
package account

import (
	"context"
	"log/slog"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
	"github.com/sallyport-rpc/sallyport/authn/session"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
)

// Passwords hashes passwords and checks them. A password.Hasher is one, and says
// more.
type Passwords interface {
	// Hash returns a hash of a password.
	Hash(ctx context.Context, password string) (string, error)
	// Verify reports whether a password has the hash.
	Verify(ctx context.Context, hash, password string) (bool, error)
	// VerifyNone does the work of Verify for a user that does not exist.
	VerifyNone(ctx context.Context, password string) error
}

// A Service serves demo.v1.AccountService. Make one with [New]. It is safe for
// concurrent use.
type Service struct {
	users     *directory.Directory
	sessions  *session.Manager
	keys      *apikey.Manager
	passwords Passwords
	log       *slog.Logger
}

var _ demov1action.AccountServiceHandler = (*Service)(nil)

// New returns a Service of the users of a directory, whose sessions it starts and
// ends, and whose keys it issues and revokes. It logs what fails, and sign-ins that it refuses. Everything is required.
func New(users *directory.Directory, sessions *session.Manager, keys *apikey.Manager, passwords Passwords, log *slog.Logger) *Service {
	return &Service{users: users, sessions: sessions, keys: keys, passwords: passwords, log: log}
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
