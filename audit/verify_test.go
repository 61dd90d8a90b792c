package audit

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// An owner of the database can take away what makes it append only.
var unlock = []string{
	"DROP TRIGGER audit_events_insert", "DROP TRIGGER audit_events_update", "DROP TRIGGER audit_events_delete",
	"DROP TRIGGER audit_checkpoints_insert", "DROP TRIGGER audit_checkpoints_update", "DROP TRIGGER audit_checkpoints_delete",
}

// rehash makes the hashes of all events agree with what they say now.
func (f *fixture) rehash(t *testing.T, log string) {
	t.Helper()
	rows := make(map[int64]string)
	for row, err := range f.store.rows(t.Context(), log, 0, -1) {
		if err != nil {
			t.Fatal(err)
		}
		hash := tlog.RecordHash(row.event)
		rows[row.number] = hex.EncodeToString(hash[:])
	}
	for number, hash := range rows {
		f.exec(t, fmt.Sprintf("UPDATE audit_events SET hash = x'%s' WHERE log = '%s' AND number = %d", hash, log, number))
	}
}

// Each kind of tampering is found and named, and what is not tampered with is not.
func TestTampering(t *testing.T) {
	t.Parallel()
	const change = `UPDATE audit_events SET event = replace(event, 'user-5"', 'user-6"') WHERE number = 6`
	for name, test := range map[string]struct {
		do   func(t *testing.T, f *fixture, log string)
		want FindingKind
		text string
	}{
		"an event is changed": {
			func(t *testing.T, f *fixture, _ string) { f.exec(t, change) },
			Changed, "event 6 is not the one that was written",
		},
		"an event is changed, and its hash": {
			func(t *testing.T, f *fixture, log string) { f.exec(t, change); f.rehash(t, log) },
			Rewritten, "of the first 11 events it holds others than a checkpoint of database 1 says; up to event 1 they are as signed",
		},
		"an event is removed": {
			func(t *testing.T, f *fixture, _ string) { f.exec(t, "DELETE FROM audit_events WHERE number = 6") },
			Removed, "event 6 is missing",
		},
		"events are removed, and the others renumbered": {
			func(t *testing.T, f *fixture, _ string) {
				f.exec(t, "DELETE FROM audit_events WHERE number IN (6, 7)", "UPDATE audit_events SET number = -number WHERE number > 7", "UPDATE audit_events SET number = -number - 2 WHERE number < 0")
			},
			Rewritten, "of the first 11 events",
		},
		"two events are exchanged": {
			func(t *testing.T, f *fixture, _ string) {
				f.exec(t, "CREATE TEMP TABLE five AS SELECT event FROM audit_events WHERE number = 5",
					"UPDATE audit_events SET event = (SELECT event FROM audit_events WHERE number = 6) WHERE number = 5",
					"UPDATE audit_events SET event = (SELECT event FROM five) WHERE number = 6")
			},
			Exchanged, "events 5 and 6 stand in each other's place",
		},
		"two rows are exchanged": {
			func(t *testing.T, f *fixture, _ string) {
				f.exec(t, "UPDATE audit_events SET number = -1 WHERE number = 5", "UPDATE audit_events SET number = 5 WHERE number = 6", "UPDATE audit_events SET number = 6 WHERE number = -1")
			},
			Rewritten, "of the first 11 events",
		},
		"an event is added at the end": {
			func(t *testing.T, f *fixture, log string) {
				f.exec(t, "INSERT INTO audit_events SELECT log, 32, hash, event FROM audit_events WHERE number = 6")
			},
			Inserted, "event 32 comes after the log was closed",
		},
		"an event is added before the first": {
			func(t *testing.T, f *fixture, log string) {
				f.exec(t, "INSERT INTO audit_events SELECT log, -1, hash, event FROM audit_events WHERE number = 6")
			},
			Inserted, "an event has the number -1, where 0 comes next",
		},
		"the tail is cut, and its checkpoints": {
			func(t *testing.T, f *fixture, _ string) {
				f.exec(t, "DELETE FROM audit_events WHERE number > 24", "DELETE FROM audit_checkpoints WHERE size > 25")
			},
			Cut, "it has 25 events, and kept, checkpoint",
		},
		"all is cut but the first event": {
			func(t *testing.T, f *fixture, _ string) {
				f.exec(t, "DELETE FROM audit_events WHERE number > 0", "DELETE FROM audit_checkpoints")
			},
			Cut, "it has 1 events",
		},
		"all is written anew from the first record, signed with the key": {
			func(t *testing.T, f *fixture, log string) {
				f.exec(t, "UPDATE audit_events SET event = replace(event, 'user-', 'user_') WHERE number > 0", "DELETE FROM audit_checkpoints")
				f.rehash(t, log)
				tree, err := f.store.treeOf(t.Context(), log, 32)
				if err != nil {
					t.Fatal(err)
				}
				signed, err := Checkpoint{log, tree.size, tree.root()}.sign(f.signer)
				if err != nil {
					t.Fatal(err)
				}
				if err := f.store.seal(t.Context(), log, tree, signed); err != nil {
					t.Fatal(err)
				}
			},
			Split, "at 32 events a checkpoint of database 1 and kept, checkpoint",
		},
		"another database is put in its place": {
			func(t *testing.T, f *fixture, _ string) {
				other := newFixture(t)
				other.signer = f.signer
				log := other.open(t)
				write(t, log, 0, 30)
				closeLog(t, log)
				f.db, f.store = other.db, other.store
			},
			Missing, "no database has this log; kept, checkpoint",
		},
		"the log is given another name": {
			func(t *testing.T, f *fixture, log string) {
				f.exec(t, "UPDATE audit_events SET log = 'other/1'", "DELETE FROM audit_checkpoints")
			},
			Renamed, "its first event says that it is the log example.com/audit/",
		},
		"a checkpoint is changed": {
			func(t *testing.T, f *fixture, _ string) {
				f.exec(t, "UPDATE audit_checkpoints SET signed = replace(signed, char(10) || '11' || char(10), char(10) || '12' || char(10)) WHERE size = 11")
			},
			Forged, "a checkpoint of database 1: ",
		},
		"a checkpoint is removed": {
			func(t *testing.T, f *fixture, _ string) { f.exec(t, "DELETE FROM audit_checkpoints WHERE size = 11") },
			Uncovered, "of 11 events, is not in the database",
		},
		"an event is made unreadable": {
			func(t *testing.T, f *fixture, log string) {
				f.exec(t, "UPDATE audit_events SET event = '{' WHERE number = 6")
			},
			Unreadable, "event 6: ",
		},
		"a hash is cut": {
			func(t *testing.T, f *fixture, log string) {
				f.exec(t, "UPDATE audit_events SET hash = x'00' WHERE number = 6")
			},
			Changed, "event 6 is not the one that was written",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			log := f.open(t)
			write(t, log, 0, 30)
			closeLog(t, log)
			if before := f.verify(t); len(before.Findings) > 0 {
				t.Fatalf("before: %+v", before.Findings)
			}
			f.exec(t, unlock...)
			test.do(t, f, log.Name())
			report := f.verify(t)
			for _, finding := range report.Findings {
				if finding.Kind == test.want && strings.Contains(finding.Text, test.text) {
					return
				}
			}
			t.Errorf("want %s: %s\nfound %+v", test.want, test.text, report.Findings)
		})
	}
}

