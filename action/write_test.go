package action_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	writesv1 "github.com/sallyport-rpc/sallyport/gen/test/writes/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/writes/v1/writesv1action"
)

// notes answers with what it was given.
type notes struct{}

func (notes) LoadNote(_ context.Context, _ *authn.Principal, id string) (*writesv1.Note, error) {
	return &writesv1.Note{Id: id, OwnerId: "ann"}, nil
}

func (notes) Update(_ context.Context, call *action.ResourceCall[writesv1.UpdateRequest, writesv1.Note]) (*writesv1.NoteResponse, error) {
	return &writesv1.NoteResponse{Note: call.Message().GetNote()}, nil
}

func (notes) Patch(_ context.Context, call *action.Call[writesv1.PartRequest]) (*writesv1.NoteResponse, error) {
	return &writesv1.NoteResponse{Note: &writesv1.Note{Part: call.Message().GetPart()}}, nil
}

func (n notes) Replace(ctx context.Context, call *action.Call[writesv1.PartRequest]) (*writesv1.NoteResponse, error) {
	return n.Patch(ctx, call)
}

func (notes) Send(_ context.Context, in *action.ClientStream[writesv1.PartRequest]) (*writesv1.NoteResponse, error) {
	response := &writesv1.NoteResponse{}
	for {
		request, err := in.Receive()
		if errors.Is(err, io.EOF) {
			return response, nil
		} else if err != nil {
			return nil, err
		}
		response.Note = &writesv1.Note{Part: request.GetPart()}
	}
}

func newNotes(t *testing.T) *action.Registry {
	t.Helper()
	sessions := authn.AuthenticatorFunc(func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		name := call.RequestHeader().Get("Authorization")
		if name == "admin" {
			return authn.NewPrincipal(name, authn.Details{Unscoped: true, Roles: []string{"admin"}}), nil
		}
		return authn.NewPrincipal(name, authn.Details{Unscoped: true}), nil
	})
	registry := must(action.NewRegistry(authn.Schemes{"session": sessions}))
	if err := writesv1action.RegisterNoteService(registry, notes{}, notes{}); err != nil {
		t.Fatal(err)
	}
	return registry
}

