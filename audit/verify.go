package audit

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// A Report is what [Verify] found.
type Report struct {
	// Logs are the logs that were looked at, by name.
	Logs []LogReport `json:"logs"`
	// Findings are what is wrong. There is none where everything is as it was signed.
	Findings []Finding `json:"findings"`
}

// A LogReport is what was found of one log.
type LogReport struct {
	// Name is the name of the log.
	Name string `json:"name"`
	// Events is how many events it has, and Covered how many of them a checkpoint or
	// another log covers. What was added, changed or removed behind those cannot be
	// found.
	Events  int64 `json:"events"`
	Covered int64 `json:"covered"`
	// Checkpoints is how many checkpoints, of the database and kept elsewhere, it was
	// compared with.
	Checkpoints int `json:"checkpoints"`
	// Closed is whether its process ended it.
	Closed bool `json:"closed"`
}

// A Finding is one thing that is wrong with a log.
type Finding struct {
	// Kind is what was done.
	Kind FindingKind `json:"kind"`
	// Log is the name of the log.
	Log string `json:"log"`
	// Text says what is wrong, and where.
	Text string `json:"text"`
}

// A FindingKind is what was done to a log.
type FindingKind string

// The kinds of findings.
const (
	// Changed: an event is not the one that was hashed when it was written.
	Changed FindingKind = "changed"
	// Removed: the number of an event is missing.
	Removed FindingKind = "removed"
	// Inserted: two events have one number, or an event has a number that none can have,
	// or comes after the log was closed.
	Inserted FindingKind = "inserted"
	// Exchanged: two events stand in each other's place.
	Exchanged FindingKind = "exchanged"
	// Rewritten: events and hashes agree, and are not the ones that were signed.
	Rewritten FindingKind = "rewritten"
	// Cut: a checkpoint covers more events than there are.
	Cut FindingKind = "cut"
	// Missing: a log that a checkpoint or another log names is not there.
	Missing FindingKind = "missing"
	// Renamed: the events are those of a log of another name.
	Renamed FindingKind = "renamed"
	// Forged: a checkpoint is not signed by a known key, or is none.
	Forged FindingKind = "forged"
	// Uncovered: a checkpoint that was kept elsewhere is not in the database, or the
	// database has none of this log.
	Uncovered FindingKind = "checkpoint removed"
	// Split: two checkpoints of one log and size are signed and differ: the key signed
	// two histories.
	Split FindingKind = "split"
	// Unreadable: an event is no event of this package.
	Unreadable FindingKind = "unreadable"
)

// A Kept is a file of checkpoints that was kept elsewhere, such as one of
// [CheckpointFile].
type Kept struct {
	// Name is for findings.
	Name string
	// Checkpoints are any number of signed checkpoints, one after the other.
	Checkpoints []byte
}

// Verify looks at every log of the stores, and holds it against the checkpoints of the
// stores, those that were kept elsewhere, and what other logs say of it. A store that
// has checkpoints of a log and none of its events counts as elsewhere. The keys are
// those that may sign.
//
// The error is one of reading; what is wrong with a log is a finding. It reads each log
// once, and holds no more of it in memory than the numbers of what is wrong.
func Verify(ctx context.Context, keys note.Verifiers, stores []*Store, kept ...Kept) (*Report, error) {
	v := &verifier{keys: keys, claims: make(map[string][]claim), stores: make(map[string][]*Store), sealed: make(map[string]map[int64]bool)}
	if err := v.collect(ctx, stores, kept); err != nil {
		return nil, err
	}
	for _, origin := range slices.Sorted(maps.Keys(v.claims)) {
		if len(v.stores[origin]) == 0 {
			largest := slices.MaxFunc(v.claims[origin], func(a, b claim) int { return cmp.Compare(a.Size, b.Size) })
			v.findf(Missing, origin, "no database has this log; %s says that it has %d events", largest.source, largest.Size)
		}
	}
	for _, origin := range slices.Sorted(maps.Keys(v.stores)) {
		for _, store := range v.stores[origin] {
			if err := v.log(ctx, store, origin); err != nil {
				return nil, err
			}
		}
	}
	return &v.report, nil
}

// A claim is what a checkpoint, or another log, says of a log.
type claim struct {
	Checkpoint

	source string
	kept   bool // it was kept elsewhere
}

type verifier struct {
	keys   note.Verifiers
	report Report
	claims map[string][]claim        // by log
	stores map[string][]*Store       // that have events of a log
	sealed map[string]map[int64]bool // sizes of the checkpoints beside the events
}

func (v *verifier) findf(kind FindingKind, log, format string, args ...any) {
	v.report.Findings = append(v.report.Findings, Finding{kind, log, fmt.Sprintf(format, args...)})
}

// collect reads what is said of all logs.
func (v *verifier) collect(ctx context.Context, stores []*Store, kept []Kept) error {
	for i, store := range stores {
		origins, err := store.origins(ctx)
		if err != nil {
			return err
		}
		for _, origin := range origins {
			if err := v.collectLog(ctx, store, fmt.Sprintf("database %d", i+1), origin); err != nil {
				return err
			}
		}
	}
	for _, file := range kept {
		parts := splitCheckpoints(file.Checkpoints)
		if len(parts) == 0 {
			v.findf(Forged, "", "%s has no checkpoint", file.Name)
		}
		for i, signed := range parts {
			v.checkpoint(signed, "", true, fmt.Sprintf("%s, checkpoint %d", file.Name, i+1))
		}
	}
	return nil
}

func (v *verifier) collectLog(ctx context.Context, store *Store, name, origin string) error {
	size, err := store.size(ctx, origin)
	if err != nil {
		return fmt.Errorf("audit: read the database: %w", err)
	}
	events := size > 0
	if events {
		v.stores[origin] = append(v.stores[origin], store)
		if v.sealed[origin] == nil {
			v.sealed[origin] = make(map[int64]bool)
		}
	}
	for signed, err := range store.sealed(ctx, origin) {
		if err != nil {
			return err
		}
		if said, ok := v.checkpoint(signed, origin, !events, "a checkpoint of "+name); ok && events {
			v.sealed[origin][said.Size] = true
		}
	}
	links, err := store.named(ctx, origin)
	if err != nil {
		return err
	}
	for _, link := range links {
		root, err := base64.StdEncoding.DecodeString(link.Root)
		if err == nil && len(root) == tlog.HashSize {
			said := Checkpoint{link.Log, link.Size, tlog.Hash(root)}
			v.claims[link.Log] = append(v.claims[link.Log], claim{said, "the first event of " + origin, false})
		}
	}
	return nil
}

// checkpoint takes in a signed checkpoint. The log is the one that it is stored with,
// if it is.
func (v *verifier) checkpoint(signed []byte, log string, kept bool, source string) (Checkpoint, bool) {
	said, err := openCheckpoint(signed, v.keys)
	if err != nil {
		v.findf(Forged, log, "%s: %v", source, err)
		return Checkpoint{}, false
	}
	if log != "" && said.Origin != log {
		v.findf(Forged, log, "%s is one of the log %s", source, said.Origin)
		return Checkpoint{}, false
	}
	for _, other := range v.claims[said.Origin] {
		if other.Size == said.Size && other.Root != said.Root {
			v.findf(Split, said.Origin, "at %d events %s and %s differ", said.Size, other.source, source)
		}
	}
	v.claims[said.Origin] = append(v.claims[said.Origin], claim{said, source, kept})
	return said, true
}
