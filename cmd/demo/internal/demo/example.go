package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/password"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// examplePassword is the password of every example account. It is public.
const examplePassword = "correct horse battery staple"

// examples are the accounts that a new directory begins with, where only this machine
// can reach them.
var examples = [...]directory.User{
	{Name: "Ada Admin", Email: "admin@example.com", Role: directory.Admin},
	{Name: "Otto Auditor", Email: "auditor@example.com", Role: directory.Auditor},
	{Name: "Mia Member", Email: "member@example.com", Role: directory.Member},
	{Name: "Olga Other", Email: "other@example.com", Role: directory.Member},
}

// exampleMembers say who of the examples is what in the two example organisations.
var exampleMembers = [...]struct {
	email, orgID string
	role         demov1.OrgRole
}{
	{"member@example.com", "acme", demov1.OrgRole_ORG_ROLE_MANAGER},
	{"auditor@example.com", "acme", demov1.OrgRole_ORG_ROLE_MEMBER},
	{"other@example.com", "globex", demov1.OrgRole_ORG_ROLE_MANAGER},
}

// accounts is what a directory holds when the demo starts.
type accounts struct {
	// created says that the examples were just created.
	created bool
	// empty says that there are no accounts at all.
	empty bool
	// open are the examples that still have their email, role and public password, by
	// email.
	open map[string]directory.User
}

// openUsers opens the directory. A new one begins with the examples, where only this
// machine can reach them.
func openUsers(ctx context.Context, from config, passwords *password.Hasher, private bool) (*directory.Directory, error) {
	config := directory.Config{}
	if private {
		config.Seed = func(ctx context.Context) ([]directory.User, error) { return exampleUsers(ctx, passwords) }
	}
	users, err := openDirectory(ctx, from, config)
	if err != nil || !private || !users.Created() {
		return users, err
	}
	if err := addExamples(ctx, users); err != nil {
		return nil, errors.Join(err, users.Close())
	}
	return users, nil
}

// openDirectory opens the directory in its file, or in PostgreSQL.
func openDirectory(ctx context.Context, from config, config directory.Config) (*directory.Directory, error) {
	if from.postgres != nil {
		return directory.OpenPostgres(ctx, from.postgres, config)
	}
	return directory.Open(ctx, from.path, config)
}

// exampleUsers returns the examples with their password.
func exampleUsers(ctx context.Context, passwords *password.Hasher) ([]directory.User, error) {
	hash, err := passwords.Hash(ctx, password.Source{}, examplePassword)
	if err != nil {
		return nil, err
	}
	users := examples
	for i := range users {
		users[i].PasswordHash = hash // one salt is enough for a public password
	}
	return users[:], nil
}

// findAccounts looks at the accounts of a directory. It refuses one that has an admin or
// auditor with the public password where others can reach it.
func findAccounts(ctx context.Context, users *directory.Directory, passwords *password.Hasher, private bool) (accounts, error) {
	empty, err := users.Empty(ctx)
	if err != nil {
		return accounts{}, err
	}
	found := accounts{created: users.Created() && !empty, empty: empty}
	if found.open, err = findOpen(ctx, users, passwords); err != nil {
		return accounts{}, err
	}
	if private {
		return found, nil
	}
	for _, example := range examples {
		// An open member is no risk, since everyone may sign up as one.
		if _, open := found.open[example.Email]; open && example.Role != directory.Member {
			return accounts{}, fmt.Errorf("the user directory has %s, whose password is public, and others can reach the address: "+
				"listen on 127.0.0.1, or choose another database", example.Email)
		}
	}
	return found, nil
}

// findOpen returns the examples that still have the public password, by email.
func findOpen(ctx context.Context, users *directory.Directory, passwords *password.Hasher) (map[string]directory.User, error) {
	found := map[string]directory.User{}
	for _, example := range examples {
		user, err := users.ByEmail(ctx, example.Email)
		if errors.Is(err, directory.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if user.PasswordHash == "" {
			continue
		}
		right, err := passwords.Verify(ctx, password.Source{Account: user.Email}, user.PasswordHash, examplePassword)
		if err != nil {
			return nil, err
		}
		if right && user.Role == example.Role {
			found[example.Email] = user
		}
	}
	return found, nil
}
