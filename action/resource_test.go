package action_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	docsv1 "github.com/sallyport-rpc/sallyport/gen/test/docs/v1"
)

// Grants are decided on the object that is loaded, once a call, and the handler gets it.
func TestResource(t *testing.T) {
	t.Parallel()
	fixture := newDocsFixture(t)
	handled := []string{"load doc", "allow at handle", "handle doc of alice"}
	denied := []string{"load doc", "deny at authorize"}
	gone := []string{"load gone", "deny at authorize"}
	folder := func(number int64) any { return &docsv1.FolderRequest{Number: number} }
	for name, test := range map[string]struct {
		method, as string
		request    any
		code       connect.Code // 0 for an answer
		want       []string
		load       event.Load
	}{
		"the owner's":                        {"Read", "alice", docOf("doc"), 0, handled, event.LoadFound},
		"a reader's":                         {"Read", "bob", docOf("doc"), 0, handled, event.LoadFound},
		"an admin's":                         {"Read", "admin", docOf("doc"), 0, handled, event.LoadFound},
		"a stranger's":                       {"Read", "stranger", docOf("doc"), connect.CodePermissionDenied, denied, event.LoadFound},
		"not there, for a stranger":          {"Read", "stranger", docOf("gone"), connect.CodePermissionDenied, gone, event.LoadNotFound},
		"not there, for an admin":            {"Read", "admin", docOf("gone"), connect.CodeNotFound, gone, event.LoadNotFound},
		"no name, for a stranger":            {"Read", "stranger", docOf(""), connect.CodePermissionDenied, []string{"deny at authorize"}, event.LoadNotFound},
		"no name, for an admin":              {"Read", "admin", docOf(""), connect.CodeNotFound, []string{"deny at authorize"}, event.LoadNotFound},
		"concealed, the owner's":             {"ReadConcealed", "alice", docOf("doc"), 0, handled, event.LoadFound},
		"concealed, a stranger's":            {"ReadConcealed", "stranger", docOf("doc"), connect.CodeNotFound, denied, event.LoadFound},
		"concealed, not there":               {"ReadConcealed", "stranger", docOf("gone"), connect.CodeNotFound, gone, event.LoadNotFound},
		"concealed, not there, for an admin": {"ReadConcealed", "admin", docOf("gone"), connect.CodeNotFound, gone, event.LoadNotFound},
		"a scoped credential's":              {"Read", "scoped", docOf("doc"), connect.CodePermissionDenied, []string{"deny at authorize"}, event.LoadSkipped},
		"with a check":                       {"Edit", "alice", docOf("doc"), 0, []string{"load doc", "check", "allow at handle", "handle doc of alice"}, event.LoadFound},
		"with a check, a stranger's":         {"Edit", "stranger", docOf("doc"), connect.CodePermissionDenied, denied, event.LoadFound},
		"with a check, not there":            {"Edit", "alice", docOf("gone"), connect.CodePermissionDenied, gone, event.LoadNotFound},
		"what no object could make true": {
			"Edit", "alice", &docsv1.DocumentRequest{DocumentId: "doc"}, connect.CodePermissionDenied, []string{"deny at authorize"}, event.LoadSkipped,
		},
		"by a number":                {"Open", "alice", folder(7), 0, []string{"load folder", "allow at handle", "handle folder of alice"}, event.LoadFound},
		"by a number, a stranger's":  {"Open", "bob", folder(7), connect.CodePermissionDenied, []string{"load folder", "deny at authorize"}, event.LoadFound},
		"by a number that is zero":   {"Open", "alice", folder(0), connect.CodePermissionDenied, []string{"load folder", "deny at authorize"}, event.LoadNotFound},
		"a stream of responses":      {"Watch", "alice", docOf("doc"), 0, handled, event.LoadFound},
		"a stream, a stranger's":     {"Watch", "stranger", docOf("doc"), connect.CodePermissionDenied, denied, event.LoadFound},
		"a stream, not there":        {"Watch", "admin", docOf("gone"), connect.CodeNotFound, gone, event.LoadNotFound},
		"a stream of requests":       {"Collect", "alice", docOf("doc"), 0, append(slices.Clone(handled), "received, about doc"), event.LoadFound},
		"requests, a stranger's":     {"Collect", "stranger", docOf("doc"), connect.CodePermissionDenied, denied, event.LoadFound},
		"requests, not there":        {"Collect", "admin", docOf("gone"), connect.CodeNotFound, gone, event.LoadNotFound},
		"a dialogue":                 {"Chat", "alice", docOf("doc"), 0, handled, event.LoadFound},
		"a dialogue, a stranger's":   {"Chat", "stranger", docOf("doc"), connect.CodePermissionDenied, denied, event.LoadFound},
		"a dialogue about one of no": {"Chat", "admin", docOf("gone"), connect.CodeNotFound, gone, event.LoadNotFound},
	} {
		fixture.alone(t, name, func(t *testing.T) {
			fixture.through(t, docs(test.method), func(t *testing.T, way way) {
				fixture.take()
				_, err := fixture.call(t, way, docs(test.method), test.as, test.request)
				if test.code == 0 && err != nil || test.code != 0 && connect.CodeOf(err) != test.code {
					t.Errorf("got %v, want %s", err, test.code)
				}
				_, decisions := fixture.peek()
				fixture.expect(t, append([]string{"ask session"}, test.want...)...)
				if len(decisions) != 1 || decisions[0].Load != test.load {
					t.Errorf("the load is %v, want %s", decisions, test.load)
				}
			})
		})
	}
}