// A log that was cut or deleted is found by what a later one says of it, also where no
// checkpoint was kept elsewhere.
func TestLaterLogsTell(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		statement string
		want      FindingKind
	}{
		"untouched": {"SELECT 1", ""},
		"cut":       {"DELETE FROM audit_events WHERE number > 5 AND log = '%s'", Cut},
		"deleted":   {"DELETE FROM audit_events WHERE log = '%s'", Missing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			log := f.open(t)
			write(t, log, 0, 8)
			later := f.open(t)
			closeLog(t, later)
			f.exec(t, unlock...)
			f.exec(t, strings.ReplaceAll(test.statement, "%s", log.Name()), "DELETE FROM audit_checkpoints WHERE log = '"+log.Name()+"' AND size > 1")
			if name == "deleted" {
				f.exec(t, "DELETE FROM audit_checkpoints WHERE log = '"+log.Name()+"'")
			}
			report, err := Verify(t.Context(), f.keys, []*Store{f.store})
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for _, finding := range report.Findings {
				found = found || finding.Kind == test.want && strings.Contains(finding.Text, later.Name())
			}
			if test.want == "" && len(report.Findings) > 0 || test.want != "" && !found {
				t.Errorf("want %q, found %+v", test.want, report.Findings)
			}
		})
	}
}

