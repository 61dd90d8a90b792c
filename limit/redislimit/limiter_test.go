package redislimit_test

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	connectrpc "connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
	"github.com/sallyport-rpc/sallyport/limit"
	"github.com/sallyport-rpc/sallyport/limit/redislimit"
	"github.com/sallyport-rpc/sallyport/server"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"}) // it does not connect yet
	t.Cleanup(func() { client.Close() })
	for name, test := range map[string]struct {
		client  redis.UniversalClient
		options []redislimit.Option
		want    []string
	}{
		"no client":    {nil, nil, []string{"a client is required"}},
		"nil option":   {client, []redislimit.Option{nil}, []string{"option 1 is nil"}},
		"no prefix":    {client, []redislimit.Option{redislimit.WithPrefix("")}, []string{"a prefix is required"}},
		"no timeout":   {client, []redislimit.Option{redislimit.WithTimeout(0)}, []string{"a timeout of 0s"}},
		"long timeout": {client, []redislimit.Option{redislimit.WithTimeout(11 * time.Second)}, []string{"a timeout of 11s"}},
		"no fallback":  {client, []redislimit.Option{redislimit.WithFallback(nil)}, []string{"the fallback is nil"}},
		"no logger":    {client, []redislimit.Option{redislimit.WithLogger(nil)}, []string{"the logger is nil"}},
		"everything":   {nil, []redislimit.Option{redislimit.WithPrefix(""), redislimit.WithTimeout(-1)}, []string{"a client", "a prefix", "a timeout"}},
	} {
		limiter, err := redislimit.New(test.client, test.options...)
		if limiter != nil || err == nil {
			t.Fatalf("%s: got %v and %v", name, limiter, err)
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in %v", name, want, err)
			}
		}
	}
}

// connect returns a client of the Redis of the tests, through a proxy where one is given.
func connect(t *testing.T, address string) *redis.Client {
	t.Helper()
	options, err := redis.ParseURL(testservices.Environment(t, "SALLYPORT_TEST_REDIS"))
	if err != nil {
		t.Fatal(err)
	}
	if address != "" {
		options.Addr = address
	}
	options.MaxRetries = -1
	client := redis.NewClient(options)
	t.Cleanup(func() { client.Close() })
	return client
}

func newLimiter(t *testing.T, client *redis.Client, options ...redislimit.Option) *redislimit.Limiter {
	t.Helper()
	options = append([]redislimit.Option{redislimit.WithPrefix(t.Name() + strconv.FormatInt(time.Now().UnixNano(), 10)), redislimit.WithTimeout(5 * time.Second)}, options...)
	limiter, err := redislimit.New(client, options...)
	if err != nil {
		t.Fatal(err)
	}
	return limiter
}

func take(t *testing.T, limiter limit.Limiter, buckets ...limit.Bucket) (time.Duration, int) {
	t.Helper()
	wait, over, err := limiter.Take(t.Context(), buckets)
	if err != nil {
		t.Fatal(err)
	}
	return wait, over
}

// It lets through what the limiter of the process does. The windows are long, so that
// nothing comes back meanwhile.
func TestTake(t *testing.T) {
	t.Parallel()
	limiter := newLimiter(t, connect(t, ""))
	hour := limit.Limit{Per: limit.Principal, Requests: 2, Window: time.Hour, Burst: 2}
	day := limit.Limit{Per: limit.Principal, Requests: 3, Window: 24 * time.Hour, Burst: 3}
	of := bucket
	for step, want := range []struct {
		buckets []limit.Bucket
		wait    time.Duration
		over    int
	}{
		{[]limit.Bucket{of(hour, "alice")}, 0, 0},
		{[]limit.Bucket{of(hour, "alice"), of(day, "alice")}, 0, 0},
		{[]limit.Bucket{of(hour, "alice")}, 30 * time.Minute, 0},
		{[]limit.Bucket{of(hour, "bob")}, 0, 0},
		{[]limit.Bucket{of(hour, "alice"), of(day, "alice")}, 30 * time.Minute, 0}, // it is not counted by the day
		{[]limit.Bucket{of(day, "alice")}, 0, 0},
		{[]limit.Bucket{of(day, "alice")}, 0, 0},
		{[]limit.Bucket{of(hour, "alice"), of(day, "alice")}, 8 * time.Hour, 1}, // of several the worst
		{[]limit.Bucket{of(limit.Limit{}, "alice")}, 1<<63 - 1, 0},
	} {
		wait, over := take(t, limiter, want.buckets...)
		if over != want.over || (want.wait-wait).Abs() > time.Minute && want.wait != wait {
			t.Errorf("step %d: wait %v over %d, want %v over %d", step, wait, over, want.wait, want.over)
		}
	}
}

func bucket(of limit.Limit, principal string) limit.Bucket {
	return limit.Bucket{Procedure: "/test", Limit: of, Principal: principal}
}

// A burst of one has room for one call, however the clock of Redis stands: redis_rate
// counts in floating point.
func TestBurstOfOne(t *testing.T) {
	t.Parallel()
	limiter := newLimiter(t, connect(t, ""))
	for number := range 300 {
		of := limit.Limit{Per: limit.Principal, Requests: 1 + number%7, Window: time.Hour, Burst: 1}
		if wait, _ := take(t, limiter, bucket(of, strconv.Itoa(number))); wait > 0 {
			t.Fatalf("caller %d of %v: the first call is refused for %v", number, of, wait)
		}
		if wait, _ := take(t, limiter, bucket(of, strconv.Itoa(number))); wait == 0 {
			t.Fatalf("caller %d of %v: the second call is let through", number, of)
		}
	}
}

