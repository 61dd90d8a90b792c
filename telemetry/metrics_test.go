package telemetry_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
	"github.com/sallyport-rpc/sallyport/server"
)

const (
	listUsers  = "demo.v1.AccountService/ListUsers"
	watchUsers = "demo.v1.AccountService/WatchUsers"
	signIn     = "demo.v1.AccountService/SignIn"
)

// TestMetrics scrapes what calls of every kind leave.
func TestMetrics(t *testing.T) {
	t.Parallel()
	m := newMeasured(t, nil)
	for range 3 {
		if _, err := m.client(t, "admin").ListUsers(t.Context(), &demov1.ListUsersRequest{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, role := range []string{"", "member"} {
		if _, err := m.client(t, role).ListUsers(t.Context(), &demov1.ListUsersRequest{}); err == nil {
			t.Fatal("it was let in")
		}
	}
	if _, err := m.client(t, "admin").ListUsers(t.Context(), &demov1.ListUsersRequest{PageSize: 1 << 30}); err == nil {
		t.Fatal("it was let in")
	}
	stream, err := m.client(t, "admin").WatchUsers(t.Context(), &demov1.WatchUsersRequest{})
	if err != nil {
		t.Fatal(err)
	}
	<-m.open
	for _, procedure := range []string{demov1client.AccountServiceListUsersProcedure, "/no.Service/Method"} {
		m.registry.May(t.Context(), nil, action.Question{Procedure: procedure, Request: &demov1.ListUsersRequest{}})
	}
	m.registry.Recheck(secretID)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		families, _ := m.scrape(t)
		if value(families, "sallyport_rechecks_total", "outcome", "allow", "rpc_method", watchUsers) == 1 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the recheck was not counted")
		}
	}
	families, text := m.scrape(t)
	for _, test := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"sallyport_decisions_total", []string{"rpc_method", listUsers, "outcome", "allow", "stage", "handle", "code", "ok", "grant", "allow[0]", "kind", "decided"}, 3},
		{"sallyport_decisions_total", []string{"rpc_method", listUsers, "outcome", "deny", "stage", "authenticate", "code", "unauthenticated", "grant", ""}, 1},
		{"sallyport_decisions_total", []string{"rpc_method", listUsers, "outcome", "deny", "stage", "authorize", "code", "permission_denied"}, 1},
		{"sallyport_decisions_total", []string{"rpc_method", listUsers, "outcome", "deny", "stage", "validate", "code", "invalid_argument"}, 1},
		{"sallyport_decisions_total", []string{"rpc_method", watchUsers, "outcome", "allow", "kind", "opened"}, 1},
		{"sallyport_questions_total", []string{"rpc_method", listUsers, "outcome", "deny", "code", "unauthenticated"}, 1},
		{"sallyport_questions_total", []string{"rpc_method", "", "outcome", "deny", "code", "unimplemented"}, 1},
		{"sallyport_gate_duration_seconds", []string{"outcome", "allow"}, 4},
		{"sallyport_gate_duration_seconds", []string{"outcome", "deny"}, 3},
		{"sallyport_gate_step_duration_seconds", []string{"step", "decode"}, 7},
		{"sallyport_gate_step_duration_seconds", []string{"step", "validate"}, 7},
		{"sallyport_gate_step_duration_seconds", []string{"step", "authenticate"}, 6},
		{"sallyport_gate_step_duration_seconds", []string{"step", "authorize"}, 5},
		{"sallyport_validation_duration_seconds", []string{"rpc_method", listUsers}, 6},
		{"sallyport_streams_live", []string{"rpc_method", watchUsers}, 1},
		{"sallyport_cache_lookups_total", []string{"cache", "tokens", "result", "hit"}, 7},
		{"sallyport_cache_lookups_total", []string{"cache", "tokens", "result", "miss"}, 3},
		{"sallyport_contract_info", []string{"fingerprint", m.registry.Fingerprint(), "actions", "14"}, 1},
		{"rpc_server_call_duration_seconds", []string{"rpc_method", listUsers}, 6},
		{"go_goroutines", nil, value(families, "go_goroutines")},
	} {
		if got := value(families, test.name, test.labels...); got != test.want || got == 0 {
			t.Errorf("%s%v: got %v, want %v", test.name, test.labels, got, test.want)
		}
	}
	if strings.Contains(text, secretID) {
		t.Error("a metric has the id of a principal")
	}
	close(m.end)
	if _, err := stream.Receive(); !errors.Is(err, io.EOF) {
		t.Errorf("the stream ended with %v", err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if families, _ := m.scrape(t); value(families, "sallyport_streams_live") == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a stream that ended is still counted")
		}
	}
	if t.Failed() {
		t.Log(text)
	}
}

