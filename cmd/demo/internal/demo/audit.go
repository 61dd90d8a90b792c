package demo

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/audit"
)

// closing is how long the last events may take to be written.
const closing = 10 * time.Second

// An auditing is the audit log of the demo, where -audit asks for it.
type auditing struct {
	db  *sql.DB
	log *audit.Log // nil where there is none
}

// newAudit opens the audit log in a file, with its keys and checkpoints in files beside
// it. A server in production keeps the checkpoints, and the private key, elsewhere.
func newAudit(ctx context.Context, path string, log *slog.Logger) (*auditing, error) {
	if path == "" {
		return &auditing{}, nil
	}
	signer, err := auditSigner(path)
	if err != nil {
		return nil, fmt.Errorf("-audit: %w", err)
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?_txlock=immediate&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, fmt.Errorf("-audit: %w", err)
	}
	opened, err := audit.Open(ctx, audit.SQLite(db), signer, audit.WithLogger(log), audit.WithCheckpointsTo("file", audit.CheckpointFile(path+".checkpoints")))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("-audit %s: %w", path, err), db.Close())
	}
	return &auditing{db, opened}, nil
}

// auditSigner reads the private key beside the log, or makes a pair of keys.
func auditSigner(path string) (note.Signer, error) {
	private, err := os.ReadFile(path + ".key")
	if err == nil {
		return note.NewSigner(strings.TrimSpace(string(private)))
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	made, public, err := note.GenerateKey(rand.Reader, "sallyport-demo")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(path+".pub", []byte(public+"\n"), 0o600); err != nil {
		return nil, err
	}
	if err := os.WriteFile(path+".key", []byte(made+"\n"), 0o600); err != nil {
		return nil, err
	}
	return note.NewSigner(made)
}

// recorder is what keeps the events of the registry. With an audit log, a call runs only
// where its event is in that.
func (a *auditing) recorder(log *slog.Logger) (recorder event.Recorder, required bool) {
	if a.log == nil {
		return event.LogRecorder(log), false
	}
	return event.Tee(a.log.StrictRecorder(), event.LogRecorder(log)), true
}

// close writes what was not written yet.
func (a *auditing) close(log *slog.Logger) {
	if a.log == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), closing)
	defer cancel()
	if err := a.log.Close(ctx); err != nil {
		log.Error("the audit log was not closed", "error", err)
	}
	_ = a.db.Close() // all that is written is committed
}
