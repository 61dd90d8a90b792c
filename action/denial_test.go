package action_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/encoding/protojson"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

// secretive is a valid request for alice's own, with something planted in every
// field that no grant of [unary]("Own") reads.
func secretive() *testv1.Request {
	return &testv1.Request{
		Owner:  "alice",
		Secret: planted,
		Tags:   []string{planted},
		Labels: map[string]string{"label": planted},
		When:   &testv1.Request_Word{Word: planted},
	}
}

// TestDenials has a row for every row of design.md, section 5, that ends before the
// handler, and calls an action of every shape in every way that there is.
func TestDenials(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	broken := secretive()
	broken.Owner, broken.Secret = "", strings.Repeat(planted, 100)
	undecidable := secretive()
	undecidable.Lookup = planted
	strange := secretive()
	strange.Owner = "another"
	for _, test := range []struct {
		name          string
		authorization string
		answer        func(context.Context, *connect.CallInfo) (*authn.Principal, error)
		request       any
		want          refused
	}{
		{
			name:          "validate: rules do not hold",
			authorization: as("session", "alice"),
			request:       broken,
			want: refused{
				code: connect.CodeInvalidArgument, stage: event.StageValidate, reason: "secret: string.max_len, owner: string.min_len",
				rules: []string{"string.max_len", "string.min_len"},
			},
		},
		{
			name:          "validate: a rule fails to run",
			authorization: as("session", "alice"),
			request:       undecidable,
			want:          refused{code: connect.CodeInternal, text: textInternal, stage: event.StageValidate, reason: "a fault", fault: true},
		},
		{
			name:    "authenticate: nothing offered",
			request: secretive(),
			want:    refused{code: connect.CodeUnauthenticated, text: textUnauthenticated, stage: event.StageAuthenticate, reason: "no credential offered that the action takes"},
		},
		{
			name:          "authenticate: another kind of credential offered",
			authorization: as("bearer", "alice"),
			request:       secretive(),
			want:          refused{code: connect.CodeUnauthenticated, text: textUnauthenticated, stage: event.StageAuthenticate, reason: "no credential offered that the action takes"},
		},
		{
			name:          "authenticate: nothing valid offered",
			authorization: as("session", "unknown"),
			request:       secretive(),
			want: refused{
				code: connect.CodeUnauthenticated, text: textUnauthenticated, stage: event.StageAuthenticate,
				reason: "session: invalid credential: unknown session",
			},
		},
		{
			name:    "authenticate: the backend is down",
			answer:  answers(nil, authn.Unavailable(errors.New("connection refused"))),
			request: secretive(),
			want: refused{
				code: connect.CodeUnavailable, text: textUnavailable, stage: event.StageAuthenticate, reason: "session: unavailable", fault: true,
			},
		},
		{
			name:    "authenticate: the backend fails",
			answer:  answers(nil, errors.New("no such table")),
			request: secretive(),
			want:    refused{code: connect.CodeInternal, text: textInternal, stage: event.StageAuthenticate, reason: "session: a fault", fault: true},
		},
		{
			name:    "authenticate: the backend panics",
			answer:  func(context.Context, *connect.CallInfo) (*authn.Principal, error) { panic("out of range") },
			request: secretive(),
			want:    refused{code: connect.CodeInternal, text: textInternal, stage: event.StageAuthenticate, reason: "a fault", fault: true},
		},
		{
			name:          "authorize: no grant holds",
			authorization: as("session", "visitor"),
			request:       secretive(),
			want: refused{
				code: connect.CodePermissionDenied, text: textDenied, stage: event.StageAuthorize, reason: "no grant holds",
				principal: "visitor", scheme: "session",
			},
		},
		{
			name:          "authorize: no grant holds for this request",
			authorization: as("session", "alice"),
			request:       strange,
			want: refused{
				code: connect.CodePermissionDenied, text: textDenied, stage: event.StageAuthorize, reason: "no grant holds",
				principal: "alice", scheme: "session",
			},
		},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			fixture.session.answer = test.answer
			for _, procedure := range []string{
				unary("Own"),
				stream("WatchFirst"), stream("CollectFirst"), stream("ChatFirst"),
				stream("WatchEvery"), stream("CollectEvery"), stream("ChatEvery"),
			} {
				fixture.alone(t, methodName(procedure), func(t *testing.T) {
					fixture.through(t, procedure, func(t *testing.T, way way) {
						if procedure != unary("Own") && (strings.HasSuffix(way.name, "json") || way.name == "grpc-web") {
							t.SkipNow() // TestOrder calls every stream in every way
						}
						got := fixture.ask(t.Context(), way, procedure, test.authorization, test.request)
						fixture.expectRefused(t, got, test.want)
					})
				})
			}
		})
	}
}

