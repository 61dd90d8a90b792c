package demo

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"golang.org/x/mod/sumdb/note"

	"github.com/sallyport-rpc/sallyport/audit"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// endings is how often the demo is ended under load: `make restarts RESTARTS=50`.
func endings(t *testing.T) int {
	t.Helper()
	text := os.Getenv("DEMO_TEST_ROUNDS")
	if text == "" {
		return 1
	}
	count, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return count
}

// callers call GetUser until told to stop, each call with a request id of its own.
type callers struct {
	stop  atomic.Bool
	group sync.WaitGroup

	mu       sync.Mutex
	answered []string         // the request ids of calls that were answered
	failed   map[string]error // what came of the others, but for unavailable
}

func call(client demov1client.AccountServiceClient, userID string, count int, round string) *callers {
	c := &callers{failed: make(map[string]error)}
	for i := range count {
		c.group.Go(func() {
			for n := 0; !c.stop.Load(); n++ {
				c.one(client, userID, fmt.Sprintf("%s-%d-%d", round, i, n))
			}
		})
	}
	return c
}

func (c *callers) one(client demov1client.AccountServiceClient, userID, requestID string) {
	ctx, info := connect.NewClientContext(context.Background())
	info.RequestHeader().Set("X-Request-Id", requestID)
	_, err := client.GetUser(ctx, &demov1.GetUserRequest{UserId: userID})
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.answered = append(c.answered, requestID)
	case connect.CodeOf(err) != connect.CodeUnavailable:
		c.failed[requestID] = err
	}
}

func (c *callers) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.answered)
}

// await waits until the callers had so many more answers.
func (c *callers) await(t *testing.T, more int) {
	t.Helper()
	want := c.count() + more
	for deadline := time.Now().Add(30 * time.Second); c.count() < want; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the callers had %d answers, want %d", c.count(), want)
		}
	}
}

func (c *callers) end() {
	c.stop.Store(true)
	c.group.Wait()
}

// audited returns the request ids of the calls that the log says were let in, after it
// was verified.
func audited(t *testing.T, path string) map[string]bool {
	t.Helper()
	public, err := os.ReadFile(path + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	key, err := note.NewVerifier(strings.TrimSpace(string(public)))
	if err != nil {
		t.Fatal(err)
	}
	checkpoints, err := os.ReadFile(path + ".checkpoints")
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	store := audit.SQLite(db)
	report, err := audit.Verify(t.Context(), note.VerifierList(key), []*audit.Store{store}, audit.Kept{Name: "kept", Checkpoints: checkpoints})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Findings) > 0 || len(report.Logs) == 0 {
		t.Errorf("the audit log does not verify: %+v", report)
	}
	ids := make(map[string]bool)
	for found, err := range store.Find(t.Context(), audit.Query{Kind: "decided", Outcome: "allow"}) {
		if err != nil {
			t.Fatal(err)
		}
		ids[found.Entry.RequestID] = true
	}
	return ids
}

func missing(answered []string, kept map[string]bool) (ids []string) {
	for _, id := range answered {
		if !kept[id] {
			ids = append(ids, id)
		}
	}
	return ids
}

// TestKilled kills the demo under load. Every call that was answered is in the audit
// log, which verifies.
func TestKilled(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "audit.db")
	var answered []string
	for round := range endings(t) {
		demo := start(t, "-addr", "127.0.0.1:0", "-db", filepath.Join(folder, "demo.db"), "-audit", path)
		userID, token := signIn(t, demo, "auditor")
		calling := call(demo.client(t, token), userID, 8, strconv.Itoa(round))
		calling.await(t, 50)
		if err := demo.command.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-demo.ended
		calling.end()
		answered = append(answered, calling.answered...)
	}
	if lost := missing(answered, audited(t, path)); len(lost) > 0 {
		t.Errorf("of %d calls that were answered %d are not in the audit log: %v", len(answered), len(lost), lost[:min(10, len(lost))])
	}
	t.Logf("%d rounds, %d calls answered", endings(t), len(answered))
}

// TestRestarted stops the demo as an operator does, and starts it again at the same
// address, under load. No call that was let in fails, the audit log has every call that
// was answered, and it verifies. A call may meet the end of its idle connection (RFC 9112,
// section 9.5); it was not let in then.
func TestRestarted(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	path := filepath.Join(folder, "audit.db")
	flags := []string{"-db", filepath.Join(folder, "demo.db"), "-audit", path}
	demo := start(t, append(flags, "-addr", "127.0.0.1:0")...)
	userID, token := signIn(t, demo, "auditor")
	address := strings.TrimPrefix(demo.url, "http://")
	calling := call(demo.client(t, token), userID, 8, "r")
	for range endings(t) {
		calling.await(t, 50)
		if err := demo.end(t, syscall.SIGTERM); err != nil {
			t.Fatalf("it ended with %v: %s", err, demo.log)
		}
		demo = start(t, append(flags, "-addr", address)...)
	}
	calling.await(t, 50)
	calling.end()
	kept := audited(t, path)
	for id, err := range calling.failed {
		if kept[id] {
			t.Errorf("call %s was let in and failed: %v", id, err)
		}
	}
	if lost := missing(calling.answered, kept); len(lost) > 0 {
		t.Errorf("of %d calls that were answered %d are not in the audit log: %v", len(calling.answered), len(lost), lost[:min(10, len(lost))])
	}
	t.Logf("%d rounds, %d calls answered", endings(t), len(calling.answered))
}

// TestAuditFlag shows what -audit keeps, and that what cannot be opened is said.
func TestAuditFlag(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "audit.db")
	demo := start(t, "-addr", "127.0.0.1:0", "-db", ":memory:", "-audit", path)
	userID, token := signIn(t, demo, "auditor")
	if _, err := demo.client(t, token).GetUser(t.Context(), &demov1.GetUserRequest{UserId: userID}); err != nil {
		t.Fatal(err)
	}
	if _, err := demo.client(t, "").GetUser(t.Context(), &demov1.GetUserRequest{UserId: userID}); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Fatalf("without a token: %v", err)
	}
	if err := demo.end(t, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	audited(t, path)
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for query, want := range map[audit.Query]int{
		{Procedure: "/demo.v1.AccountService/GetUser", Outcome: "allow", Kind: "decided", Principal: userID}: 1,
		{Procedure: "/demo.v1.AccountService/GetUser", Outcome: "deny", Code: "unauthenticated"}:             1,
		{Kind: "log closed"}: 1,
	} {
		got := 0
		for found, err := range audit.SQLite(db).Find(t.Context(), query) {
			if err != nil {
				t.Fatal(err)
			}
			if query.Outcome == "allow" && found.Entry.Grant != "staff" {
				t.Errorf("%+v: let in by %q", query, found.Entry.Grant)
			}
			got++
		}
		if got != want {
			t.Errorf("%+v: %d entries, want %d", query, got, want)
		}
	}
	for name, mode := range map[string]os.FileMode{path + ".key": 0o600, path + ".checkpoints": 0o600} {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, info, err)
		}
	}
}
