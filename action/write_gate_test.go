package action_test

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"connectrpc.com/connect/v2"
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

func (n *heardNotes) SendEvery(_ context.Context, in *action.ClientStream[writesv1.SendPartRequest]) (*writesv1.NoteResponse, error) {
	return n.hear(in)
}

func (n *heardNotes) SendOpen(_ context.Context, in *action.ClientStream[writesv1.SendPartRequest]) (*writesv1.NoteResponse, error) {
	return n.hear(in)
}

func (n *heardNotes) hear(in *action.ClientStream[writesv1.SendPartRequest]) (*writesv1.NoteResponse, error) {
	n.ran.Add(1)
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
	if err := writesv1action.RegisterPartService(served.registry, served.handlers); err != nil {
		t.Fatal(err)
	}
	served.ways, _, _ = waysTo(t, served.registry)
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

// On a stream that is authorized by each message, each is authorized before what it writes is
// looked at; on one that is authorized as it opens, what each writes is looked at for its
// caller. Nothing after the message that is refused reaches the handler.
func TestOrderOfWritesOfStreams(t *testing.T) {
	t.Parallel()
	served := serveNotes(t)
	const every, open = "SendEvery", "SendOpen"
	text := func(owner string) *writesv1.SendPartRequest {
		return &writesv1.SendPartRequest{OwnerId: owner, Part: &writesv1.Part{Text: "t"}}
	}
	seal := func(owner string) *writesv1.SendPartRequest {
		return &writesv1.SendPartRequest{OwnerId: owner, Part: &writesv1.Part{Text: "t", Seal: new("s")}}
	}
	invalid := func(string) *writesv1.SendPartRequest { return &writesv1.SendPartRequest{Part: seal("").GetPart()} }
	for name, test := range map[string]struct {
		method, as string
		sent       []*writesv1.SendPartRequest
		heard      int
		code       connect.Code
		names      bool // the answer names the field
	}{
		"each, of no caller":                       {every, "", []*writesv1.SendPartRequest{seal("ann")}, 0, connect.CodeUnauthenticated, false},
		"each, another's with a seal":              {every, "ann", []*writesv1.SendPartRequest{seal("bob")}, 0, connect.CodePermissionDenied, false},
		"each, one's own with a seal":              {every, "ann", []*writesv1.SendPartRequest{seal("ann")}, 0, connect.CodePermissionDenied, true},
		"each, invalid with a seal":                {every, "ann", []*writesv1.SendPartRequest{invalid("")}, 0, connect.CodeInvalidArgument, false},
		"each, the second another's with a seal":   {every, "ann", []*writesv1.SendPartRequest{text("ann"), seal("bob"), text("ann")}, 1, connect.CodePermissionDenied, false},
		"each, the second with a seal":             {every, "ann", []*writesv1.SendPartRequest{text("ann"), seal("ann"), text("ann")}, 1, connect.CodePermissionDenied, true},
		"each, an admin's own with a seal":         {every, "admin", []*writesv1.SendPartRequest{seal("admin"), seal("admin")}, 2, 0, false},
		"each, one's own":                          {every, "ann", []*writesv1.SendPartRequest{text("ann"), text("ann")}, 2, 0, false},
		"as it opens, of no caller":                {open, "", []*writesv1.SendPartRequest{seal("ann")}, 0, connect.CodeUnauthenticated, false},
		"as it opens, of a stranger":               {open, "stranger", []*writesv1.SendPartRequest{seal("ann")}, 0, connect.CodePermissionDenied, false},
		"as it opens, the first with a seal":       {open, "ann", []*writesv1.SendPartRequest{seal("bob")}, 0, connect.CodePermissionDenied, true},
		"as it opens, the second with a seal":      {open, "ann", []*writesv1.SendPartRequest{text("bob"), seal("ann")}, 1, connect.CodePermissionDenied, true},
		"as it opens, the second invalid":          {open, "ann", []*writesv1.SendPartRequest{text("bob"), invalid("")}, 1, connect.CodeInvalidArgument, false},
		"as it opens, an admin's with a seal":      {open, "admin", []*writesv1.SendPartRequest{seal("bob"), seal("ann")}, 2, 0, false},
		"as it opens, of others and without seals": {open, "ann", []*writesv1.SendPartRequest{text("bob"), text("cy")}, 2, 0, false},
	} {
		for _, way := range []string{"connect", "grpc", "grpc-web", "in-process"} {
			spec := connect.Spec{Procedure: "/test.writes.v1.PartService/" + test.method, StreamType: connect.StreamTypeClient}
			stream := must(served.ways[way].CallClientStream(asNoteCaller(t, test.as), spec))
			for _, request := range test.sent {
				if stream.Send(request) != nil {
					break // the answer says why
				}
			}
			_ = stream.CloseSend()
			err := stream.Receive(&writesv1.NoteResponse{})
			if err == nil && test.code != 0 || err != nil && (connect.CodeOf(err) != test.code || strings.Contains(err.Error(), "test.writes.v1.Part.seal") != test.names) {
				t.Errorf("%s by %s: got %v, want %v", name, way, err, test.code)
			}
			_ = stream.Close()
			heard := len(served.handlers.heard)
			for range heard {
				<-served.handlers.heard
			}
			if heard != test.heard {
				t.Errorf("%s by %s: the handler got %d messages, want %d", name, way, heard, test.heard)
			}
		}
	}
}
