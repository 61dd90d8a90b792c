package demo

import (
	"path/filepath"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

// TestSessionServerOutage cuts the demo off from the server of its sessions: no session
// lets a caller in meanwhile, and callers see that the demo is unavailable.
func TestSessionServerOutage(t *testing.T) {
	t.Parallel()
	for server, name := range sessionServers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			address := environment(t, name)
			proxy := testservices.NewProxy(t, address.Host, 0)
			address.Host = proxy.Address()
			demo := start(t, "-addr", "127.0.0.1:0", "-db", filepath.Join(t.TempDir(), "demo.db"), "-sessions", address.String())
			_, token := signIn(t, demo, "admin")
			if code := lists(t, demo, token); code != 0 {
				t.Fatalf("before: %s", code)
			}
			proxy.Cut()
			if code := lists(t, demo, token); code != connect.CodeUnavailable {
				t.Errorf("cut off: %s", code)
			}
			_, err := demo.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: "admin@example.com", Password: examplePassword})
			if connect.CodeOf(err) != connect.CodeUnavailable {
				t.Errorf("signing in, cut off: %v", err)
			}
			proxy.Open(t)
			if code := lists(t, demo, token); code != 0 {
				t.Errorf("afterwards: %s", code)
			}
		})
	}
}

// TestSilentSessionServer stops the server of the sessions for one demo, as SIGSTOP would:
// it takes connections and bytes, and answers nothing. An auditor's stream there ends when
// it is looked at again, every 30 s, and cannot be. The auditor of a demo beside it, whose
// server answers, goes on watching.
func TestSilentSessionServer(t *testing.T) {
	t.Parallel()
	const recheck, answer = 30 * time.Second, 20 * time.Second
	for server, name := range sessionServers {
		t.Run(server, func(t *testing.T) {
			t.Parallel()
			address := environment(t, name)
			database := filepath.Join(t.TempDir(), "demo.db")
			beside := start(t, "-addr", "127.0.0.1:0", "-db", database, "-sessions", address.String())
			proxy := testservices.NewProxy(t, address.Host, 0)
			address.Host = proxy.Address()
			demo := start(t, "-addr", "127.0.0.1:0", "-db", database, "-sessions", address.String())
			ended, lives := watchUsers(t, demo), watchUsers(t, beside)

			proxy.Stall()
			stalled := time.Now()
			select {
			case err := <-ended:
				if code := connect.CodeOf(err); code != connect.CodeUnavailable {
					t.Errorf("the stream ended with %v", err)
				}
				t.Logf("the stream ended %s after the server fell silent, which is looked at every %s", time.Since(stalled).Round(time.Millisecond), recheck)
			case <-time.After(recheck + answer):
				t.Errorf("the stream lives %s after the server of its session fell silent", time.Since(stalled))
			}
			select {
			case err := <-lives:
				t.Errorf("the stream of the demo whose server answers ended: %v", err)
			default:
			}
		})
	}
}

// watchUsers has an auditor watch the users, and returns what the stream ends with. The
// stream has begun.
func watchUsers(t *testing.T, demo *program) <-chan error {
	t.Helper()
	_, token := signIn(t, demo, "auditor")
	stream, err := demo.client(t, token).WatchUsers(t.Context(), &demov1.WatchUsersRequest{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stream.Close)
	if _, err := stream.Receive(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		for {
			if _, err := stream.Receive(); err != nil {
				ended <- err
				return
			}
		}
	}()
	return ended
}
