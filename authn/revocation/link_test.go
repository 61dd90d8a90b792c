package revocation_test

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sallyport-rpc/sallyport/authn/revocation"
	"github.com/sallyport-rpc/sallyport/authn/revocation/pgbus"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

// testTimeout is how long a test waits for what must come.
const testTimeout = 20 * time.Second

// A subscription is what one process receives of a link.
type subscription struct {
	received chan revocation.Revocation
	ended    chan error
	end      context.CancelFunc
}

// subscribe begins to listen and returns once the link does.
func subscribe(t *testing.T, link revocation.Link) *subscription {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &subscription{received: make(chan revocation.Revocation, 1000), ended: make(chan error, 1), end: cancel}
	go func() { s.ended <- link.Subscribe(ctx, func(r revocation.Revocation) { s.received <- r }) }()
	t.Cleanup(func() {
		cancel()
		select {
		case <-s.ended:
		case <-time.After(testTimeout):
			t.Error("Subscribe does not end with its context")
		}
	})
	if got := s.next(t); got != revocation.OfEverything() {
		t.Fatalf("it begins with %v", got)
	}
	return s
}

// next returns what is received next.
func (s *subscription) next(t *testing.T) revocation.Revocation {
	t.Helper()
	select {
	case r := <-s.received:
		return r
	case err := <-s.ended:
		s.ended <- err
		t.Fatalf("Subscribe ended: %v", err)
	case <-time.After(testTimeout):
		t.Fatal("nothing is received")
	}
	return revocation.Revocation{}
}

// broken returns how long it took Subscribe to end, and with what.
func (s *subscription) broken(t *testing.T) (time.Duration, error) {
	t.Helper()
	began := time.Now()
	select {
	case err := <-s.ended:
		s.ended <- err
		return time.Since(began), err
	case <-time.After(testTimeout):
		t.Fatal("Subscribe does not end")
		return 0, nil
	}
}

func publish(t *testing.T, link revocation.Link, revoked revocation.Revocation) {
	t.Helper()
	if err := link.Publish(t.Context(), revoked); err != nil {
		t.Fatal(err)
	}
}

func TestLinkCarries(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, service service) {
		one, other := service.dial(t, 10*time.Second, nil), service.dial(t, 10*time.Second, nil)
		own, others := subscribe(t, one), subscribe(t, other)
		for _, revoked := range []revocation.Revocation{
			revocation.OfPrincipal("ada"),
			revocation.OfPrincipal("a'b\"c\\d\r\n\x00%s$1;--"),
			revocation.OfPrincipal("アダ"),
			revocation.OfPrincipal(strings.Repeat("x", 4096-16)),
			revocation.OfCredential("s3cr3t"),
			revocation.OfEverything(),
			revocation.OfPrincipal("ada"),
		} {
			publish(t, one, revoked)
			for _, received := range []revocation.Revocation{own.next(t), others.next(t)} {
				if received != revoked {
					t.Errorf("%v arrives as %v", revoked, received)
				}
			}
		}
		if err := one.Publish(t.Context(), revocation.Revocation{}); err == nil {
			t.Error("a revocation of nothing was published")
		}
	})
}

func TestChannelsAreApart(t *testing.T) {
	t.Parallel()
	for name, both := range map[string]func(*testing.T) service{"PostgreSQL": postgreSQL, "Redis": redisServer} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one, other := both(t).dial(t, time.Second, nil), both(t).dial(t, time.Second, nil)
			own, others := subscribe(t, one), subscribe(t, other)
			publish(t, one, revocation.OfPrincipal("ada"))
			publish(t, other, revocation.OfPrincipal("bob"))
			got := []revocation.Revocation{own.next(t), others.next(t)}
			if want := []revocation.Revocation{revocation.OfPrincipal("ada"), revocation.OfPrincipal("bob")}; !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

// A link lives through silence: the server is asked whether it is there, and answers.
func TestSilence(t *testing.T) {
	t.Parallel()
	const heartbeat = 250 * time.Millisecond
	eachService(t, func(t *testing.T, service service) {
		link := service.dial(t, heartbeat, nil)
		received := subscribe(t, link)
		for range 6 {
			time.Sleep(heartbeat + heartbeat/5)
			publish(t, link, revocation.OfPrincipal("ada"))
			if got := received.next(t); got != revocation.OfPrincipal("ada") {
				t.Fatalf("received %v", got)
			}
		}
	})
}

// A link that is gone without a word is noticed after two heartbeats.
func TestSilentBreak(t *testing.T) {
	t.Parallel()
	const heartbeat = 500 * time.Millisecond
	eachService(t, func(t *testing.T, service service) {
		by := testservices.NewProxy(t, service.address, 0)
		received := subscribe(t, service.dial(t, heartbeat, by))
		by.Stall()
		after, err := received.broken(t)
		if err == nil || !strings.Contains(err.Error(), "the server does not answer") || after < heartbeat/2 || after > 10*heartbeat {
			t.Errorf("%v after %v", err, after)
		}
		for end := time.Now().Add(testTimeout); by.Live() > 0; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the connection that does not answer is kept")
			}
		}
		t.Logf("%s: heartbeat %v: noticed after %v: %v", t.Name(), heartbeat, after.Round(time.Millisecond), err)
	})
}