// No event has anything of what was loaded, also where grants are explained.
func TestResourceIsInNoEvent(t *testing.T) {
	t.Parallel()
	fixture := newDocsFixture(t, action.WithEventValues())
	fixture.library.set(&docsv1.Document{Id: "doc", OwnerId: planted, Folder: planted, ReaderIds: []string{planted}})
	for _, as := range []string{"stranger", "admin"} {
		for _, method := range []string{"Read", "Edit", "Chat"} {
			_, _ = fixture.call(t, fixture.ways[0], docs(method), as, docOf("doc"))
		}
	}
	events := fixture.takeEvents()
	if len(events) < 6 {
		t.Fatalf("%d events", len(events))
	}
	for _, e := range events {
		text := fmt.Sprintf("%+v %+v %+v", e, e.Decision, e.Values)
		if strings.Contains(text, planted) {
			t.Errorf("an event has what was loaded: %s", text)
		}
		if e.Values != nil && e.Load == event.LoadFound && !slices.Contains(e.Values.Incomplete, "resource.owner_id") {
			t.Errorf("%s does not say that the resource is missing: %q", e.Procedure, e.Values.Incomplete)
		}
	}
}

// What the loader returns, or does, decides no call that it should not.
func TestLoaderFaults(t *testing.T) {
	t.Parallel()
	own := &docsv1.Document{Id: "doc", OwnerId: "alice"}
	returns := func(doc *docsv1.Document, err error) func(context.Context, *authn.Principal, string) (*docsv1.Document, error) {
		return func(context.Context, *authn.Principal, string) (*docsv1.Document, error) { return doc, err }
	}
	for name, test := range map[string]struct {
		load  func(context.Context, *authn.Principal, string) (*docsv1.Document, error)
		code  connect.Code // 0 for an answer
		stage event.Stage
		want  event.Load
	}{
		"an object":                    {returns(own, nil), 0, event.StageHandle, event.LoadFound},
		"nothing":                      {returns(nil, nil), connect.CodeInternal, event.StageLoad, event.LoadFailed},
		"an error":                     {returns(nil, errors.New(planted)), connect.CodeInternal, event.StageLoad, event.LoadFailed},
		"an object and an error":       {returns(own, errors.New(planted)), connect.CodeInternal, event.StageLoad, event.LoadFailed},
		"an object that is not there":  {returns(own, action.NotFound()), connect.CodePermissionDenied, event.StageAuthorize, event.LoadNotFound},
		"not there, beneath an error":  {returns(nil, fmt.Errorf("%s: %w", planted, action.NotFound())), connect.CodePermissionDenied, event.StageAuthorize, event.LoadNotFound},
		"another's not_found":          {returns(nil, connect.NewError(connect.CodeNotFound, "no such route")), connect.CodeInternal, event.StageLoad, event.LoadFailed},
		"an authored error":            {returns(nil, connect.NewError(connect.CodeAlreadyExists, planted)), connect.CodeInternal, event.StageLoad, event.LoadFailed},
		"unavailable":                  {returns(nil, authn.Unavailable(errors.New(planted))), connect.CodeUnavailable, event.StageLoad, event.LoadFailed},
		"too slow":                     {returns(nil, context.DeadlineExceeded), connect.CodeUnavailable, event.StageLoad, event.LoadFailed},
		"an object of another":         {returns(&docsv1.Document{Id: "doc", OwnerId: "bob"}, nil), connect.CodePermissionDenied, event.StageAuthorize, event.LoadFound},
		"an object with nothing in it": {returns(&docsv1.Document{}, nil), connect.CodePermissionDenied, event.StageAuthorize, event.LoadFound},
		"a panic":                      {func(context.Context, *authn.Principal, string) (*docsv1.Document, error) { panic(planted) }, connect.CodeInternal, event.StageLoad, event.LoadFailed},
		"the principal, who is the one": {func(_ context.Context, p *authn.Principal, id string) (*docsv1.Document, error) {
			return &docsv1.Document{Id: id, OwnerId: p.ID()}, nil
		}, 0, event.StageHandle, event.LoadFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fixture := newDocsFixture(t)
			fixture.library.loadWith(test.load)
			for _, method := range []string{"Read", "Watch", "Collect", "Chat"} {
				for _, way := range []way{fixture.ways[0], fixture.ways[4], fixture.ways[len(fixture.ways)-1]} {
					fixture.take()
					_, err := fixture.call(t, way, docs(method), "alice", docOf("doc"))
					if test.code == 0 && err != nil || test.code != 0 && connect.CodeOf(err) != test.code {
						t.Errorf("%s by %s: got %v, want %s", method, way.name, err, test.code)
					}
					if err != nil && strings.Contains(err.Error(), planted) {
						t.Errorf("%s by %s: the caller is told %v", method, way.name, err)
					}
					events, decisions := fixture.take()
					if len(decisions) != 1 || decisions[0].Stage != test.stage || decisions[0].Load != test.want {
						t.Errorf("%s by %s: %+v", method, way.name, decisions)
					}
					if ran := slices.ContainsFunc(events, func(e string) bool { return strings.HasPrefix(e, "handle") }); ran != (test.code == 0) {
						t.Errorf("%s by %s: %q", method, way.name, events)
					}
				}
			}
		})
	}
}

