package audit_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"log/slog"
	"os"

	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/audit"
	"github.com/sallyport-rpc/sallyport/authn"
)

// audited makes a log whose checkpoints are kept on another host. It returns
// a registry that lets no handler run whose event is not durable, and what ends its log.
func audited(ctx context.Context, db *sql.DB, privateKey, checkpoints string, schemes authn.Schemes) (*action.Registry, func(), error) {
	signer, err := note.NewSigner(privateKey)
	if err != nil {
		return nil, nil, err
	}
	trail, err := audit.Open(ctx, audit.SQLite(db), signer,
		audit.WithCheckpointsTo("backup host", audit.CheckpointFile(checkpoints)))
	if err != nil {
		return nil, nil, err
	}
	registry, err := action.NewRegistry(schemes, action.WithRequiredRecorder(trail.StrictRecorder()))
	closeTrail := func() {
		if err := trail.Close(context.WithoutCancel(ctx)); err != nil {
			slog.Error("the audit log was not closed", "error", err)
		}
	}
	return registry, closeTrail, err
}

func Example() {
	ctx := context.Background()
	db, err := sql.Open("sqlite", "file:audit?mode=memory&cache=shared")
	if err != nil {
		panic(err)
	}
	defer func() { _ = db.Close() }()
	privateKey, _, err := note.GenerateKey(rand.Reader, "example.com/audit")
	if err != nil {
		panic(err)
	}
	_, closeTrail, err := audited(ctx, db, privateKey, os.DevNull, nil) // with schemes of yours
	if err != nil {
		panic(err)
	}
	closeTrail()
	for found, err := range audit.SQLite(db).Find(ctx, audit.Query{}) {
		if err != nil {
			panic(err)
		}
		fmt.Println(found.Number, found.Entry.Kind)
	}
	// Output:
	// 0 log opened
	// 1 log closed
}
