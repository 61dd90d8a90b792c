package audit

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/action/event"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

func TestLog(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t)
	recorder := log.Recorder()
	if !recorder.Enabled(t.Context(), event.Ended, event.Allow) {
		t.Error("an end is not kept")
	}
	for _, happened := range []*event.Event{allow("ada"), deny("bob")} {
		if err := recorder.Record(t.Context(), happened); err != nil {
			t.Fatal(err)
		}
	}
	write(t, log, 0, 20)
	closeLog(t, log)

	all := f.entries(t, Query{})
	if len(all) != 24 || all[0].Entry.Kind != "log opened" || all[0].Entry.Log != log.Name() || all[23].Entry.Kind != "log closed" {
		t.Fatalf("%d entries, from %+v to %+v", len(all), all[0], all[len(all)-1])
	}
	denied := f.entries(t, Query{Principal: "bob"})
	if len(denied) != 1 || denied[0].Number != 2 {
		t.Fatalf("of bob: %+v", denied)
	}
	if got := denied[0].Entry; got.Kind != "decided" || got.Outcome != "deny" || got.Stage != "authorize" || got.Code != "permission_denied" ||
		got.Reason != "no grant lets bob in" || got.Scheme != "session" || got.Procedure != "/demo.v1.AccountService/GetUser" || got.Time.IsZero() {
		t.Errorf("the denial is kept as %+v", got)
	}
	report := f.verify(t)
	if len(report.Findings) > 0 || len(report.Logs) != 1 {
		t.Fatalf("report %+v", report)
	}
	if got := report.Logs[0]; got.Name != log.Name() || got.Events != 24 || got.Covered != 24 || !got.Closed || got.Checkpoints < 6 {
		t.Errorf("log %+v", got)
	}
	if err := recorder.Record(t.Context(), allow("late")); !errors.Is(err, ErrClosed) {
		t.Errorf("after it was closed: %v", err)
	}
}

// A log says of the others of its database how far they were, those alone that have
// grown since a log said so.
func TestLogsNameEachOther(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	one := f.open(t)
	write(t, one, 0, 3)
	two := f.open(t)
	closeLog(t, two)
	three := f.open(t)
	closeLog(t, three)
	write(t, one, 3, 5)
	four := f.open(t)
	links := func(log *Log) []string {
		var names []string
		for _, link := range f.entries(t, Query{Log: log.Name(), Kind: "log opened"})[0].Entry.Logs {
			names = append(names, link.Log)
		}
		slices.Sort(names)
		return names
	}
	sorted := func(names ...string) []string { slices.Sort(names); return names }
	for i, test := range []struct{ got, want []string }{
		{links(one), nil},
		{links(two), sorted(one.Name())},
		{links(three), sorted(two.Name())},
		{links(four), sorted(one.Name(), three.Name())},
	} {
		if !slices.Equal(test.got, test.want) {
			t.Errorf("log %d names %v, want %v", i+1, test.got, test.want)
		}
	}
	if report := f.verify(t); len(report.Findings) > 0 || len(report.Logs) != 4 {
		t.Errorf("report %+v", report)
	}
}

// failing is a database that refuses to be written to while it is down.
func (f *fixture) down(t *testing.T) (up func()) {
	t.Helper()
	f.exec(t, "CREATE TRIGGER down BEFORE INSERT ON audit_events BEGIN SELECT RAISE(ABORT, 'it is down'); END")
	return func() { f.exec(t, "DROP TRIGGER down") }
}

// While the database takes nothing, a strict recorder lets no call in, denials are
// answered, and what was not lost is written once it is back.
func TestDatabaseDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t, WithQueue(4))
	up := f.down(t)
	strict := log.StrictRecorder()
	if err := strict.Record(t.Context(), allow("ada")); !errors.Is(err, ErrNotWritten) {
		t.Errorf("an allow: %v", err)
	}
	ended := allow("ada")
	ended.Kind = event.Ended
	for _, happened := range []*event.Event{deny("bob"), ended, allow("cy")} {
		recorder := strict
		if happened.PrincipalID == "cy" {
			recorder = log.Recorder()
		}
		if err := recorder.Record(t.Context(), happened); err != nil {
			t.Errorf("an event that nothing waits for: %v", err)
		}
	}
	var full int
	for range 10 {
		if errors.Is(log.Recorder().Record(t.Context(), allow("dee")), ErrFull) {
			full++
		}
	}
	up()
	for strict.Record(t.Context(), allow("eve")) != nil {
		time.Sleep(10 * time.Millisecond)
	}
	closeLog(t, log)
	if got := f.entries(t, Query{Principal: "ada", Kind: "decided"}); len(got) != 0 {
		t.Errorf("the allow that was refused is kept: %+v", got)
	}
	for _, principal := range []string{"bob", "cy", "eve"} {
		if got := f.entries(t, Query{Principal: principal}); len(got) == 0 {
			t.Errorf("nothing of %s is kept", principal)
		}
	}
	lost := 0
	for _, found := range f.entries(t, Query{Kind: "lost"}) {
		lost += found.Entry.Lost
	}
	if full == 0 || lost < full {
		t.Errorf("%d events did not fit, and the log says %d", full, lost)
	}
	if report := f.verify(t); len(report.Findings) > 0 {
		t.Errorf("findings %+v", report.Findings)
	}
}