// A loader that returns after its call has ended lets nothing through.
func TestLoaderOutlivesItsCall(t *testing.T) {
	t.Parallel()
	for _, method := range []string{"Read", "Watch", "Collect", "Chat"} {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			fixture := newDocsFixture(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			fixture.library.loadWith(func(ctx context.Context, _ *authn.Principal, id string) (*docsv1.Document, error) {
				cancel()
				<-ctx.Done() // the call's
				return &docsv1.Document{Id: id, OwnerId: "alice"}, nil
			})
			ctx, info := connect.NewClientContext(ctx)
			info.RequestHeader().Set("Authorization", "session "+planted+"-alice")
			client, spec := fixture.ways[len(fixture.ways)-1].client, fixture.specs[docs(method)]
			var err error
			if method == "Read" {
				err = client.CallUnary(ctx, spec, docOf("doc"), new(docsv1.DocumentResponse))
			} else {
				stream := must(client.CallClientStream(ctx, spec))
				defer stream.Close()
				_, _ = stream.Send(docOf("doc")), stream.CloseSend()
				err = stream.Receive(new(docsv1.DocumentResponse))
			}
			if connect.CodeOf(err) != connect.CodeCanceled && !errors.Is(err, context.Canceled) {
				t.Errorf("got %v", err)
			}
			fixture.await(t, "deny at load")
			events, _ := fixture.take()
			if !slices.Equal(events, []string{"ask session", "load doc", "deny at load"}) {
				t.Errorf("%q", events)
			}
		})
	}
}

// The handler gets the very object that was decided on, whatever the loader makes of its
// own afterwards; and the handler may change what it got.
func TestResourceIsTheHandlersOwn(t *testing.T) {
	t.Parallel()
	fixture := newDocsFixture(t)
	kept := &docsv1.Document{Id: "doc", OwnerId: "alice", ReaderIds: []string{"bob"}, State: docsv1.State_STATE_DRAFT, Folder: "f"}
	fixture.library.set(kept)
	fixture.library.isOpen = func() (bool, error) { // it runs between the decision on the object and the handler
		kept.OwnerId, kept.State, kept.ReaderIds[0] = "mallory", docsv1.State_STATE_PUBLISHED, "mallory"
		return true, nil
	}
	var got *docsv1.Document
	fixture.library.handle = func(doc *docsv1.Document) {
		got = proto.CloneOf(doc)
		doc.OwnerId, doc.ReaderIds[0] = "handler", "handler"
	}
	if _, err := fixture.call(t, fixture.ways[len(fixture.ways)-1], docs("Edit"), "alice", docOf("doc")); err != nil {
		t.Fatal(err)
	}
	want := &docsv1.Document{Id: "doc", OwnerId: "alice", ReaderIds: []string{"bob"}, State: docsv1.State_STATE_DRAFT, Folder: "f"}
	if !proto.Equal(got, want) {
		t.Errorf("the handler got %v, want %v", got, want)
	}
	if stored := fixture.library.stored()["doc"]; stored.GetOwnerId() != "mallory" || stored.GetReaderIds()[0] != "mallory" {
		t.Errorf("the handler changed what the loader keeps: %v", stored)
	}
}