func answers(principal *authn.Principal, err error) func(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return func(context.Context, *connect.CallInfo) (*authn.Principal, error) { return principal, err }
}

// TestDecodeDenials sends what cannot be read. The caller gets connect's own text,
// which may quote the request; the record does not.
func TestDecodeDenials(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	big := owned("alice")
	for range 2 * readMaxBytes / 1000 {
		big.Tags = append(big.Tags, strings.Repeat("x", 1000))
	}
	for _, test := range []struct {
		name    string
		message any
		want    refused
	}{
		{
			name:    "malformed",
			message: raw("{\"owner\": \x80 " + planted),
			want:    refused{code: connect.CodeInvalidArgument, stage: event.StageDecode, reason: "the request could not be read: invalid_argument"},
		},
		{
			name:    "too large",
			message: big,
			want:    refused{code: connect.CodeResourceExhausted, stage: event.StageDecode, reason: "the request could not be read: resource_exhausted"},
		},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			for _, procedure := range []string{unary("Own"), unary("Read"), unary("Public"), stream("WatchFirst"), stream("CollectFirst"), stream("ChatEvery")} {
				fixture.alone(t, methodName(procedure), func(t *testing.T) {
					fixture.through(t, procedure, func(t *testing.T, way way) {
						want := test.want
						if way.name == "in-process" {
							if test.name == "too large" {
								t.Skip("nothing is encoded in process, so no size is known")
							}
							want.reason = "the request could not be read"
						}
						if way.get && test.name == "too large" {
							t.Skip("a client of connect posts what is too long for a URL")
						}
						got := fixture.ask(t.Context(), way, procedure, as("session", "alice"), test.message)
						fixture.expectRefused(t, got, want)
					})
				})
			}
		})
	}
}