func TestKilledBreak(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, service service) {
		received := subscribe(t, service.dial(t, 10*time.Second, nil))
		if killed := service.kill(t); killed != 1 {
			t.Fatalf("%d connections were killed", killed)
		}
		after, err := received.broken(t)
		if err == nil || strings.Contains(err.Error(), "does not answer") { // it has said that it ends the connection
			t.Errorf("got %v", err)
		}
		t.Logf("%s: noticed after %v: %v", t.Name(), after.Round(time.Millisecond), err)
	})
}

// Nothing goes on after its context has ended.
func TestContextEnds(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, service service) {
		by := testservices.NewProxy(t, service.address, 0)
		link := service.dial(t, 10*time.Second, by)
		received := subscribe(t, link)
		publish(t, link, revocation.OfPrincipal("ada"))
		by.Stall()
		received.end()
		if after, err := received.broken(t); !errors.Is(err, context.Canceled) || after > 3*time.Second {
			t.Errorf("Subscribe: %v after %v", err, after)
		}
	})
}

// A subscription that ends leaves no connection with the server.
func TestEndedLeavesNoConnection(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, service service) {
		received := subscribe(t, service.dial(t, 10*time.Second, nil))
		if got := service.listening(t); got != 1 {
			t.Errorf("%d connections listen, want 1", got)
		}
		received.end()
		if _, err := received.broken(t); !errors.Is(err, context.Canceled) || strings.Contains(err.Error(), "does not answer") {
			t.Errorf("it ended with %v", err)
		}
		awaitListening(t, service, 0)
	})
}

// awaitListening waits until so many connections listen.
func awaitListening(t *testing.T, service service, want int) {
	t.Helper()
	for end := time.Now().Add(testTimeout); ; time.Sleep(10 * time.Millisecond) {
		got := service.listening(t)
		if got == want {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("%d connections listen, want %d", got, want)
		}
	}
}

// A server that refuses to let a connection listen is an error, and the connection is
// closed.
func TestListeningRefused(t *testing.T) {
	t.Parallel()
	config, err := pgxpool.ParseConfig(testservices.Environment(t, "SALLYPORT_TEST_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	made := make(chan *pgx.Conn, 10)
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		made <- conn
		_, err := conn.Exec(ctx, "BEGIN")
		_, _ = conn.Exec(ctx, "SELECT 1/0") // in a failed transaction every command is refused
		return err
	}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	link, err := pgbus.New(pool)
	if err != nil {
		t.Fatal(err)
	}
	err = link.Subscribe(t.Context(), func(revocation.Revocation) { t.Error("it has received something") })
	if err == nil || !strings.Contains(err.Error(), "25P02") {
		t.Errorf("got %v", err)
	}
	if conn := <-made; !conn.IsClosed() {
		t.Error("the connection is open")
	}
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, service service) {
		by := testservices.NewProxy(t, service.address, 0)
		link := service.dial(t, 10*time.Second, by)
		by.Cut()
		if err := link.Publish(t.Context(), revocation.OfPrincipal("ada")); err == nil {
			t.Error("published")
		}
		if err := link.Subscribe(t.Context(), func(revocation.Revocation) { t.Error("received") }); err == nil {
			t.Error("subscribed")
		}
	})
}

// TestLatency prints how long it takes from one process to another.
func TestLatency(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, service service) {
		one, other := service.dial(t, 10*time.Second, nil), service.dial(t, 10*time.Second, nil)
		received := subscribe(t, other)
		took := make([]time.Duration, 500)
		for i := range took {
			revoked := revocation.OfPrincipal(strconv.Itoa(i))
			began := time.Now()
			publish(t, one, revoked)
			if got := received.next(t); got != revoked {
				t.Fatalf("received %v", got)
			}
			took[i] = time.Since(began)
		}
		slices.Sort(took)
		t.Logf("%s: published to received: median %v, p99 %v, max %v", t.Name(), took[250], took[495], took[499])
	})
}
