package action_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	fieldsv1 "github.com/sallyport-rpc/sallyport/gen/test/fields/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/fields/v1/fieldsv1action"
)

type (
	userCall     = action.Call[fieldsv1.UserRequest]
	userRequests = action.ClientStream[fieldsv1.UserRequest]
)

// staff answers with the people that it keeps, or with an error.
type staff struct {
	kept map[string]*fieldsv1.User // not to be changed by anything
	fail func() error
}

func (p *staff) find(id string) (*fieldsv1.User, error) {
	if p.fail != nil {
		return nil, p.fail()
	}
	return p.kept[id], nil
}

func (p *staff) Get(_ context.Context, call *userCall) (*fieldsv1.User, error) {
	return p.find(call.Message().GetId())
}

func (p *staff) List(_ context.Context, call *userCall) (*fieldsv1.UsersResponse, error) {
	user, err := p.find(call.Message().GetId())
	return &fieldsv1.UsersResponse{Users: []*fieldsv1.User{user, p.kept["ann"], user}}, err
}

func (p *staff) Watch(_ context.Context, call *userCall, out *action.ServerStream[fieldsv1.User]) error {
	user, err := p.find(call.Message().GetId())
	if err != nil {
		return err
	}
	return errors.Join(out.Send(user), out.Send(p.kept["ann"]), out.Send(user))
}

func (p *staff) Chat(_ context.Context, in *action.BidiStream[fieldsv1.UserRequest, fieldsv1.User]) error {
	for {
		request, err := in.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		user, err := p.find(request.GetId())
		if err != nil {
			return err
		}
		if err := in.Send(user); err != nil {
			return err
		}
	}
}

func (p *staff) Collect(_ context.Context, in *userRequests) (*fieldsv1.UsersResponse, error) {
	response := &fieldsv1.UsersResponse{}
	for {
		request, err := in.Receive()
		if errors.Is(err, io.EOF) {
			return response, nil
		} else if err != nil {
			return nil, err
		}
		user, err := p.find(request.GetId())
		if err != nil {
			return nil, err
		}
		response.Users = append(response.Users, user)
	}
}

func (p *staff) Plain(context.Context, *userCall) (*fieldsv1.PlainResponse, error) {
	return &fieldsv1.PlainResponse{Word: "w"}, nil
}

// A fieldsFixture serves people in every way there is.
type fieldsFixture struct {
	*fixture

	people  *staff
	callers sync.Map // of names to principals
}

func newFieldsFixture(t *testing.T) *fieldsFixture {
	t.Helper()
	recorder := &recorder{}
	recorder.ends.Store(true)
	h := &fieldsFixture{
		fixture: &fixture{recorder: recorder, now: &atomic.Pointer[time.Time]{}, specs: map[string]connect.Spec{}},
		people: &staff{kept: map[string]*fieldsv1.User{
			"ann": {Id: "ann", Name: "Ann", Email: "ann@example.com"},
			"bob": {
				Id: "bob", Name: "Bob", Email: "bob@example.com", Salary: &fieldsv1.Salary{Amount: 7, Currency: "SEK"},
				Manager: &fieldsv1.User{Id: "ann", Email: "ann@example.com"}, Reached: &fieldsv1.User_Phone{Phone: "112"},
				Contacts: map[string]*fieldsv1.User{"friend": {Id: "cy", Email: "cy@example.com"}},
			},
		}},
	}
	h.now.Store(&noon)
	h.callers.Store("ann", authn.NewPrincipal("ann", authn.Details{Unscoped: true}))
	h.callers.Store("auditor", authn.NewPrincipal("aud", authn.Details{Unscoped: true, Roles: []string{"auditor"}}))
	sessions := authn.AuthenticatorFunc(func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		name, _ := strings.CutPrefix(call.RequestHeader().Get("Authorization"), "session ")
		principal, ok := h.callers.Load(name)
		if !ok {
			return nil, authn.ErrNoCredential
		}
		return principal.(*authn.Principal), nil
	})
	h.registry = must(action.NewRegistry(authn.Schemes{"session": sessions}, action.WithRecorder(recorder),
		actiontest.WithClock(t, func() time.Time { return *h.now.Load() })))
	if err := fieldsv1action.RegisterUserService(h.registry, h.people); err != nil {
		t.Fatal(err)
	}
	h.open(t, must(h.registry.Methods()))
	return h
}

