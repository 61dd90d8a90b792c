package audit

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// A Log is the transparency log of one process. Make one with [Open], give
// [Log.Recorder] or [Log.StrictRecorder] to the registry, and [Log.Close] it when the
// server has stopped. It is safe for concurrent use.
type Log struct {
	settings
	store  *Store
	signer note.Signer
	origin string
	queue  *queue
	done   chan struct{} // closed when the writer has ended
	counts counts
}

// Errors of a recorder.
var (
	// ErrFull says that an event was not kept since too many wait to be written.
	ErrFull = errors.New("audit: too many events wait to be written")
	// ErrClosed says that an event was not kept since the log is closed.
	ErrClosed = errors.New("audit: the log is closed")
	// ErrNotWritten says that the database did not take an event.
	ErrNotWritten = errors.New("audit: the database did not take the event")
	// ErrBroken says that the log is not as this process left it: something else writes
	// to it. It takes no event any more.
	ErrBroken = errors.New("audit: something else has written to this log")
)

// Open begins a log in a store and signs its first checkpoint. The log's name is that
// of the signer and a random part, so that each process, and each start of one, has a
// log of its own; its first entry names the logs of the database that have grown since
// another log named them: to cut or delete those unseen, this one must be changed
// too. Make keys with `sallyport audit key`.
//
// The context is for opening alone. The error names everything that is wrong.
func Open(ctx context.Context, store *Store, signer note.Signer, options ...Option) (*Log, error) {
	chosen := defaults()
	err := option.Apply("audit", &chosen, options)
	if store == nil || store.db == nil {
		err = errors.Join(err, errors.New("audit: a store is required"))
	}
	if signer == nil {
		err = errors.Join(err, errors.New("audit: a signer is required: make a key with `sallyport audit key NAME`"))
	}
	if err != nil {
		return nil, err
	}
	if chosen.logger == nil {
		chosen.logger = slog.Default()
	}
	var id [8]byte
	_, _ = rand.Read(id[:]) // it never fails
	log := &Log{
		settings: chosen, store: store, signer: signer,
		origin: signer.Name() + "/" + hex.EncodeToString(id[:]),
		queue:  newQueue(chosen.queue),
		done:   make(chan struct{}),
	}
	if err := store.Create(ctx); err != nil {
		return nil, err
	}
	links, err := store.links(ctx)
	if err != nil {
		return nil, err
	}
	w := &writer{Log: log}
	first := own(kindOpened)
	first.Log, first.Logs = log.origin, links
	if err := w.open(ctx, first); err != nil {
		return nil, fmt.Errorf("audit: begin a log: %w", err)
	}
	go w.run()
	return log, nil
}

// Name returns the name of the log, which its checkpoints have.
func (l *Log) Name() string { return l.origin }

// Recorder returns a recorder that keeps events when it can: a call never waits for the
// database. What does not fit the queue, or stays in it when the process dies, is lost;
// the log says how many events did not fit. Denials that strangers cause are thinned
// and counted, as [event.ThinningRecorder] says.
func (l *Log) Recorder() event.Recorder {
	return event.ThinningRecorder(recorder{log: l})
}

// StrictRecorder returns a recorder for [action.WithRequiredRecorder]: the event that
// lets a call in is durable before its handler runs, and where it cannot be the call
// is answered unavailable. All other events are kept as [Log.Recorder] keeps them: a
// denial is answered also while the database is down.
func (l *Log) StrictRecorder() event.Recorder {
	return event.ThinningRecorder(recorder{log: l, strict: true})
}

type recorder struct {
	log    *Log
	strict bool
}

// Enabled implements [event.Recorder]. All events are kept.
func (recorder) Enabled(context.Context, event.Kind, event.Outcome) bool { return true }

// Record implements [event.Recorder].
func (r recorder) Record(ctx context.Context, happened *event.Event) error {
	one := item{entry: entryOf(happened)}
	waits := r.strict && happened.Kind.Admits(happened.Outcome)
	if waits {
		one.written = make(chan error, 1)
	}
	if err := r.log.queue.add(one); err != nil {
		r.log.counts.dropped.Add(1)
		return err
	}
	if !waits {
		return nil
	}
	late := time.NewTimer(2 * r.log.timeout)
	defer late.Stop()
	select {
	case err := <-one.written:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-late.C:
		return ErrNotWritten
	}
}

// Close ends the log: it writes what waits, an entry that says that the log ends here,
// and a last checkpoint, and hands that on. Events that come later are not kept. It
// returns the context's error where that ends first; what waits is then written
// later, if at all.
func (l *Log) Close(ctx context.Context) error {
	l.queue.close()
	select {
	case <-l.done:
		return l.queue.failure()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// links returns what a new log says of the others: those that have grown since a log
// named them.
func (s *Store) links(ctx context.Context) ([]Link, error) {
	origins, err := s.origins(ctx)
	if err != nil {
		return nil, err
	}
	named := make(map[string]int64)
	for _, origin := range origins {
		others, err := s.named(ctx, origin)
		if err != nil {
			return nil, err
		}
		for _, link := range others {
			named[link.Log] = max(named[link.Log], link.Size)
		}
	}
	var links []Link
	for _, origin := range origins {
		size, err := s.size(ctx, origin)
		if err != nil {
			return nil, fmt.Errorf("audit: read the database: %w", err)
		}
		if size <= named[origin] {
			continue
		}
		tree, err := s.treeOf(ctx, origin, size)
		if err != nil {
			return nil, fmt.Errorf("audit: the log %s of this database: %w", origin, err)
		}
		root := tree.root()
		links = append(links, Link{Log: origin, Size: tree.size, Root: base64.StdEncoding.EncodeToString(root[:])})
	}
	return links, nil
}

// treeOf returns the tree of a log at a size, from its last checkpoint on.
func (s *Store) treeOf(ctx context.Context, origin string, size int64) (frontier, error) {
	tree, err := s.lastSeal(ctx, origin)
	if err != nil {
		return frontier{}, err
	}
	if tree.size > size {
		tree = frontier{}
	}
	for hash, err := range s.hashes(ctx, origin, tree.size, size) {
		if err != nil {
			return frontier{}, err
		}
		tree.add(hash)
	}
	return tree, nil
}

// ValidName reports whether a name can be that of logs: of 1 to 128 printable ASCII
// characters, without spaces and plus signs (https://c2sp.org/signed-note).
func ValidName(name string) bool {
	return name != "" && len(name) <= 128 && !strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '+' || r > '~' })
}
