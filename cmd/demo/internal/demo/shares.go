package demo

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/relation"
)

// Shares keeps which users documents are shared with, and answers that, in place of the database.
type Shares interface {
	relation.Lister
	directory.Mirror
}

// An Opener opens the OpenFGA that -openfga names. Its error says in one line what is wrong,
// and how to fix it. The demo calls closing once no call asks any more.
type Opener func(ctx context.Context, name string) (shares Shares, closing func(), err error)

// parseOpenFGA refuses -openfga beside what it does not go with.
func parseOpenFGA(config config, postgres bool) error {
	switch {
	case config.openfga == "":
		return nil
	case config.backup != "":
		return errors.New("-openfga and -backup do not go together: the database has all that is backed up")
	case config.openfga == "memory" && postgres:
		return errors.New("-openfga memory and -postgres do not go together: what another demo shares would not be in this one's memory: name a server")
	}
	return nil
}

// openShares opens what -openfga names, or nil where it is not given.
func openShares(ctx context.Context, config config) (Shares, func(), error) {
	if config.openfga == "" {
		return nil, func() {}, nil
	}
	shares, closing, err := config.opener(ctx, config.openfga)
	if err != nil {
		return nil, nil, fmt.Errorf("-openfga: %w", err)
	}
	return shares, closing, nil
}

// viewersOf is the relation engine: the shares where there are some, and otherwise one over the
// directory's own tables.
func viewersOf(users *directory.Directory, shares Shares) relation.Engine {
	if shares == nil {
		return users.Viewers()
	}
	return shares
}

// mirror makes the shares, if there are some, say what the directory does, now and from then on.
func mirror(ctx context.Context, users *directory.Directory, shares Shares) error {
	if shares == nil {
		return nil
	}
	return users.SetMirror(ctx, shares)
}

// answering returns an error where the shares do not answer now.
func answering(shares Shares) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := shares.Check(ctx, relation.Query{User: "health", Relation: "viewer", Object: "document", ID: "health"})
		return err
	}
}