func users(method string) string { return "/test.fields.v1.UserService/" + method }

// call makes a call as someone about bob, and returns all users that are answered.
func (h *fieldsFixture) call(t *testing.T, way way, procedure, as string) ([]*fieldsv1.User, error) {
	t.Helper()
	ctx, info := connect.NewClientContext(t.Context())
	info.RequestHeader().Set("Authorization", "session "+as)
	spec, request := h.specs[procedure], &fieldsv1.UserRequest{Id: "bob"}
	many := strings.HasSuffix(procedure, "List") || strings.HasSuffix(procedure, "Collect")
	user, list := new(fieldsv1.User), new(fieldsv1.UsersResponse)
	var into proto.Message = user
	if many {
		into = list
	}
	if spec.StreamType == connect.StreamTypeUnary {
		if err := way.client.CallUnary(ctx, spec, request, into); err != nil {
			return nil, err
		}
		return append(list.GetUsers(), nonEmpty(user)...), nil
	}
	stream := must(way.client.CallClientStream(ctx, spec))
	defer stream.Close()
	_ = stream.Send(request)
	_ = stream.CloseSend()
	var got []*fieldsv1.User
	for {
		user, list := new(fieldsv1.User), new(fieldsv1.UsersResponse)
		into = user
		if many {
			into = list
		}
		if err := stream.Receive(into); errors.Is(err, io.EOF) {
			return got, nil
		} else if err != nil {
			return got, err
		}
		got = append(got, append(list.GetUsers(), nonEmpty(user)...)...)
	}
}

func nonEmpty(user *fieldsv1.User) []*fieldsv1.User {
	if proto.Size(user) == 0 {
		return nil
	}
	return []*fieldsv1.User{user}
}

// What the caller may not read leaves by no way, and the handler keeps it.
func TestFields(t *testing.T) {
	t.Parallel()
	h := newFieldsFixture(t)
	kept := proto.CloneOf(h.people.kept["bob"])
	hidden := &fieldsv1.User{
		Id: "bob", Name: "Bob", Salary: &fieldsv1.Salary{Currency: "SEK"}, Manager: &fieldsv1.User{Id: "ann", Email: "ann@example.com"},
		Contacts: map[string]*fieldsv1.User{"friend": {Id: "cy"}},
	}
	open := proto.CloneOf(kept)
	open.Reached = nil
	for _, method := range []string{"Get", "List", "Watch", "Chat", "Collect"} {
		h.through(t, users(method), func(t *testing.T, way way) {
			for as, bob := range map[string]*fieldsv1.User{"ann": hidden, "auditor": open} {
				h.take()
				h.takeEvents()
				got, err := h.call(t, way, users(method), as)
				if err != nil {
					t.Fatal(err)
				}
				want := []*fieldsv1.User{bob}
				if method == "List" || method == "Watch" {
					want = []*fieldsv1.User{bob, h.people.kept["ann"], bob}
				}
				if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
					t.Errorf("%s %s: -want +got\n%s", method, as, diff)
				}
				names := []string{"test.fields.v1.User.email", "test.fields.v1.User.phone", "test.fields.v1.Salary.amount"}
				if as == "auditor" {
					names = names[1:2]
				}
				if cleared := h.cleared(t); !slices.Equal(slices.Sorted(slices.Values(cleared)), slices.Sorted(slices.Values(names))) {
					t.Errorf("%s %s: the event names %q, want %q", method, as, cleared, names)
				}
			}
		})
	}
	if !proto.Equal(kept, h.people.kept["bob"]) {
		t.Errorf("the handler's own was changed: %v", h.people.kept["bob"])
	}
}

// cleared returns what the event of the end says was cleared.
func (h *fieldsFixture) cleared(t *testing.T) []string {
	t.Helper()
	h.await(t, "ended")
	for _, e := range h.takeEvents() {
		if e.Kind == event.Ended {
			if e.Cleared == nil {
				return nil
			}
			return e.Cleared.Fields
		}
	}
	t.Fatal("there is no end")
	return nil
}