// A dialogue that is authorized at every message is decided on the object of each.
func TestResourceOfEveryMessage(t *testing.T) {
	t.Parallel()
	fixture := newDocsFixture(t)
	fixture.library.set(&docsv1.Document{Id: "second", OwnerId: "alice"}, &docsv1.Document{Id: "bobs", OwnerId: "bob"})
	for name, test := range map[string]struct {
		as    string
		third string
		code  connect.Code
		last  string
	}{
		"another's":               {"alice", "bobs", connect.CodePermissionDenied, "load bobs"},
		"not there":               {"alice", "gone", connect.CodePermissionDenied, "load gone"},
		"not there, for an admin": {"admin", "gone", connect.CodeNotFound, "load gone"},
	} {
		fixture.alone(t, name, func(t *testing.T) {
			for _, way := range []way{fixture.ways[0], fixture.ways[4], fixture.ways[len(fixture.ways)-1]} {
				fixture.take()
				about, err := fixture.call(t, way, docs("Chat"), test.as, docOf("doc"), docOf("second"), docOf(test.third), docOf("doc"))
				if connect.CodeOf(err) != test.code || !slices.Equal(about, []string{"doc", "second"}) {
					t.Errorf("%s: got %q and %v", way.name, about, err)
				}
				fixture.expect(t, "ask session", "load doc", "allow at handle", "handle doc of alice",
					"load second", "handle second of alice", test.last, "deny at authorize")
			}
		})
	}
	fixture.alone(t, "its own", func(t *testing.T) {
		fixture.take()
		about, err := fixture.call(t, fixture.ways[4], docs("Chat"), "alice", docOf("doc"), docOf("second"))
		if err != nil || !slices.Equal(about, []string{"doc", "second"}) {
			t.Errorf("got %q and %v", about, err)
		}
	})
	fixture.alone(t, "of the first alone", func(t *testing.T) {
		fixture.take()
		if _, err := fixture.call(t, fixture.ways[4], docs("Collect"), "alice", docOf("doc"), docOf("bobs")); err != nil {
			t.Error(err)
		}
		fixture.expect(t, "ask session", "load doc", "allow at handle", "handle doc of alice", "received, about doc", "received, about doc")
	})
	fixture.alone(t, "of no message", func(t *testing.T) {
		for as, code := range map[string]connect.Code{"alice": connect.CodePermissionDenied, "admin": connect.CodeNotFound} {
			fixture.take()
			if _, err := fixture.call(t, fixture.ways[4], docs("Collect"), as); connect.CodeOf(err) != code {
				t.Errorf("%s: got %v, want %s", as, err, code)
			}
			fixture.expect(t, "ask session", "deny at authorize")
		}
	})
}

// A recheck loads the object anew and decides on that; the handler keeps the one it has.
func TestRecheckLoadsAnew(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		as     string
		change func(*library)
		code   connect.Code // 0 where the stream lives on
	}{
		"as it was":                    {"alice", func(*library) {}, 0},
		"given to another":             {"alice", func(l *library) { l.set(&docsv1.Document{Id: "doc", OwnerId: "bob"}) }, connect.CodePermissionDenied},
		"deleted":                      {"alice", func(l *library) { l.mu.Lock(); defer l.mu.Unlock(); delete(l.docs, "doc") }, connect.CodePermissionDenied},
		"deleted, for an admin":        {"admin", func(l *library) { l.mu.Lock(); defer l.mu.Unlock(); delete(l.docs, "doc") }, connect.CodeNotFound},
		"given to another by an admin": {"admin", func(l *library) { l.set(&docsv1.Document{Id: "doc", OwnerId: "bob"}) }, 0},
		"unavailable": {"alice", func(l *library) {
			l.loadWith(func(context.Context, *authn.Principal, string) (*docsv1.Document, error) {
				return nil, authn.Unavailable(nil)
			})
		}, connect.CodeUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fixture := newDocsFixture(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ctx, info := connect.NewClientContext(ctx)
			info.RequestHeader().Set("Authorization", "session "+planted+"-"+test.as)
			stream := must(fixture.ways[4].client.CallClientStream(ctx, fixture.specs[docs("Watch")]))
			defer stream.Close()
			if err := errors.Join(stream.Send(&docsv1.DocumentRequest{DocumentId: "doc", Folder: "live"}), stream.CloseSend(), stream.Receive(new(docsv1.DocumentResponse))); err != nil {
				t.Fatal(err)
			}
			fixture.take()
			test.change(fixture.library)
			fixture.registry.Recheck(readers[test.as].ID())
			if test.code == 0 {
				fixture.await(t, "load doc")
				cancel()
			} else if err := stream.Receive(new(docsv1.DocumentResponse)); connect.CodeOf(err) != test.code {
				t.Errorf("got %v, want %s", err, test.code)
			}
			fixture.await(t, "still alice")
			events, _ := fixture.take()
			if loads := len(slices.DeleteFunc(slices.Clone(events), func(e string) bool { return e != "load doc" })); loads != 1 {
				t.Errorf("%q", events)
			}
		})
	}
}
