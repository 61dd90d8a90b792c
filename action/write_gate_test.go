package action_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	writesv1 "github.com/sallyport-rpc/sallyport/gen/test/writes/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/writes/v1/writesv1action"
)

const noteService = "/test.writes.v1.NoteService/"

// heardNotes counts what reaches its handlers.
type heardNotes struct {
	notes

	ran   atomic.Int64
	heard chan *writesv1.Part
}

func (n *heardNotes) Update(ctx context.Context, call *action.ResourceCall[writesv1.UpdateRequest, writesv1.Note]) (*writesv1.NoteResponse, error) {
	n.ran.Add(1)
	return n.notes.Update(ctx, call)
}

func (n *heardNotes) Send(_ context.Context, in *action.ClientStream[writesv1.PartRequest]) (*writesv1.NoteResponse, error) {
	for {
		request, err := in.Receive()
		if errors.Is(err, io.EOF) {
			return &writesv1.NoteResponse{}, nil
		} else if err != nil {
			return nil, err
		}
		n.heard <- request.GetPart()
	}
}

// noteServer is a registry of notes over real connections and in process.
type noteServer struct {
	registry *action.Registry
	handlers *heardNotes
	events   *recorder
	ways     map[string]*connect.Client
	// lost is whether admins have lost their role.
	lost atomic.Bool
}

func serveNotes(t *testing.T) *noteServer {
	t.Helper()
	served := &noteServer{handlers: &heardNotes{heard: make(chan *writesv1.Part, 8)}, events: &recorder{}}
	sessions := authn.AuthenticatorFunc(func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		name := call.RequestHeader().Get("Authorization")
		if name == "" {
			return nil, authn.ErrNoCredential
		}
		details := authn.Details{Unscoped: true}
		if name == "admin" && !served.lost.Load() {
			details.Roles = []string{"admin"}
		}
		return authn.NewPrincipal(name, details), nil
	})
	served.registry = must(action.NewRegistry(authn.Schemes{"session": sessions}, action.WithRecorder(served.events)))
	if err := writesv1action.RegisterNoteService(served.registry, served.handlers, served.handlers); err != nil {
		t.Fatal(err)
	}
	methods := must(served.registry.Methods())
	server := connect.NewServer()
	server.Register(methods...)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server)
	listener := httptest.NewUnstartedServer(mux)
	listener.Config.Protocols = new(http.Protocols)
	listener.Config.Protocols.SetHTTP1(true)
	listener.Config.Protocols.SetUnencryptedHTTP2(true)
	listener.Start()
	t.Cleanup(listener.Close)
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	over := func(options ...connecthttp.Option) *connect.Client {
		return connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: transport}, listener.URL, options...))
	}
	served.ways = map[string]*connect.Client{
		"connect": over(), "connect-json": over(connecthttp.WithProtoJSON()), "grpc": over(connecthttp.WithGRPC()),
		"grpc-web": over(connecthttp.WithGRPCWeb()), "in-process": connect.NewClient(must(served.registry.InProcess())),
	}
	return served
}