// The details of errors are cleared as responses are, and the rest of the error stays.
func TestFieldsOfErrors(t *testing.T) {
	t.Parallel()
	h := newFieldsFixture(t)
	detail := func(message proto.Message) *connect.ErrorDetail { return must(connectproto.NewErrorDetail(message)) }
	h.people.fail = func() error {
		return fmt.Errorf("wrapped: %w", connect.NewError(connect.CodeNotFound, "no such user").
			WithDetail(detail(&fieldsv1.PlainResponse{Word: "w"})).
			WithDetail(detail(&fieldsv1.Missing{Id: "bob", Place: "the archive"})).
			WithDetail(detail(&fieldsv1.User{Id: "bob", Email: "bob@example.com"})).
			WithDetail(&connect.ErrorDetail{Type: "acme.v1.Ghost", Value: []byte{1}}).
			WithDetail(&connect.ErrorDetail{Type: "test.fields.v1.User", Value: []byte{1}}))
	}
	for _, method := range []string{"Get", "List", "Watch", "Chat", "Collect"} {
		h.through(t, users(method), func(t *testing.T, way way) {
			for as, want := range map[string][]proto.Message{
				"ann":     {&fieldsv1.PlainResponse{Word: "w"}, &fieldsv1.Missing{Id: "bob"}, &fieldsv1.User{Id: "bob"}},
				"auditor": {&fieldsv1.PlainResponse{Word: "w"}, &fieldsv1.Missing{Id: "bob", Place: "the archive"}, &fieldsv1.User{Id: "bob", Email: "bob@example.com"}},
			} {
				_, err := h.call(t, way, users(method), as)
				failed, ok := errors.AsType[*connect.Error](err)
				if !ok || failed.Code() != connect.CodeNotFound || failed.Message() != "no such user" {
					t.Fatalf("got %v", err)
				}
				var got []proto.Message
				for _, detail := range failed.Details() {
					got = append(got, must(connectproto.UnmarshalErrorDetail(detail)))
					if strings.Contains(string(detail.Debug), "bob@") && as == "ann" {
						t.Errorf("debug: %s", detail.Debug)
					}
				}
				if diff := cmp.Diff(want, got, protocmp.Transform()); diff != "" {
					t.Errorf("%s %s: -want +got\n%s", method, as, diff)
				}
			}
		})
	}
}

// What a recheck finds decides about the messages after it.
func TestFieldsAfterRecheck(t *testing.T) {
	t.Parallel()
	h := newFieldsFixture(t)
	for _, way := range h.ways {
		if way.get {
			continue
		}
		h.callers.Store("auditor", authn.NewPrincipal("aud", authn.Details{Unscoped: true, Roles: []string{"auditor"}}))
		ctx, info := connect.NewClientContext(t.Context())
		info.RequestHeader().Set("Authorization", "session auditor")
		stream := must(way.client.CallClientStream(ctx, h.specs[users("Chat")]))
		for _, want := range []string{"bob@example.com", ""} {
			if err := stream.Send(&fieldsv1.UserRequest{Id: "bob"}); err != nil {
				t.Fatal(err)
			}
			got := new(fieldsv1.User)
			if err := stream.Receive(got); err != nil || got.GetEmail() != want {
				t.Errorf("%s: %v, %v, want %q", way.name, got, err, want)
			}
			h.callers.Store("auditor", authn.NewPrincipal("aud", authn.Details{Unscoped: true}))
			h.registry.Recheck("aud")
		}
		_ = stream.CloseSend()
		_ = stream.Close()
	}
}

// The answers of an action that can have no guarded field are not looked at.
func TestFieldsAreLookedAtWhereThereAreSome(t *testing.T) {
	t.Parallel()
	h := newFieldsFixture(t)
	looks := h.registry.LooksAtFields()
	slices.Sort(looks)
	if want := []string{users("Chat"), users("Collect"), users("Get"), users("List"), users("Watch")}; !slices.Equal(looks, want) {
		t.Errorf("got %q, want %q", looks, want)
	}
}
