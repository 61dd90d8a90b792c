package audit_test

import (
	"context"
	"database/sql"
	"log"

	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/audit"
	"github.com/sallyport-rpc/sallyport/authn"
)

// audited returns a registry that lets no handler run whose event is not durable, and
// what ends its log.
func audited(ctx context.Context, db *sql.DB, privateKey string, schemes authn.Schemes) (*action.Registry, func(), error) {
	signer, err := note.NewSigner(privateKey)
	if err != nil {
		return nil, nil, err
	}
	trail, err := audit.Open(ctx, audit.SQLite(db), signer,
		audit.WithCheckpointsTo("backup host", audit.CheckpointFile("/mnt/backup/audit.checkpoints")))
	if err != nil {
		return nil, nil, err
	}
	registry, err := action.NewRegistry(schemes, action.WithRequiredRecorder(trail.StrictRecorder()))
	closeTrail := func() {
		if err := trail.Close(context.WithoutCancel(ctx)); err != nil {
			log.Print(err)
		}
	}
	return registry, closeTrail, err
}

// A program in which nothing may run unseen.
func Example() {
	var ( // your own
		ctx        context.Context
		db         *sql.DB
		privateKey string
		schemes    authn.Schemes
	)
	_ = func() error {
		registry, closeTrail, err := audited(ctx, db, privateKey, schemes)
		if err != nil {
			return err
		}
		defer closeTrail()
		_ = registry // register the services, and serve
		return nil
	}
}
