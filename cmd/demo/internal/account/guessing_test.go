package account_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/password"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// strangers guess passwords without a pause.
type strangers struct {
	answered, refused atomic.Int64 // wrong password; too many
	// begun is closed once ten guesses were answered.
	begun chan struct{}
	stop  func()
}

// attack has a number of strangers guess, each at its own accounts as email says, from an
// address of this machine.
func attack(t *testing.T, f *fixture, count int, address string, email func(stranger, guess int) string) *strangers {
	t.Helper()
	client := httpFrom(t, address)
	ctx, cancel := context.WithCancel(context.Background())
	var group sync.WaitGroup
	s := &strangers{begun: make(chan struct{}), stop: func() {
		cancel()
		group.Wait()
	}}
	t.Cleanup(s.stop)
	for i := range count {
		group.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				switch status, _ := signInFrom(ctx, client, f.url, email(i, n), "guess", ""); status {
				case http.StatusUnauthorized:
					if s.answered.Add(1) == 10 {
						close(s.begun)
					}
				case http.StatusTooManyRequests:
					s.refused.Add(1)
				case 0: // the test is over
				default:
					t.Errorf("a stranger was answered with %d", status)
				}
			}
		})
	}
	return s
}

// httpFrom returns a client whose connections come from an address of this machine.
func httpFrom(t *testing.T, address string) *http.Client {
	t.Helper()
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	transport := &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 256}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// signInFrom signs in and returns the status of the answer, 0 where there is none, and the
// cookies.
func signInFrom(ctx context.Context, client *http.Client, url, email, password, cookies string) (int, string) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+demov1client.AccountServiceSignInProcedure,
		strings.NewReader(fmt.Sprintf(`{"email":%q,"password":%q}`, email, password)))
	if err != nil {
		return 0, ""
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Cookie", cookies)
	response, err := client.Do(request)
	if err != nil {
		return 0, ""
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body)
	var pairs []string
	for _, cookie := range response.Cookies() {
		pairs = append(pairs, cookie.Name+"="+cookie.Value)
	}
	return response.StatusCode, strings.Join(pairs, "; ")
}

// newGuarded serves a fixture whose passwords wait for their turns, as in the demo.
func newGuarded(t *testing.T) *fixture {
	t.Helper()
	f := newFixture(t)
	f.passwords.queue = password.NewQueue(2, 256)
	hash := f.passwords.hash(pass)
	emails := []string{"target@example.com"}
	for i := range users {
		emails = append(emails, honest(i))
	}
	for _, email := range emails {
		if _, err := f.users.Create(t.Context(), directory.User{Name: "User", Email: email, Role: directory.Member, PasswordHash: hash}); err != nil {
			t.Fatal(err)
		}
	}
	f.serve(t)
	return f
}

// users is how many honest users there are.
const users = 27

func honest(i int) string { return fmt.Sprintf("honest-%d@example.com", i) }

// TestSignInUnderAttack has 150 strangers guess without a pause, while 27 users sign in.
// All of the users get in, also from the strangers' own address.
func TestSignInUnderAttack(t *testing.T) { //nolint:tparallel // each attack takes the whole machine
	t.Parallel()
	for name, test := range map[string]struct {
		email func(stranger, guess int) string
		from  string // where the strangers are; the users are at 127.0.0.1
	}{
		"at made-up accounts":                     {func(i, n int) string { return fmt.Sprintf("x%d-%d@example.com", i, n) }, "127.0.0.1"},
		"at one other account":                    {func(int, int) string { return "target@example.com" }, "127.0.0.1"},
		"at the users' accounts, from elsewhere":  {func(i, _ int) string { return honest(i % users) }, "127.0.0.2"},
		"at made-up accounts, from elsewhere too": {func(i, n int) string { return fmt.Sprintf("x%d-%d@example.com", i, n) }, "127.0.0.2"},
	} {
		t.Run(name, func(t *testing.T) {
			probe := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(test.from)}}
			f := newGuarded(t)
			if connection, err := probe.DialContext(t.Context(), "tcp", strings.TrimPrefix(f.url, "http://")); err != nil {
				t.Skipf("this machine has no address %s: %v", test.from, err)
			} else {
				_ = connection.Close()
			}
			attackers := attack(t, f, 150, test.from, test.email)
			<-attackers.begun
			client := httpFrom(t, "127.0.0.1")
			var group sync.WaitGroup
			var in atomic.Int64
			for i := range users {
				group.Go(func() {
					status, _ := signInFrom(t.Context(), client, f.url, honest(i), pass, "")
					if status == http.StatusOK {
						in.Add(1)
					} else {
						t.Errorf("a user was answered with %d", status)
					}
				})
			}
			group.Wait()
			attackers.stop()
			t.Logf("%d of %d users signed in; strangers were answered %d times and turned away %d times",
				in.Load(), users, attackers.answered.Load(), attackers.refused.Load())
		})
	}
}

// TestKnownDevice has strangers guess at one account from the address of its user. The
// user's device, which has signed in before, is not slowed down by them.
func TestKnownDevice(t *testing.T) {
	t.Parallel()
	f := newGuarded(t)
	client := httpFrom(t, "127.0.0.1")
	status, cookies := signInFrom(t.Context(), client, f.url, honest(0), pass, "")
	if status != http.StatusOK || !strings.Contains(cookies, "sallyport-demo-device=") {
		t.Fatalf("signing in: %d %s", status, cookies)
	}
	attackers := attack(t, f, 50, "127.0.0.1", func(int, int) string { return honest(0) })
	<-attackers.begun
	before := attackers.answered.Load()
	for range 5 {
		if status, _ := signInFrom(t.Context(), client, f.url, honest(0), pass, cookies); status != http.StatusOK {
			t.Errorf("the user's device was answered with %d", status)
		}
	}
	// At one guess a second, strangers make few guesses meanwhile.
	if guesses := attackers.answered.Load() - before; guesses > 30 {
		t.Errorf("the strangers made %d guesses meanwhile", guesses)
	}
	// The cookie is no credential, and stands for this user alone.
	if status, _ := signInFrom(t.Context(), client, f.url, honest(0), "guess", cookies); status != http.StatusUnauthorized {
		t.Errorf("a wrong password with the cookie: %d", status)
	}
}