// Close gives up where the database takes nothing any more, and says so.
func TestCloseWhileDown(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t)
	f.down(t)
	if err := log.Recorder().Record(t.Context(), allow("ada")); err != nil {
		t.Fatal(err)
	}
	if err := log.Close(t.Context()); err == nil {
		t.Error("it closed")
	}
}

// What another process adds to a log ends it: two histories of one name are never
// written.
func TestAnotherWriter(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t)
	write(t, log, 0, 1)
	f.exec(t, "INSERT INTO audit_events VALUES ('"+log.Name()+"', 2, zeroblob(32), '{}')")
	if err := log.StrictRecorder().Record(t.Context(), allow("ada")); !errors.Is(err, ErrBroken) {
		t.Errorf("strict: %v", err)
	}
	<-log.done
	if err := log.Recorder().Record(t.Context(), allow("bob")); !errors.Is(err, ErrBroken) {
		t.Errorf("afterwards: %v", err)
	}
}

// A write whose answer was lost is not written twice.
func TestCommittedAndNotAnswered(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t)
	closeLog(t, log)
	w := &writer{Log: log}
	tree, err := f.store.treeOf(t.Context(), log.Name(), 2)
	if err != nil {
		t.Fatal(err)
	}
	w.tree = tree
	rows, _, err := w.rows([]Entry{entryOf(allow("ada")), entryOf(allow("bob"))})
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("connection reset")
	if err := w.settle(rows, gone); !errors.Is(err, gone) {
		t.Errorf("not committed: %v", err)
	}
	if err := f.store.append(t.Context(), log.Name(), rows[:1], nil); err != nil {
		t.Fatal(err)
	}
	if err := w.settle(rows, gone); !errors.Is(err, ErrBroken) {
		t.Errorf("half of it there: %v", err)
	}
	if err := f.store.append(t.Context(), log.Name(), rows[1:], nil); err != nil {
		t.Fatal(err)
	}
	if err := w.settle(rows, gone); err != nil {
		t.Errorf("committed: %v", err)
	}
	if err := w.settle(rows[:1], gone); !errors.Is(err, ErrBroken) {
		t.Errorf("more there than was written: %v", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for name, test := range map[string]struct {
		store   *Store
		options []Option
		want    string
	}{
		"no store":        {nil, nil, "a store is required"},
		"no database":     {SQLite(nil), nil, "a store is required"},
		"no place":        {f.store, []Option{WithCheckpointsTo("x", nil)}, "WithCheckpointsTo was given nil"},
		"a queue of none": {f.store, []Option{WithQueue(0)}, "WithQueue needs at least 1"},
		"no time":         {f.store, []Option{WithTimeout(0)}, "WithTimeout needs at least 10 ms"},
		"no checkpoints":  {f.store, []Option{WithCheckpointEvery(0, time.Second)}, "at least 1 event"},
		"a nil option":    {f.store, []Option{nil}, "option 1 is nil"},
	} {
		if _, err := Open(t.Context(), test.store, f.signer, test.options...); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Open(t.Context(), f.store, nil); err == nil || !strings.Contains(err.Error(), "sallyport audit key") {
		t.Errorf("no signer: %v", err)
	}
	closed := openSQLite(t, f.path)
	_ = closed.Close()
	if _, err := Open(t.Context(), SQLite(closed), f.signer); err == nil {
		t.Error("a closed database opened")
	}
}

// The database refuses to change what it holds.
func TestAppendOnly(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t, WithPseudonyms())
	write(t, log, 0, 2)
	closeLog(t, log)
	for _, statement := range []string{
		"UPDATE audit_events SET event = '{}'",
		"DELETE FROM audit_events",
		"REPLACE INTO audit_events SELECT log, number, hash, '{}' FROM audit_events",
		"UPDATE audit_checkpoints SET signed = ''",
		"DELETE FROM audit_checkpoints WHERE size = 1",
		"INSERT OR REPLACE INTO audit_checkpoints SELECT log, size, '', frontier FROM audit_checkpoints",
		"UPDATE audit_principals SET secret = zeroblob(32)",
	} {
		if _, err := f.db.ExecContext(t.Context(), statement); err == nil {
			t.Errorf("done: %s", statement)
		}
	}
	if report := f.verify(t); len(report.Findings) > 0 {
		t.Errorf("findings %+v", report.Findings)
	}
}

// Many callers share each write.
func TestConcurrentCallers(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t)
	var group sync.WaitGroup
	for range 64 {
		group.Go(func() { write(t, log, 0, 20) })
	}
	group.Wait()
	closeLog(t, log)
	if got := len(f.entries(t, Query{Kind: "decided"})); got != 64*20 {
		t.Errorf("%d events", got)
	}
	if report := f.verify(t); len(report.Findings) > 0 || report.Logs[0].Events != 64*20+2 {
		t.Errorf("report %+v", report)
	}
}

