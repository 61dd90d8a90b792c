package demo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"connectrpc.com/connect/v2"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// TestBackup backs a directory up while it is served, and restores it.
func TestBackup(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	database, backup := filepath.Join(folder, "demo.db"), filepath.Join(folder, "copy.db")
	demo := start(t, "-addr", "127.0.0.1:0", "-db", database)
	_, session := signIn(t, demo, "admin")
	if code, out, errs := runAlone(t, "-db", database, "-backup", backup); code != exitDone || !strings.HasPrefix(out, "Backed up ") {
		t.Fatalf("it ended with %d: %s", code, errs)
	}
	if code, _, errs := runAlone(t, "-db", database, "-backup", backup); code != exitFailed || !strings.Contains(errs, "there is a file of that name") {
		t.Errorf("over a backup that is there, it ended with %d: %s", code, errs)
	}
	if _, err := demo.client(t, "").SignUp(t.Context(), &demov1.SignUpRequest{Name: "Late", Email: "late@example.com", Password: "a password of theirs"}); err != nil {
		t.Fatal(err)
	}
	if err := demo.end(t, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}

	restored := start(t, "-addr", "127.0.0.1:0", "-db", backup)
	if strings.Contains(restored.welcome, "The directory is new") {
		t.Errorf("a restored directory counts as new: %s", restored.welcome)
	}
	if code := lists(t, restored, session); code != connect.CodeUnauthenticated {
		t.Errorf("with a session of before the backup: %s", code)
	}
	_, session = signIn(t, restored, "admin")
	list, err := restored.client(t, session).ListUsers(t.Context(), &demov1.ListUsersRequest{})
	if err != nil || len(list.GetUsers()) != len(examples) {
		t.Errorf("it has %v, %v", list, err)
	}
}

// guideBlocks returns the blocks of commands of docs/guides/backup.md: how to back up and
// restore a file, and then a database of PostgreSQL.
func guideBlocks(t *testing.T) []string {
	t.Helper()
	guide, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "guides", "backup.md"))
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for i, part := range strings.Split(string(guide), "```") {
		if text, ok := strings.CutPrefix(part, "sh\n"); ok && i%2 == 1 {
			blocks = append(blocks, text)
		}
	}
	if len(blocks) != 4 {
		t.Fatalf("the guide has %d blocks of commands: %q", len(blocks), blocks)
	}
	return blocks
}

// TestBackupGuide runs the commands of docs/guides/backup.md, in their order.
func TestBackupGuide(t *testing.T) {
	t.Parallel()
	blocks, folder := guideBlocks(t), t.TempDir()
	follow := func(block string) {
		command := strings.ReplaceAll(block, "go run ./cmd/demo", asProgram+"=1 "+quote(os.Args[0]))
		shell(t, fmt.Sprintf("set -e; cd %s; %s", quote(folder), command))
	}
	database := filepath.Join(folder, "demo.db")
	demo := start(t, "-addr", "127.0.0.1:0", "-db", database)
	follow(blocks[0])
	if _, err := demo.client(t, "").SignUp(t.Context(), &demov1.SignUpRequest{Name: "Late", Email: "late@example.com", Password: "a password of theirs"}); err != nil {
		t.Fatal(err)
	}
	_ = demo.end(t, syscall.SIGKILL) // so that the -wal file stays
	follow(blocks[1])
	restored := start(t, "-addr", "127.0.0.1:0", "-db", database)
	_, session := signIn(t, restored, "admin")
	list, err := restored.client(t, session).ListUsers(t.Context(), &demov1.ListUsersRequest{})
	if err != nil || len(list.GetUsers()) != len(examples) {
		t.Errorf("it has %v, %v", list, err)
	}
}