// TestRawDenials speaks HTTP by hand, as curl would.
func TestRawDenials(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	body := func(request *testv1.Request) string { return string(must(protojson.Marshal(request))) }
	for _, test := range []struct {
		name, method, procedure, header, body, query string
		status                                       int
		shows                                        string
		events                                       []string
	}{
		{name: "allowed", procedure: "Own", header: "Authorization: session s3cr3t-alice", body: body(owned("alice")), status: 200, shows: `"caller":"alice"`, events: []string{"ask session", "allow at handle", "handle"}},
		{name: "allowed to anybody", procedure: "Public", body: body(owned("alice")), status: 200, shows: `"owners":["alice"]`, events: []string{"allow at handle", "handle"}},
		{name: "allowed by GET", method: "GET", procedure: "Read", header: "Authorization: session s3cr3t-alice", query: `?connect=v1&encoding=json&message=%7B%22owner%22%3A%22alice%22%7D`, status: 200, shows: `"caller":"alice"`, events: []string{"ask session", "allow at handle", "handle"}},
		{name: "bad JSON", procedure: "Own", header: "Authorization: session s3cr3t-alice", body: `{"owner":`, status: 400, shows: "invalid_argument", events: []string{"deny at decode"}},
		{name: "empty body", procedure: "Own", header: "Authorization: session s3cr3t-alice", status: 400, shows: "invalid_argument", events: []string{"deny at decode"}},
		{name: "a rule broken", procedure: "Own", header: "Authorization: session s3cr3t-alice", body: `{}`, status: 400, shows: "buf.validate.Violations", events: []string{"deny at validate"}},
		{name: "no credential", procedure: "Own", body: body(owned("alice")), status: 401, shows: "unauthenticated", events: []string{"ask session", "deny at authenticate"}},
		{name: "not allowed", procedure: "Own", header: "Authorization: session s3cr3t-visitor", body: body(owned("alice")), status: 403, shows: "permission_denied", events: []string{"ask session", "deny at authorize"}},
		{name: "unknown encoding", procedure: "Own", header: "Content-Encoding: snappy", body: body(owned("alice")), status: 501, shows: "unimplemented"},
		{name: "unknown codec", procedure: "Own", header: "Content-Type: application/yaml", body: "owner: alice", status: 415},
		{name: "GET of what may have side effects", method: "GET", procedure: "Own", header: "Authorization: session s3cr3t-alice", query: `?connect=v1&encoding=json&message=%7B%22owner%22%3A%22alice%22%7D`, status: 405},
		{name: "another method", method: "PUT", procedure: "Own", body: body(owned("alice")), status: 405},
		{name: "another action", procedure: "Owned", body: body(owned("alice")), status: 501, shows: "unimplemented"},
		{name: "another case", procedure: "own", body: body(owned("alice")), status: 501, shows: "unimplemented"},
		{name: "a trailing slash", procedure: "Own/", body: body(owned("alice")), status: 501, shows: "unimplemented"},
		{name: "percent-encoded", procedure: "%4Fwn", body: body(owned("alice")), status: 401, shows: "unauthenticated", events: []string{"ask session", "deny at authenticate"}},
		{name: "a claim that it was checked", procedure: "Own", header: "X-Middleware-Subrequest: middleware", body: body(owned("alice")), status: 401, shows: "unauthenticated", events: []string{"ask session", "deny at authenticate"}},
		{name: "a method override", procedure: "Own", header: "X-HTTP-Method-Override: GET", body: body(owned("alice")), status: 401, shows: "unauthenticated", events: []string{"ask session", "deny at authenticate"}},
		{name: "a forwarded identity", procedure: "Own", header: "X-Forwarded-User: alice", body: body(owned("alice")), status: 401, shows: "unauthenticated", events: []string{"ask session", "deny at authenticate"}},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			if test.method == "" {
				test.method = http.MethodPost
			}
			request := must(http.NewRequestWithContext(t.Context(), test.method, fixture.url+unary(test.procedure)+test.query, strings.NewReader(test.body)))
			if test.method == http.MethodPost {
				request.Header.Set("Content-Type", "application/json")
			}
			if name, value, ok := strings.Cut(test.header, ": "); ok {
				request.Header.Set(name, value)
			}
			response, err := http.DefaultClient.Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			var told bytes.Buffer
			must(told.ReadFrom(response.Body))
			if response.StatusCode != test.status {
				t.Errorf("got %s, want %d: %s", response.Status, test.status, told.String())
			}
			// protojson puts a space where it likes.
			if text := strings.ReplaceAll(told.String(), " ", ""); !strings.Contains(text, test.shows) || strings.Contains(text, planted) {
				t.Errorf("the body is %s, want it to show %s", told.String(), test.shows)
			}
			if challenge := response.Header.Get("WWW-Authenticate"); (challenge != "") != (test.status == http.StatusUnauthorized) {
				t.Errorf("WWW-Authenticate is %q", challenge)
			}
			fixture.expect(t, test.events...)
		})
	}
}