// A caller that leaves does not wait for the database.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t)
	lock, err := openSQLite(t, f.path).BeginTx(t.Context(), &sql.TxOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := log.StrictRecorder().Record(ctx, allow("ada")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with the database locked: %v", err)
	}
	_ = lock.Rollback()
	closeLog(t, log)
}

func TestPseudonyms(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t, WithPseudonyms())
	for _, happened := range []*event.Event{allow("ada"), deny("ada"), allow("bob")} {
		happened.Values = &event.Values{Reads: []string{"principal.id"}}
		happened.Err = errors.New("ada and bob")
		if err := log.Recorder().Record(t.Context(), happened); err != nil {
			t.Fatal(err)
		}
	}
	other := f.open(t, WithPseudonyms())
	if err := other.StrictRecorder().Record(t.Context(), allow("ada")); err != nil {
		t.Fatal(err)
	}
	closeLog(t, log)
	closeLog(t, other)
	pseudonym, err := f.store.Pseudonym(t.Context(), "ada")
	if err != nil || !strings.HasPrefix(pseudonym, "hmac-sha256:") {
		t.Fatalf("pseudonym %q, %v", pseudonym, err)
	}
	found := f.entries(t, Query{Principal: "ada"})
	if len(found) != 3 {
		t.Fatalf("%d entries of ada, want 3", len(found))
	}
	for _, one := range found {
		if one.Entry.Principal != pseudonym || one.Entry.Values != nil || strings.Contains(one.Entry.Reason+one.Entry.Error, "ada") {
			t.Errorf("an entry of ada: %+v", one.Entry)
		}
	}
	if erased, err := f.store.Erase(t.Context(), "ada"); !erased || err != nil {
		t.Errorf("erased %v, %v", erased, err)
	}
	if erased, err := f.store.Erase(t.Context(), "ada"); erased || err != nil {
		t.Errorf("erased again: %v, %v", erased, err)
	}
	if got := f.entries(t, Query{Principal: "ada"}); len(got) != 0 {
		t.Errorf("once erased, of ada: %+v", got)
	}
	if got := f.entries(t, Query{Principal: "bob"}); len(got) != 1 {
		t.Errorf("of bob: %+v", got)
	}
	if report := f.verify(t); len(report.Findings) > 0 {
		t.Errorf("findings %+v", report.Findings)
	}
}

// What the conditions read is kept; where it is too much, what is missing is named.
func TestValues(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t)
	for id, size := range map[string]int{"small": 10, "large": mostValues} {
		happened := allow(id)
		happened.Values = &event.Values{
			Reads: []string{"principal.roles", "request.user_id"}, Roles: []string{"admin"}, Answers: map[string]bool{"is_open": true},
			Request: &demov1.GetUserRequest{UserId: strings.Repeat("u", size)}, Claims: &demov1.GetUserRequest{UserId: "c"},
			AuthenticatedAt: time.Unix(1, 0),
		}
		if err := log.Recorder().Record(t.Context(), happened); err != nil {
			t.Fatal(err)
		}
	}
	closeLog(t, log)
	small := f.entries(t, Query{Principal: "small"})[0].Entry.Values
	if small == nil || string(small.Request) != `{"userId":"uuuuuuuuuu"}` || string(small.Claims) != `{"userId":"c"}` || !small.Answers["is_open"] ||
		!slices.Equal(small.Roles, []string{"admin"}) || small.AuthenticatedAt == nil || small.ExpiresAt != nil || small.Incomplete != nil {
		t.Errorf("small values are kept as %+v", small)
	}
	large := f.entries(t, Query{Principal: "large"})[0].Entry.Values
	if large == nil || large.Request != nil || !slices.Equal(large.Incomplete, []string{"principal.roles", "request.user_id"}) {
		t.Errorf("large values are kept as %+v", large)
	}
}

// Texts that a handler or a caller chose are cut.
func TestLongTexts(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	log := f.open(t)
	happened := deny("ada")
	happened.Reason, happened.Err = strings.Repeat("r", 1<<20), errors.New(strings.Repeat("é", 1<<20))
	if err := log.Recorder().Record(t.Context(), happened); err != nil {
		t.Fatal(err)
	}
	closeLog(t, log)
	for row, err := range f.store.rows(t.Context(), log.Name(), 1, 2) {
		if err != nil || len(row.event) > 4<<10 {
			t.Errorf("an entry of %d bytes, %v", len(row.event), err)
		}
	}
}
