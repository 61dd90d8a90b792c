package audit

import (
	"cmp"
	"context"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

// most is how many findings of one kind a log leaves one by one.
const mostFindings = 100

// A walk is one log as it is read.
type walk struct {
	*verifier

	origin string
	claims []claim // by size
	tree   frontier
	agreed int64 // the largest size at which a claim agreed
	events int64 // how many events were read
	closed bool

	counts  map[FindingKind]int
	content map[tlog.Hash]int64 // where events stand that were changed, by what they are now
	stored  map[tlog.Hash]int64 // and by what they were
}

// log walks one log of a store.
func (v *verifier) log(ctx context.Context, store *Store, origin string) error {
	w := &walk{
		verifier: v, origin: origin, claims: slices.Clone(v.claims[origin]),
		counts: make(map[FindingKind]int), content: make(map[tlog.Hash]int64), stored: make(map[tlog.Hash]int64),
	}
	slices.SortStableFunc(w.claims, func(a, b claim) int { return cmp.Compare(a.Size, b.Size) })
	checkpoints := len(w.claims)
	if len(v.sealed[origin]) == 0 {
		w.findf(Uncovered, origin, "the database has no checkpoint of it")
	}
	for _, claim := range w.claims {
		if claim.kept && !v.sealed[origin][claim.Size] {
			w.notef(Uncovered, "%s, of %d events, is not in the database", claim.source, claim.Size)
		}
	}
	w.reach()
	next := int64(0)
	for row, err := range store.rows(ctx, origin, minNumber, -1) {
		if err != nil {
			return err
		}
		next = w.row(row, next)
	}
	w.exchanges()
	w.end(next)
	v.report.Logs = append(v.report.Logs, LogReport{origin, w.events, w.agreed, checkpoints, w.closed})
	return nil
}

const minNumber = -1 << 63

// row takes in one event and returns the number that comes next.
func (w *walk) row(found row, next int64) int64 {
	w.events++
	switch {
	case found.number < next:
		w.notef(Inserted, "an event has the number %d, where %d comes next", found.number, next)
		return next
	case found.number == next+1:
		w.notef(Removed, "event %d is missing", next)
	case found.number > next:
		w.notef(Removed, "events %d to %d are missing", next, found.number-1)
	}
	if content := tlog.RecordHash(found.event); content != found.hash {
		w.notef(Changed, "event %d is not the one that was written", found.number)
		if len(w.content) < mostFindings {
			w.content[content], w.stored[found.hash] = found.number, found.number
		}
	}
	w.entry(found)
	w.tree.add(found.hash)
	w.reach()
	return found.number + 1
}

// entry looks at what an event says.
func (w *walk) entry(found row) {
	entry, err := decodeEntry(found.event)
	if err != nil {
		w.notef(Unreadable, "event %d: %v", found.number, err)
		return
	}
	switch {
	case w.closed:
		w.notef(Inserted, "event %d comes after the log was closed", found.number)
	case found.number == 0 && entry.Kind != kindOpened:
		w.notef(Rewritten, "event 0 is of kind %q, where a log begins with %q", entry.Kind, kindOpened)
	case found.number == 0 && entry.Log != w.origin:
		w.notef(Renamed, "its first event says that it is the log %s", entry.Log)
	}
	w.closed = w.closed || entry.Kind == kindClosed
}

// reach compares the tree with what was said of it at this size.
func (w *walk) reach() {
	for len(w.claims) > 0 && w.claims[0].Size == w.tree.size {
		claim := w.claims[0]
		w.claims = w.claims[1:]
		switch {
		case claim.Root == w.tree.root():
			w.agreed = w.tree.size
		case w.counts[Removed]+w.counts[Inserted] == 0: // or it cannot be as it was
			w.notef(Rewritten, "of the first %d events it holds others than %s says; up to event %d they are as signed", claim.Size, claim.source, w.agreed)
		}
	}
}

// exchanges finds events that stand in each other's place.
func (w *walk) exchanges() {
	for content, at := range w.content {
		if was, ok := w.stored[content]; ok && at < was {
			w.notef(Exchanged, "events %d and %d stand in each other's place", at, was)
		}
	}
}

// end looks at what was said of more events than there are.
func (w *walk) end(next int64) {
	for _, claim := range w.claims {
		if claim.Size > next {
			w.notef(Cut, "it has %d events, and %s says %d", next, claim.source, claim.Size)
		}
	}
}

// notef adds a finding, unless there are many of its kind.
func (w *walk) notef(kind FindingKind, format string, args ...any) {
	w.counts[kind]++
	if w.counts[kind] == mostFindings+1 {
		w.findf(kind, w.origin, "and more like these")
	}
	if w.counts[kind] <= mostFindings {
		w.findf(kind, w.origin, format, args...)
	}
}