// TestValidation breaks every kind of rule there is in the test services' request.
func TestValidation(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	with := func(change func(*testv1.Request)) *testv1.Request {
		request := owned("alice")
		change(request)
		return request
	}
	for _, test := range []struct {
		name    string
		request *testv1.Request
		rules   []string
		reason  string
	}{
		{"string", with(func(r *testv1.Request) { r.Owner = strings.Repeat("é", 65) }), []string{"string.max_len"}, "owner: string.max_len"},
		{"number", with(func(r *testv1.Request) { r.First = -1 }), []string{"int32.gte_lte"}, "first: int32.gte_lte"},
		{"list", with(func(r *testv1.Request) { r.Tags = []string{planted, planted} }), []string{"repeated.unique"}, "tags: repeated.unique"},
		{"element", with(func(r *testv1.Request) { r.Tags = []string{planted, ""} }), []string{"string.min_len"}, "tags: string.min_len"},
		{"key of a map", with(func(r *testv1.Request) { r.Labels = map[string]string{planted: "x"} }), []string{"string.pattern"}, "labels: string.pattern"},
		{"enum", with(func(r *testv1.Request) { r.Kind = 99 }), []string{"enum.defined_only"}, "kind: enum.defined_only"},
		{"message", with(func(r *testv1.Request) { r.First, r.Last = 2, 1 }), []string{"request.range"}, ": request.range"},
		{"part", with(func(r *testv1.Request) { r.Part = &testv1.Part{Id: planted} }), []string{"string.uuid"}, "part.id: string.uuid"},
		{"oneof", with(func(r *testv1.Request) { r.When = &testv1.Request_Seconds{Seconds: -1} }), []string{"int64.gte"}, "seconds: int64.gte"},
		{"oneof, the other", with(func(r *testv1.Request) { r.When = &testv1.Request_Word{} }), []string{"string.min_len"}, "word: string.min_len"},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			fixture.through(t, unary("Read"), func(t *testing.T, way way) {
				got := fixture.ask(t.Context(), way, unary("Read"), as("session", "alice"), test.request)
				fixture.expectRefused(t, got, refused{
					code: connect.CodeInvalidArgument, stage: event.StageValidate, reason: test.reason, rules: test.rules,
				})
			})
		})
	}
}

// TestInterrupted ends the context of a call while the authenticator still thinks.
func TestInterrupted(t *testing.T) {
	t.Parallel()
	fixture := newFixture(t)
	for _, test := range []struct {
		name   string
		cause  func(context.Context, func()) error
		answer error // of the authenticator, "" is the context's own
		want   refused
	}{
		{
			name: "the caller goes away",
			want: refused{code: connect.CodeCanceled, text: "canceled", stage: event.StageAuthenticate, reason: "the caller went away"},
		},
		{
			name:   "the caller goes away, and the authenticator has a text for it",
			answer: authn.InvalidCredential("interrupted"),
			want:   refused{code: connect.CodeCanceled, text: "canceled", stage: event.StageAuthenticate, reason: "the caller went away"},
		},
	} {
		fixture.alone(t, test.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			fixture.session.answer = func(ctx context.Context, _ *connect.CallInfo) (*authn.Principal, error) {
				cancel()
				<-ctx.Done()
				if test.answer != nil {
					return nil, test.answer
				}
				return nil, fmt.Errorf("asking: %w", ctx.Err())
			}
			// In process the caller gets what the gate answered; over a connection it has
			// gone.
			got := fixture.ask(ctx, fixture.ways[len(fixture.ways)-1], unary("Own"), "", owned("alice"))
			fixture.expectRefused(t, got, test.want)
		})
	}
	fixture.alone(t, "the deadline passes", func(t *testing.T) {
		fixture.session.answer = func(ctx context.Context, _ *connect.CallInfo) (*authn.Principal, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		got := fixture.ask(ctx, fixture.ways[len(fixture.ways)-1], unary("Own"), "", owned("alice"))
		fixture.expectRefused(t, got, refused{
			code: connect.CodeDeadlineExceeded, text: "deadline exceeded", stage: event.StageAuthenticate, reason: "the call's deadline passed",
		})
	})
	fixture.alone(t, "the caller has gone when the principal is found", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		fixture.session.answer = func(context.Context, *connect.CallInfo) (*authn.Principal, error) {
			cancel()
			return people["alice"], nil
		}
		got := fixture.ask(ctx, fixture.ways[len(fixture.ways)-1], unary("Own"), "", owned("alice"))
		fixture.expectRefused(t, got, refused{
			code: connect.CodeCanceled, text: "canceled", stage: event.StageAuthorize, reason: "the caller went away",
			principal: "alice", scheme: "session",
		})
	})
}
