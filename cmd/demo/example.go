package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/password"
)

// examplePassword is that of every example account. Everybody knows it.
const examplePassword = "correct horse battery staple"

// examples are the accounts that an empty directory begins with, where only this
// machine can reach them.
var examples = [...]directory.User{
	{Name: "Ada Admin", Email: "admin@example.com", Role: directory.Admin},
	{Name: "Otto Auditor", Email: "auditor@example.com", Role: directory.Auditor},
	{Name: "Mia Member", Email: "member@example.com", Role: directory.Member},
	{Name: "Olga Other", Email: "other@example.com", Role: directory.Member},
}

// accounts is what a directory begins with.
type accounts struct {
	// populated says that the examples were just made, and empty that there are no
	// accounts at all.
	populated, empty bool
	// open are the examples that anybody can sign in to, by email: those that still
	// have their email, their role and their password.
	open map[string]directory.User
}

// prepare populates an empty directory where only this machine can reach it, and
// refuses one with open doors where others can.
func prepare(ctx context.Context, users *directory.Directory, passwords *password.Hasher, private bool) (accounts, error) {
	var found accounts
	empty, err := users.Empty(ctx)
	if err == nil && empty && private {
		found.populated, err = populate(ctx, users, passwords)
	}
	if err != nil {
		return accounts{}, err
	}
	found.empty = empty && !private
	if found.open, err = findOpen(ctx, users, passwords); err != nil {
		return accounts{}, err
	}
	if private {
		return found, nil
	}
	for _, example := range examples {
		if _, open := found.open[example.Email]; open && example.Role != directory.Member { // which everybody can be
			return accounts{}, fmt.Errorf("the user directory has %s, whose password everybody knows, and others can reach the address: "+
				"listen on 127.0.0.1, or choose another -db", example.Email)
		}
	}
	return found, nil
}

// populate adds the examples, and reports whether the directory was still empty.
func populate(ctx context.Context, users *directory.Directory, passwords *password.Hasher) (bool, error) {
	hash, err := passwords.Hash(ctx, examplePassword)
	if err != nil {
		return false, err
	}
	all := examples
	for i := range all {
		all[i].PasswordHash = hash // one salt is enough for a password that is no secret
	}
	return users.Populate(ctx, all[:]...)
}

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
		right, err := passwords.Verify(ctx, user.PasswordHash, examplePassword)
		if err != nil {
			return nil, err
		}
		if right && user.Role == example.Role {
			found[example.Email] = user
		}
	}
	return found, nil
}