// Checkpoints are kept in a file and in another database, and a slow place delays
// no event.
func TestPlaces(t *testing.T) {
	t.Parallel()
	f, elsewhere := newFixture(t), newFixture(t)
	if err := elsewhere.store.Create(t.Context()); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "checkpoints")
	slow := make(chan struct{})
	log := f.open(t,
		WithCheckpointsTo("file", CheckpointFile(path)),
		WithCheckpointsTo("database", elsewhere.store.KeepCheckpoint),
		WithCheckpointsTo("slow", func(context.Context, []byte) error { <-slow; return nil }),
		WithCheckpointsTo("panics", func(context.Context, []byte) error { panic("no") }),
	)
	write(t, log, 0, 30)
	close(slow)
	closeLog(t, log)
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	f.exec(t, unlock...)
	f.exec(t, "DELETE FROM audit_events WHERE number > 20", "DELETE FROM audit_checkpoints WHERE size > 21")
	for name, with := range map[string]func() (*Report, error){
		"file":     func() (*Report, error) { return Verify(t.Context(), f.keys, []*Store{f.store}, Kept{"file", file}) },
		"database": func() (*Report, error) { return Verify(t.Context(), f.keys, []*Store{f.store, elsewhere.store}) },
	} {
		report, err := with()
		if err != nil {
			t.Fatal(err)
		}
		cut := false
		for _, finding := range report.Findings {
			cut = cut || finding.Kind == Cut
		}
		if !cut {
			t.Errorf("with the checkpoints of the %s: %+v", name, report.Findings)
		}
	}
	// Without them, what is left is a log like any other.
	if report, err := Verify(t.Context(), f.keys, []*Store{f.store}); err != nil || len(report.Findings) > 0 {
		t.Errorf("alone: %+v, %v", report, err)
	}
}

// The time of a checkpoint comes also where few events do.
func TestCheckpointsByTime(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t, WithCheckpointEvery(1000, 20*time.Millisecond))
	write(t, log, 0, 1)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if report := f.verify(t); report.Logs[0].Covered == 2 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no checkpoint came")
		}
	}
	closeLog(t, log)
}

func TestProofs(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t)
	write(t, log, 0, 30)
	closeLog(t, log)
	for number := range int64(32) {
		event, proof, err := f.store.Prove(t.Context(), log.Name(), number, f.keys)
		if err != nil {
			t.Fatal(err)
		}
		said, at, err := CheckProof(event, proof, f.keys)
		if err != nil || at != number || said.Origin != log.Name() || said.Size != 32 {
			t.Errorf("event %d: %v at %d, %v", number, said, at, err)
		}
		if _, _, err := CheckProof(append(event, ' '), proof, f.keys); err == nil {
			t.Errorf("event %d: another event is proved too", number)
		}
		if number > 0 {
			moved := strings.Replace(string(proof), fmt.Sprintf("index %d\n", number), fmt.Sprintf("index %d\n", number-1), 1)
			if _, _, err := CheckProof(event, []byte(moved), f.keys); err == nil {
				t.Errorf("event %d is proved at another place", number)
			}
		}
	}
	for _, number := range []int64{-1, 32} {
		if _, _, err := f.store.Prove(t.Context(), log.Name(), number, f.keys); err == nil || !strings.Contains(err.Error(), "covers 0 to 31") {
			t.Errorf("event %d: %v", number, err)
		}
	}
	if _, _, err := f.store.Prove(t.Context(), "other", 0, f.keys); err == nil {
		t.Error("an event of no log is proved")
	}
	f.exec(t, unlock...)
	f.exec(t, "UPDATE audit_events SET event = '{}' WHERE number = 6")
	if _, _, err := f.store.Prove(t.Context(), log.Name(), 6, f.keys); err == nil {
		t.Error("a changed event is proved")
	}
}