// While Redis is down, calls are counted in the process or refused, as the options say, and
// in Redis again soon after it is back.
func TestRedisDown(t *testing.T) {
	t.Parallel()
	of := bucket(limit.Limit{Per: limit.Principal, Requests: 2, Window: time.Hour, Burst: 2}, "alice")
	proxy := testservices.NewProxy(t, connect(t, "").Options().Addr, 0)
	var log bytes.Buffer
	counting := newLimiter(t, connect(t, proxy.Address()), redislimit.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	refusing := newLimiter(t, connect(t, proxy.Address()), redislimit.WithRefusalWhenDown(), redislimit.WithLogger(slog.New(slog.DiscardHandler)))
	take(t, counting, of)
	take(t, refusing, of)
	proxy.Cut()
	for call := range 4 {
		if wait, _ := take(t, counting, of); (wait > 0) != (call >= 2) { // the process counts for itself
			t.Errorf("call %d without Redis: wait %v", call, wait)
		}
		if _, _, err := refusing.Take(t.Context(), []limit.Bucket{of}); err == nil {
			t.Errorf("call %d without Redis is not refused", call)
		}
	}
	if lines := strings.Count(log.String(), "limits are not counted in Redis"); lines != 1 {
		t.Errorf("it is logged %d times, want once:\n%s", lines, &log)
	}
	proxy.Open(t)
	time.Sleep(1100 * time.Millisecond) // for so long Redis is left alone
	for name, limiter := range map[string]*redislimit.Limiter{"counting": counting, "refusing": refusing} {
		if wait, _ := take(t, limiter, of); wait > 0 {
			t.Errorf("%s: Redis has room for one more, and the call is refused for %v", name, wait)
		}
		if wait, _ := take(t, limiter, of); wait == 0 {
			t.Errorf("%s: Redis has forgotten what was counted", name)
		}
	}
}

// A Redis that does not answer costs a call the timeout once, and then nothing for a while.
// A caller that leaves says nothing of Redis.
func TestRedisSilent(t *testing.T) {
	t.Parallel()
	of := bucket(limit.Limit{Per: limit.Principal, Requests: 1000, Window: time.Hour, Burst: 1000}, "alice")
	proxy := testservices.NewProxy(t, connect(t, "").Options().Addr, 0)
	limiter := newLimiter(t, connect(t, proxy.Address()), redislimit.WithTimeout(300*time.Millisecond), redislimit.WithLogger(slog.New(slog.DiscardHandler)))
	gone, leave := context.WithCancel(t.Context())
	leave()
	if _, _, err := limiter.Take(gone, []limit.Bucket{of}); err == nil {
		t.Error("a call whose caller is gone is counted")
	}
	take(t, limiter, of)
	proxy.Stall()
	start := time.Now()
	for range 50 {
		take(t, limiter, of)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("50 calls took %v", took)
	}
}

// flooded answers calls of the flood.
type flooded struct{}

func (flooded) Flood(context.Context, *action.AnonymousCall[testv1.FloodRequest]) (*testv1.FloodResponse, error) {
	return &testv1.FloodResponse{}, nil
}

// serve serves the flood on a port of its own, and returns its URL.
func serve(t *testing.T, limiter limit.Limiter) string {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	registry, err := action.NewRegistry(nil, action.WithLimiter(limiter), action.WithRecorder(event.LogRecorder(quiet)))
	if err != nil {
		t.Fatal(err)
	}
	if err := testv1action.RegisterFloodService(registry, flooded{}); err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(registry, server.WithLogger(quiet))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		<-ended
	})
	return "http://" + listener.Addr().String()
}

// Two servers on one Redis admit what one would: with 100 requests a second and a burst of
// 50, four callers at full speed are admitted 1,050 times in 10 seconds at most, and not
// many times fewer. The short form takes 2 seconds, and asks for the burst at least.
func TestTwoServersOneRedis(t *testing.T) {
	t.Parallel()
	duration, patient := 2*time.Second, false
	if text := os.Getenv("SALLYPORT_TEST_LIMITS"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatal(err)
		}
		patient = true
	}
	prefix := redislimit.WithPrefix(t.Name() + strconv.FormatInt(time.Now().UnixNano(), 10))
	var clients []testv1client.FloodServiceClient
	for range 2 {
		url := serve(t, newLimiter(t, connect(t, ""), prefix))
		for range 2 {
			clients = append(clients, testv1client.NewFloodServiceClient(connectrpc.NewClient(connecthttp.NewTransport(http.DefaultClient, url))))
		}
	}
	var admitted, refused atomic.Int64
	var group sync.WaitGroup
	start := time.Now()
	for _, client := range clients {
		group.Go(func() {
			for time.Since(start) < duration {
				_, err := client.Flood(t.Context(), &testv1.FloodRequest{})
				switch {
				case err == nil:
					admitted.Add(1)
				case connectrpc.CodeOf(err) == connectrpc.CodeResourceExhausted:
					refused.Add(1)
				default:
					t.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	took := time.Since(start)
	most := int64(50+100*took.Seconds()) + 1
	least := int64(50+100*duration.Seconds()) * 90 / 100
	if !patient { // other tests may take the machine meanwhile
		least = min(50, admitted.Load()+refused.Load())
	}
	t.Logf("2 servers, 4 callers, %v: %d admitted (between %d and %d), %d refused", took.Round(time.Millisecond), admitted.Load(), least, most, refused.Load())
	if admitted.Load() < least || admitted.Load() > most {
		t.Errorf("%d were admitted, want between %d and %d", admitted.Load(), least, most)
	}
}
