package grpcserver_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/fieldmaskpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	namesv1 "github.com/sallyport-rpc/sallyport/gen/test/names/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/names/v1/namesv1action"
	writesv1 "github.com/sallyport-rpc/sallyport/gen/test/writes/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/writes/v1/writesv1action"
)

// notes answers an update with what it got.
type notes struct {
	writesv1action.NoteServiceHandler
}

func (notes) LoadNote(_ context.Context, _ *authn.Principal, id string) (*writesv1.Note, error) {
	return &writesv1.Note{Id: id, OwnerId: "ann"}, nil
}

func (notes) Update(_ context.Context, call *action.ResourceCall[writesv1.UpdateRequest, writesv1.Note]) (*writesv1.NoteResponse, error) {
	return &writesv1.NoteResponse{Note: call.Message().GetNote()}, nil
}

// Who may write a field holds on the native port.
func TestWrites(t *testing.T) {
	t.Parallel()
	served := &served{handlers: &handlers{}, records: &records{more: make(chan struct{}, 1)}, tokens: &tokens{}, log: &lines{}}
	var err error
	if served.registry, err = action.NewRegistry(authn.Schemes{"session": served.tokens}, action.WithRecorder(served.records)); err != nil {
		t.Fatal(err)
	}
	if err := writesv1action.RegisterNoteService(served.registry, notes{}, notes{}); err != nil {
		t.Fatal(err)
	}
	served.start(t)
	conn := dial(t, served.native, nil)
	for name, test := range map[string]struct {
		as, mask string
		code     codes.Code
		names    bool // the answer names the field
		stage    string
	}{
		"guarded":               {"ann", "stage", codes.PermissionDenied, true, ""},
		"guarded, an admin":     {"admin", "stage", codes.OK, false, "s"},
		"outside of the mask":   {"ann", "title", codes.OK, false, ""},
		"a path that is not":    {"ann", "ghost", codes.InvalidArgument, false, ""},
		"another's, and a path": {"bob", "ghost", codes.PermissionDenied, false, ""},
	} {
		role := "user"
		if test.as == "admin" {
			role = "admin"
		}
		ctx, cancel := context.WithTimeout(as(t.Context(), "authorization", "Bearer "+test.as+" "+role), soon)
		response := &writesv1.NoteResponse{}
		err := conn.Invoke(ctx, "/test.writes.v1.NoteService/Update", &writesv1.UpdateRequest{
			Note: &writesv1.Note{Id: "n", Title: "t", Stage: new("s")}, UpdateMask: &fieldmaskpb.FieldMask{Paths: []string{test.mask}},
		}, response)
		cancel()
		state := status.Convert(err)
		if state.Code() != test.code || strings.Contains(state.Message(), "test.writes.v1.Note.stage") != test.names || response.GetNote().GetStage() != test.stage {
			t.Errorf("%s: %v, and the handler got %v", name, state, response.GetNote())
		}
	}
}

// people answers with one person.
type people struct {
	namesv1action.PersonServiceHandler
}

func (people) List(context.Context, *action.Call[namesv1.ListRequest]) (*namesv1.ListResponse, error) {
	return &namesv1.ListResponse{People: []*namesv1.Person{{Id: "dora", Email: "dora@example.com"}}}, nil
}

// What a caller may name holds on the native port, and so does who may read.
func TestNames(t *testing.T) {
	t.Parallel()
	served := &served{handlers: &handlers{}, records: &records{more: make(chan struct{}, 1)}, tokens: &tokens{}, log: &lines{}}
	var err error
	if served.registry, err = action.NewRegistry(authn.Schemes{"session": served.tokens}, action.WithRecorder(served.records)); err != nil {
		t.Fatal(err)
	}
	if err := namesv1action.RegisterPersonService(served.registry, people{}); err != nil {
		t.Fatal(err)
	}
	served.start(t)
	conn := dial(t, served.native, nil)
	for name, test := range map[string]struct {
		role, order string
		code        codes.Code
		told, email string
	}{
		"open":                {"user", "name desc", codes.OK, "", ""},
		"guarded":             {"user", "email", codes.PermissionDenied, "order_by may not name email", ""},
		"guarded, an auditor": {"auditor", "email", codes.OK, "", "dora@example.com"},
		"a name that is not":  {"user", "ghost", codes.InvalidArgument, "names no field", ""},
	} {
		ctx, cancel := context.WithTimeout(as(t.Context(), "authorization", "Bearer ann "+test.role), soon)
		response := &namesv1.ListResponse{}
		err := conn.Invoke(ctx, "/test.names.v1.PersonService/List", &namesv1.ListRequest{OrderBy: test.order}, response)
		cancel()
		state := status.Convert(err)
		if state.Code() != test.code || !strings.Contains(state.Message(), test.told) {
			t.Errorf("%s: %v", name, state)
		}
		if test.code == codes.OK && (len(response.GetPeople()) != 1 || response.GetPeople()[0].GetEmail() != test.email) {
			t.Errorf("%s: answered %v", name, response)
		}
	}
}