// TestRefused counts calls that came to no gate, and keeps the number of series no matter what
// strangers ask for.
func TestRefused(t *testing.T) {
	t.Parallel()
	m := newMeasured(t, nil)
	series := func() int {
		families, _ := m.scrape(t)
		total := 0
		for name, family := range families {
			if strings.HasPrefix(name, "sallyport") || strings.HasPrefix(name, "rpc") {
				total += len(family.GetMetric())
			}
		}
		return total
	}
	ask := func(i int) {
		response, err := http.Post(fmt.Sprintf("%s/stranger.v1.Service%d/Method", m.url, i), "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	ask(0)
	before := series()
	for i := range 200 {
		ask(i + 1)
	}
	families, text := m.scrape(t)
	if got := value(families, "sallyport_refused_total", "code", "unimplemented"); got != 201 {
		t.Errorf("%v calls were refused, want 201\n%s", got, text)
	}
	if after := series(); after != before {
		t.Errorf("strangers made %d series of %d", after, before)
	}
	if strings.Contains(text, "stranger") {
		t.Error("a metric has a stranger's path")
	}
}

// TestLimited counts the calls for which a limit had no room, and not those before.
func TestLimited(t *testing.T) {
	t.Parallel()
	m := newMeasured(t, nil)
	const burst = 20
	m.limits.burst.Store(burst)
	client := m.client(t, "admin")
	for call := range burst + 2 {
		_, err := client.SignIn(t.Context(), &demov1.SignInRequest{}) // which is not valid
		if limited := connect.CodeOf(err) == connect.CodeResourceExhausted; limited != (call >= burst) {
			t.Fatalf("call %d of a burst of %d: %v", call, burst, err)
		}
	}
	families, text := m.scrape(t)
	if got := value(families, "sallyport_limited_total", "rpc_method", signIn, "per", "address"); got != 2 {
		t.Errorf("%v calls were over the limit, want 2\n%s", got, text)
	}
	if got := value(families, "sallyport_limited_total"); got != 2 {
		t.Errorf("%v calls were over a limit, want 2", got)
	}
}

// TestShed counts a call for which there was no room, and not the one before it.
func TestShed(t *testing.T) {
	t.Parallel()
	m := newMeasured(t, nil, server.WithMaxPrincipalStreams(1))
	if _, err := m.client(t, "admin").WatchUsers(t.Context(), &demov1.WatchUsersRequest{}); err != nil {
		t.Fatal(err)
	}
	<-m.open
	if families, _ := m.scrape(t); value(families, "sallyport_shed_total") != 0 {
		t.Error("a call that had room is counted")
	}
	second, err := m.client(t, "admin").WatchUsers(t.Context(), &demov1.WatchUsersRequest{})
	if err == nil {
		_, err = second.Receive()
	}
	if err == nil {
		t.Fatal("it had room")
	}
	families, text := m.scrape(t)
	if got := value(families, "sallyport_shed_total", "rpc_method", watchUsers); got != 1 {
		t.Errorf("%v calls were shed, want 1\n%s", got, text)
	}
	close(m.end)
}
