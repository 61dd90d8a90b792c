package revocation_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/authn/revocation/pgbus"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

// TestPgBouncer has a bus go through a real pooler: one in session mode carries
// notifications, and that one in transaction mode does not is noticed.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	for mode, delivers := range map[string]bool{"session": true, "transaction": false} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			config := pooled(t, mode)
			pool, err := pgxpool.NewWithConfig(context.WithoutCancel(t.Context()), config)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(pool.Close)
			link, err := pgbus.New(pool, pgbus.WithChannel("test_"+strings.ToLower(rand.Text())), pgbus.WithHeartbeat(time.Second))
			if err != nil {
				t.Fatal(err)
			}
			bus, err := revocation.New(link)
			if err != nil {
				t.Fatal(err)
			}
			defer bus.Close()
			for late := time.Now().Add(testTimeout); ; time.Sleep(50 * time.Millisecond) {
				err := bus.Health()
				if delivers && err == nil || !delivers && err != nil && strings.Contains(err.Error(), "transaction mode") {
					t.Logf("health: %v", err)
					return
				}
				if time.Now().After(late) {
					t.Fatalf("health: %v", err)
				}
			}
		})
	}
}

// pooled starts a pooler before the test's PostgreSQL, and returns how to reach it.
func pooled(t *testing.T, mode string) *pgxpool.Config {
	t.Helper()
	config, err := pgxpool.ParseConfig(testservices.Environment(t, "SALLYPORT_TEST_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	program, err := exec.LookPath("pgbouncer")
	if err != nil {
		t.Skip("pgbouncer is not installed")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	folder, err := os.MkdirTemp("", "pgbouncer") //nolint:usetesting // the name of a socket has a limit
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	server := config.ConnConfig
	settings := filepath.Join(folder, "pgbouncer.ini")
	if err := os.WriteFile(settings, fmt.Appendf(nil, `[databases]
%[1]s = host=%[2]s port=%[3]d dbname=%[1]s user=%[4]s password=%[5]s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = %[6]d
unix_socket_dir =
auth_type = any
pool_mode = %[7]s
`, server.Database, server.Host, server.Port, server.User, server.Password, port, mode), 0o644); err != nil {
		t.Fatal(err)
	}
	command := exec.Command(program, settings)
	if os.Geteuid() == 0 { // it refuses to run as root
		command.SysProcAttr = &syscall.SysProcAttr{Credential: credentialOf(t, "postgres")}
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
	})
	server.Host, server.Port = "127.0.0.1", uint16(port)
	// A pooler in transaction mode knows no prepared statements.
	server.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol
	return config
}

func credentialOf(t *testing.T, name string) *syscall.Credential {
	t.Helper()
	found, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(found.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(found.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