// The order of the steps before the handler: each refuses before the ones after it have
// looked, and what is written comes last. It is so by each way in.
func TestOrderOfWrites(t *testing.T) {
	t.Parallel()
	served := serveNotes(t)
	request := func(mask string) *writesv1.UpdateRequest {
		return &writesv1.UpdateRequest{Note: &writesv1.Note{Id: "n", Title: "t", Stage: new("s")}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{mask}}}
	}
	for name, client := range served.ways {
		for _, test := range []struct {
			as, mask string
			code     connect.Code
			stage    event.Stage
			names    bool // the answer names the field
		}{
			{"", "ghost", connect.CodeUnauthenticated, event.StageAuthenticate, false},
			{"", "stage", connect.CodeUnauthenticated, event.StageAuthenticate, false},
			{"bob", "ghost", connect.CodePermissionDenied, event.StageAuthorize, false},
			{"bob", "stage", connect.CodePermissionDenied, event.StageAuthorize, false},
			{"ann", "ghost", connect.CodeInvalidArgument, event.StageWrite, false},
			{"ann", "stage", connect.CodePermissionDenied, event.StageWrite, true},
			{"ann", "title", 0, event.StageHandle, false},
			{"admin", "stage", 0, event.StageHandle, false},
		} {
			ran, seen := served.handlers.ran.Load(), len(served.decisions())
			response := &writesv1.NoteResponse{}
			err := client.CallUnary(asNoteCaller(t, test.as), connect.Spec{Procedure: noteService + "Update"}, request(test.mask), response)
			if err == nil && test.code != 0 || err != nil && connect.CodeOf(err) != test.code {
				t.Errorf("%s, %q of %q: got %v, want %v", name, test.mask, test.as, err, test.code)
			}
			if err != nil && strings.Contains(err.Error(), "Note.stage") != test.names {
				t.Errorf("%s, %q of %q: the answer is %v", name, test.mask, test.as, err)
			}
			if got := served.handlers.ran.Load() - ran; (got == 1) != (test.code == 0) {
				t.Errorf("%s, %q of %q: the handler ran %d times", name, test.mask, test.as, got)
			}
			decided := served.decisions()[seen:]
			if len(decided) != 1 || decided[0].Stage != test.stage {
				t.Errorf("%s, %q of %q: decided %+v, want it at %s", name, test.mask, test.as, decided, test.stage)
			}
			if test.mask == "title" && test.code == 0 && response.GetNote().Stage != nil {
				t.Errorf("%s: the handler got what is not in the mask: %v", name, response.GetNote())
			}
		}
	}
}

func (s *noteServer) decisions() []event.Decision {
	s.events.mu.Lock()
	defer s.events.mu.Unlock()
	return slices.Clone(s.events.decisions)
}

func asNoteCaller(t *testing.T, name string) context.Context {
	t.Helper()
	ctx, info := connect.NewClientContext(t.Context())
	if name != "" {
		info.RequestHeader().Set("Authorization", name)
	}
	return ctx
}

// Each message of a stream is looked at by itself, for the caller as the last recheck found
// them.
func TestWritesOfStreams(t *testing.T) {
	t.Parallel()
	seal := func() proto.Message { return &writesv1.PartRequest{Part: &writesv1.Part{Seal: new("s"), Text: "t"}} }
	text := func() proto.Message { return &writesv1.PartRequest{Part: &writesv1.Part{Text: "t"}} }
	for _, way := range []string{"connect", "grpc", "grpc-web", "in-process"} {
		for name, test := range map[string]struct {
			as      string
			lost    bool
			last    func() proto.Message
			refused bool
		}{
			"the role is kept":                           {"admin", false, seal, false},
			"the role is lost":                           {"admin", true, seal, true},
			"the role is lost, and no field is":          {"admin", true, text, false},
			"the second message, where the first is not": {"ann", false, seal, true},
		} {
			t.Run(way+", "+name, func(t *testing.T) {
				t.Parallel()
				served := serveNotes(t)
				stream := must(served.ways[way].CallClientStream(asNoteCaller(t, test.as), connect.Spec{Procedure: noteService + "Send", StreamType: connect.StreamTypeClient}))
				defer stream.Close()
				first := text()
				if test.as == "admin" {
					first = seal()
				}
				if err := stream.Send(first); err != nil {
					t.Fatal(err)
				}
				if got := <-served.handlers.heard; (got.Seal != nil) != (test.as == "admin") {
					t.Errorf("the handler got %v first", got)
				}
				served.lost.Store(test.lost)
				served.registry.Recheck(test.as)
				_ = stream.Send(test.last()) // where it is refused, the answer says so
				_ = stream.CloseSend()
				err := stream.Receive(&writesv1.NoteResponse{})
				if !test.refused {
					if err != nil || len(served.handlers.heard) != 1 {
						t.Errorf("got %v, and the handler %d messages", err, len(served.handlers.heard))
					}
					return
				}
				if connect.CodeOf(err) != connect.CodePermissionDenied || !strings.Contains(err.Error(), "test.writes.v1.Part.seal") || len(served.handlers.heard) != 0 {
					t.Errorf("got %v, and the handler %d messages", err, len(served.handlers.heard))
				}
			})
		}
	}
}