// A call that writes what its caller may not write is refused, and names the field; what is
// guarded and not written does not reach the handler.
func TestWrites(t *testing.T) {
	t.Parallel()
	const update, patch, replace = "Update", "Patch", "Replace"
	note := func(change func(*writesv1.Note)) *writesv1.Note {
		made := &writesv1.Note{Id: "n", Title: "t"}
		change(made)
		return made
	}
	nothing := func(*writesv1.Note) {}
	stage := func(n *writesv1.Note) { n.Stage = new("s") }
	seal := func(n *writesv1.Note) { n.Part = &writesv1.Part{Seal: new("s"), Text: "x"} }
	to := func(owner string) func(*writesv1.Note) { return func(n *writesv1.Note) { n.OwnerId = owner } }
	pinned := func(n *writesv1.Note) { n.Shown = &writesv1.Note_Pinned{Pinned: "p"} }
	listed := func(n *writesv1.Note) { n.Shown = &writesv1.Note_Listed{Listed: "l"} }
	text := func(n *writesv1.Note) { n.Part = &writesv1.Part{Text: "x"} }
	unknown := func(n *writesv1.Note) { text(n); n.GetPart().ProtoReflect().SetUnknown([]byte{0x98, 6, 1}) }
	deep := strings.Repeat("part.", 40) + "seal"
	for name, test := range map[string]struct {
		as, method string
		note, got  func(*writesv1.Note)
		mask       []string
		refused    string // the field, or the code
	}{
		"unguarded":                    {as: "ann", note: nothing, got: nothing, mask: []string{"title"}},
		"guarded":                      {as: "ann", note: stage, mask: []string{"stage"}, refused: "Note.stage"},
		"guarded, an admin":            {as: "admin", note: stage, got: stage, mask: []string{"stage"}},
		"outside the mask":             {as: "ann", note: stage, got: nothing, mask: []string{"title"}},
		"an empty mask":                {as: "ann", note: stage, got: nothing},
		"all":                          {as: "ann", note: nothing, mask: []string{"*"}, refused: "Note."},
		"named and not set":            {as: "ann", note: nothing, mask: []string{"stage"}, refused: "Note.stage"},
		"given to bob":                 {as: "ann", note: to("bob"), got: to("bob"), mask: []string{"owner_id"}},
		"given to cy":                  {as: "ann", note: to("cy"), mask: []string{"owner_id"}, refused: "Note.owner_id"},
		"given to bob by an admin":     {as: "admin", note: to("bob"), mask: []string{"owner_id"}, refused: "Note.owner_id"},
		"nested":                       {as: "ann", note: seal, mask: []string{"part.seal"}, refused: "Part.seal"},
		"nested, by what is above it":  {as: "ann", note: text, mask: []string{"part"}, refused: "Part.seal"},
		"nested, gone":                 {as: "ann", note: nothing, mask: []string{"part"}, refused: "Part.seal"},
		"nested, beside it":            {as: "ann", note: seal, got: text, mask: []string{"part.text"}},
		"nested, an admin":             {as: "admin", note: seal, got: seal, mask: []string{"part"}},
		"a oneof's other":              {as: "ann", note: listed, mask: []string{"listed"}, refused: "Note.pinned"},
		"a oneof's other, an admin":    {as: "admin", note: listed, got: listed, mask: []string{"listed"}},
		"a oneof, outside":             {as: "ann", note: pinned, got: nothing, mask: []string{"title"}},
		"a oneof's other, outside":     {as: "ann", note: listed, got: nothing, mask: []string{"title"}},
		"unknown fields":               {as: "admin", note: unknown, got: text, mask: []string{"part"}},
		"a path that is not":           {as: "admin", note: nothing, mask: []string{"ghost"}, refused: "invalid_argument"},
		"a path in another spelling":   {as: "admin", note: nothing, mask: []string{"ownerId"}, refused: "invalid_argument"},
		"a path through no message":    {as: "admin", note: nothing, mask: []string{"title.x"}, refused: "invalid_argument"},
		"an empty path":                {as: "admin", note: nothing, mask: []string{""}, refused: "invalid_argument"},
		"a very deep path":             {as: "admin", note: nothing, mask: []string{deep}, refused: "invalid_argument"},
		"by presence":                  {as: "ann", method: patch, note: seal, refused: "Part.seal"},
		"by presence, not set":         {as: "ann", method: patch, note: text, got: text},
		"by presence, an admin":        {as: "admin", method: patch, note: seal, got: seal},
		"by presence, unknown fields":  {as: "ann", method: patch, note: unknown, got: text},
		"replaced":                     {as: "ann", method: replace, note: text, refused: "Part.seal"},
		"replaced by nothing":          {as: "ann", method: replace, note: nothing, refused: "Part.seal"},
		"replaced by an admin":         {as: "admin", method: replace, note: text, got: text},
		"one message of a stream":      {as: "ann", method: "Send", note: seal, refused: "Part.seal"},
		"one message of a stream, not": {as: "ann", method: "Send", note: text, got: text},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if test.method == "" {
				test.method = update
			}
			registry := newNotes(t)
			sent := note(test.note)
			var request proto.Message = &writesv1.UpdateRequest{Note: sent, UpdateMask: &fieldmaskpb.FieldMask{Paths: test.mask}}
			if test.method != update {
				request = &writesv1.PartRequest{Part: sent.GetPart()}
			}
			before := proto.Clone(request)
			procedure := "/test.writes.v1.NoteService/" + test.method
			response, err := callNotes(t, registry, procedure, test.as, request)
			if !proto.Equal(before, request) {
				t.Errorf("the caller's own message was changed: %v", request)
			}
			decision := registry.May(t.Context(), principalOfNotes(test.as), action.Question{Procedure: procedure, Request: request})
			if !proto.Equal(before, request) {
				t.Errorf("the question was changed: %v", request)
			}
			if test.refused == "" {
				want := note(test.got)
				if test.method != update {
					want = &writesv1.Note{Part: want.GetPart()}
				}
				if diff := cmp.Diff(want, response.GetNote(), protocmp.Transform()); err != nil || diff != "" {
					t.Errorf("%v, -want +got\n%s", err, diff)
				}
				if decision.Outcome != event.Allow {
					t.Errorf("May says %+v", decision)
				}
				return
			}
			code := connect.CodeInvalidArgument
			if test.refused != code.String() {
				code = connect.CodePermissionDenied
				if err == nil || !strings.Contains(err.Error(), "test.writes.v1."+test.refused) {
					t.Errorf("got %v, which does not name %s", err, test.refused)
				}
			}
			if connect.CodeOf(err) != code || decision.Outcome != event.Deny || decision.Code != code || decision.Stage != event.StageWrite {
				t.Errorf("got %v, and May says %+v", err, decision)
			}
			if code == connect.CodePermissionDenied && !strings.Contains(decision.Reason, test.refused) {
				t.Errorf("the event says %q", decision.Reason)
			}
		})
	}
}

func principalOfNotes(name string) *authn.Principal {
	details := authn.Details{Unscoped: true, Scheme: "session"}
	if name == "admin" {
		details.Roles = []string{"admin"}
	}
	return authn.NewPrincipal(name, details)
}

func callNotes(t *testing.T, registry *action.Registry, procedure, as string, request proto.Message) (*writesv1.NoteResponse, error) {
	t.Helper()
	response := &writesv1.NoteResponse{}
	spec := connect.Spec{Procedure: procedure}
	ctx, info := connect.NewClientContext(t.Context())
	info.RequestHeader().Set("Authorization", as)
	client := connect.NewClient(must(registry.InProcess()))
	if !strings.HasSuffix(procedure, "Send") {
		return response, client.CallUnary(ctx, spec, request, response)
	}
	spec.StreamType = connect.StreamTypeClient
	stream := must(client.CallClientStream(ctx, spec))
	defer stream.Close()
	_ = stream.Send(request)
	_ = stream.CloseSend()
	return response, stream.Receive(response)
}
