package server_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/v1/testv1client"
	"github.com/sallyport-rpc/sallyport/server"
)

// recorded is how soon a test must see what comes of a revocation, with the grace for
// a Send that waits.
const recorded = 30 * time.Second

// A fakeAuthenticator knows one caller, until that is changed.
type fakeAuthenticator struct {
	mu      sync.Mutex
	details authn.Details
	err     error
	revoked []func(string)
	// lifetime is how long the credential is valid from its first use; 0 for ever.
	lifetime time.Duration
}

func (f *fakeAuthenticator) Authenticate(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return nil, f.err
	}
	if f.lifetime > 0 && f.details.ExpiresAt.IsZero() {
		f.details.ExpiresAt = time.Now().Add(f.lifetime)
	}
	return authn.NewPrincipal("eve", f.details), nil
}

func (f *fakeAuthenticator) OnRevoke(revoked func(string)) { f.revoked = append(f.revoked, revoked) }

// change changes what the authenticator knows, and publishes that if asked.
func (f *fakeAuthenticator) change(details authn.Details, err error, publish bool) {
	f.mu.Lock()
	f.details, f.err = details, err
	f.mu.Unlock()
	if publish {
		for _, revoked := range f.revoked {
			revoked("eve")
		}
	}
}

// guarded has streams on which nothing moves once they have begun. Its other methods
// are not called.
type guarded struct {
	testv1action.StreamServiceHandler

	began chan struct{}
	ended chan error
	// flood has WatchOpen send without end, and counts the bytes.
	flood bool
	sent  atomic.Int64
}

func (g *guarded) WatchOpen(ctx context.Context, _ *action.Call[testv1.Request], out *action.ServerStream[testv1.Response]) error {
	err := out.SendHeaders() // connect's client waits for them
	g.began <- struct{}{}
	if g.flood {
		response := &testv1.Response{Caller: strings.Repeat("x", 64<<10)}
		for err == nil {
			if err = out.Send(response); err == nil {
				g.sent.Add(int64(len(response.GetCaller())))
			}
		}
	} else {
		<-ctx.Done()
		err = context.Cause(ctx)
	}
	g.ended <- err
	return nil // the gate's answer stands
}

func (g *guarded) CollectOpen(_ context.Context, in *action.ClientStream[testv1.Request]) (*testv1.Response, error) {
	return &testv1.Response{}, g.collect(in.Receive)
}

func (g *guarded) ChatOpen(_ context.Context, in *action.BidiStream[testv1.Request, testv1.Response]) error {
	return g.collect(in.Receive)
}

func (g *guarded) collect(receive func() (*testv1.Request, error)) error {
	for begun := false; ; begun = true {
		if _, err := receive(); err != nil {
			g.ended <- err
			return nil //nolint:nilerr // the gate's answer stands
		}
		if !begun {
			g.began <- struct{}{}
		}
	}
}

func serveGuarded(t *testing.T, authenticator *fakeAuthenticator, guarded *guarded, options ...server.Option) (*served, *records) {
	t.Helper()
	records := &records{}
	registry, err := action.NewRegistry(authn.Schemes{"session": authenticator}, action.WithRecorder(records))
	if err != nil {
		t.Fatal(err)
	}
	guarded.began, guarded.ended = make(chan struct{}, 1), make(chan error, 1)
	if err := testv1action.RegisterStreamService(registry, guarded); err != nil {
		t.Fatal(err)
	}
	return start(t, registry, options...), records
}

var guardedShapes = map[string]connect.StreamType{
	testv1client.StreamServiceWatchOpenProcedure:   connect.StreamTypeServer,
	testv1client.StreamServiceCollectOpenProcedure: connect.StreamTypeClient,
	testv1client.StreamServiceChatOpenProcedure:    connect.StreamTypeBidi,
}

// begin opens a stream with one message and waits until its handler runs.
func (g *guarded) begin(t *testing.T, client *connect.Client, procedure string) connect.ClientStream {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), recorded)
	t.Cleanup(cancel)
	spec := connect.Spec{Procedure: procedure, StreamType: guardedShapes[procedure]}
	stream, err := client.CallClientStream(ctx, spec)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Send(&testv1.Request{Owner: "eve"}); err != nil {
		t.Fatal(err)
	}
	if spec.StreamType == connect.StreamTypeServer {
		if err := stream.CloseSend(); err != nil {
			t.Fatal(err)
		}
	}
	await(t, g.began)
	return stream
}

func await[T any](t *testing.T, from <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-from:
	case <-time.After(recorded):
		t.Fatal("it takes too long")
	}
	return value
}

