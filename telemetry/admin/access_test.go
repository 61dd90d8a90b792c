package admin_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestAccess reads the row of each kind of action: what it needs and what it does not.
func TestAccess(t *testing.T) {
	t.Parallel()
	url, _ := serve(t, "127.0.0.1:0", newRegistry(t))
	status, page, _ := get(t, url+"/")
	if status != http.StatusOK {
		t.Fatalf("got %d", status)
	}
	rows := map[string]string{}
	for text := range strings.SplitSeq(page, "<tr") {
		if _, named, found := strings.Cut(text, "<code>/demo.v1.AccountService/"); found {
			method, _, _ := strings.Cut(named, "<")
			rows[method] = text
		}
	}
	for _, test := range []struct {
		method       string
		want, absent []string
	}{
		{"SignUp", []string{`class="anonymous"`, ">no sign-in<", ">anyone<"}, []string{"signed in", "scoped"}},
		{"SignIn", []string{"at most 6000 a minute of each address"}, []string{"stream"}},
		{"SignOut", []string{">session<", ">anyone signed in<"}, []string{"anonymous"}},
		{"GetUser", []string{"session, bearer or apikey", "principal.id == request.user_id", "a scoped credential needs users.read"}, []string{"signed in", "within"}},
		{"DeleteUser", []string{"authenticated within the last 15m<"}, []string{"stream"}},
		{"GrantRole", []string{"no scoped credential is taken"}, []string{"needs"}},
		{"WatchUsers", []string{"stream: checked when it opens and every 30s"}, []string{"at most"}},
		{"ImportUsers", []string{"stream: checked at each message and every 5m<"}, nil},
	} {
		for _, want := range test.want {
			if !strings.Contains(rows[test.method], want) {
				t.Errorf("the row of %s has no %q: %s", test.method, want, rows[test.method])
			}
		}
		for _, absent := range test.absent {
			if strings.Contains(rows[test.method], absent) {
				t.Errorf("the row of %s has %q: %s", test.method, absent, rows[test.method])
			}
		}
	}
}