// TestStreamEndsWithItsPrincipal takes from callers what their streams live by, while
// no message moves.
func TestStreamEndsWithItsPrincipal(t *testing.T) {
	t.Parallel()
	editor := authn.Details{Unscoped: true, Roles: []string{"editor"}}
	for name, test := range map[string]struct {
		lifetime time.Duration // of the credential from its first use, 0 for ever
		end      func(*fakeAuthenticator)
		want     connect.Code
		stage    event.Stage
	}{
		"the credential expires": {lifetime: 2 * time.Second, end: func(*fakeAuthenticator) {}, want: connect.CodeUnauthenticated, stage: event.StageAuthenticate},
		"the credential is revoked": {
			end: func(f *fakeAuthenticator) {
				f.change(authn.Details{Unscoped: true}, authn.InvalidCredential("revoked"), true)
			},
			want: connect.CodeUnauthenticated, stage: event.StageAuthenticate,
		},
		"the role is revoked": {
			end: func(f *fakeAuthenticator) {
				f.change(authn.Details{Unscoped: true, Roles: []string{"viewer"}}, nil, true)
			},
			want: connect.CodePermissionDenied, stage: event.StageAuthorize,
		},
		"the store fails": {
			end:  func(f *fakeAuthenticator) { f.change(editor, authn.Unavailable(errors.New("down")), true) },
			want: connect.CodeUnavailable, stage: event.StageAuthenticate,
		},
	} {
		for procedure := range guardedShapes {
			for protocol, options := range protocols {
				shape := procedure[strings.LastIndexByte(procedure, '/')+1:]
				t.Run(name+"/"+shape+"/"+protocol, func(t *testing.T) {
					t.Parallel()
					authenticator, guarded := &fakeAuthenticator{details: editor, lifetime: test.lifetime}, &guarded{}
					served, records := serveGuarded(t, authenticator, guarded)
					client := connect.NewClient(connecthttp.NewTransport(served.client(t, 2), served.url, options...))
					stream := guarded.begin(t, client, procedure)
					defer stream.Close()
					test.end(authenticator)
					if err := await(t, guarded.ended); connect.CodeOf(err) != test.want {
						t.Errorf("the handler is told %v, want %s", err, test.want)
					}
					if err := stream.Receive(&testv1.Response{}); connect.CodeOf(err) != test.want {
						t.Errorf("the client is told %v, want %s", err, test.want)
					}
					var denials []event.Decision
					for _, decision := range records.take() {
						if decision.Outcome == event.Deny {
							denials = append(denials, decision)
						}
					}
					if len(denials) != 1 || denials[0].Code != test.want || denials[0].Stage != test.stage || denials[0].PrincipalID != "eve" {
						t.Errorf("the denials recorded are %+v", denials)
					}
				})
			}
		}
	}
}

// TestClientNeverReads sends to a client that reads nothing. What waits for it is
// bounded, and neither a revocation nor the idle limit waits for it.
func TestClientNeverReads(t *testing.T) {
	t.Parallel()
	const most = 16 << 20
	for name, test := range map[string]struct {
		options []server.Option
		revoke  bool
		want    connect.Code
	}{
		"revoked": {nil, true, connect.CodePermissionDenied},
		"idle":    {[]server.Option{server.WithStreamIdleTimeout(time.Second)}, false, connect.CodeDeadlineExceeded},
	} {
		for protocol, options := range protocols {
			for major := 1; major <= 2; major++ {
				t.Run(name+"/"+protocol+"/HTTP-"+string(rune('0'+major)), func(t *testing.T) {
					t.Parallel()
					authenticator, guarded := &fakeAuthenticator{details: authn.Details{Unscoped: true, Roles: []string{"editor"}}}, &guarded{flood: true}
					served, records := serveGuarded(t, authenticator, guarded, test.options...)
					// Compressing takes so long on a busy machine that a message moves every second.
					options := append(slices.Clone(options), connecthttp.WithCompressors())
					client := connect.NewClient(connecthttp.NewTransport(served.client(t, major), served.url, options...))
					stream := guarded.begin(t, client, testv1client.StreamServiceWatchOpenProcedure)
					defer stream.Close()
					if test.revoke {
						stalled(t, &guarded.sent)
						authenticator.change(authn.Details{Unscoped: true}, nil, true)
					}
					if err := await(t, guarded.ended); connect.CodeOf(err) != test.want {
						t.Errorf("the handler is told %v, want %s", err, test.want)
					}
					if sent := guarded.sent.Load(); sent > most {
						t.Errorf("%d bytes were sent to a client that does not read", sent)
					}
					for { // what is on its way, and then no good end
						err := stream.Receive(&testv1.Response{})
						if errors.Is(err, io.EOF) {
							t.Error("the stream ended well")
						}
						if err != nil {
							break
						}
					}
					if end := records.awaitEnd(t); end.Outcome != event.Deny || end.Code != test.want {
						t.Errorf("it ended with %+v", end)
					}
				})
			}
		}
	}
}

// stalled waits until a count stands still.
func stalled(t *testing.T, count *atomic.Int64) {
	t.Helper()
	for since, last := time.Now(), int64(-1); time.Since(since) < 200*time.Millisecond; time.Sleep(10 * time.Millisecond) {
		if now := count.Load(); now != last {
			since, last = time.Now(), now
		}
	}
}
