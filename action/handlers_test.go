package action_test

import (
	"context"
	"errors"
	"io"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
)

type (
	call          = action.Call[testv1.Request]
	anonymousCall = action.AnonymousCall[testv1.Request]
	responses     = action.ServerStream[testv1.Response]
	requests      = action.ClientStream[testv1.Request]
	anyRequests   = action.AnonymousClientStream[testv1.Request]
	dialogue      = action.BidiStream[testv1.Request, testv1.Response]
	anyDialogue   = action.AnonymousBidiStream[testv1.Request, testv1.Response]
)

// A receiver is a stream of requests, of any kind.
type receiver interface {
	Receive() (*testv1.Request, error)
}

// A talker is a stream of requests and responses, of any kind.
type talker interface {
	receiver
	Send(response *testv1.Response) error
}

// handlers are handlers and checks of the test services. Every one of them notes that
// it ran, and then does what the test put in place of the default, which is to
// answer with the caller's id and the owners that were asked for.
type handlers struct {
	recorder *recorder
	unary    func(context.Context, *call) (*testv1.Response, error)
	watch    func(context.Context, *testv1.Request, *responses) error
	collect  func(context.Context, receiver) (*testv1.Response, error)
	chat     func(context.Context, talker) error
	isOpen   func(context.Context, *authn.Principal, *testv1.Request) (bool, error)
}

func (h *handlers) CheckedIsOpen(ctx context.Context, principal *authn.Principal, request *testv1.Request) (bool, error) {
	h.recorder.note("check")
	if h.isOpen != nil {
		return h.isOpen(ctx, principal, request)
	}
	return true, nil
}

func (h *handlers) doUnary(ctx context.Context, call *call) (*testv1.Response, error) {
	h.recorder.note("handle")
	if h.unary != nil {
		return h.unary(ctx, call)
	}
	return &testv1.Response{Caller: call.Principal().ID(), Owners: []string{call.Message().GetOwner()}}, nil
}

func (h *handlers) doWatch(ctx context.Context, caller string, request *testv1.Request, out *responses) error {
	h.recorder.note("handle")
	if h.watch != nil {
		return h.watch(ctx, request, out)
	}
	return out.Send(&testv1.Response{Caller: caller, Owners: []string{request.GetOwner()}})
}

func (h *handlers) doCollect(ctx context.Context, caller string, in receiver) (*testv1.Response, error) {
	h.recorder.note("handle")
	if h.collect != nil {
		return h.collect(ctx, in)
	}
	response := &testv1.Response{Caller: caller}
	for {
		request, err := in.Receive()
		if errors.Is(err, io.EOF) {
			return response, nil
		}
		if err != nil {
			return nil, err
		}
		h.recorder.note("receive " + request.GetOwner())
		response.Owners = append(response.Owners, request.GetOwner())
	}
}

func (h *handlers) doChat(ctx context.Context, caller string, in talker) error {
	h.recorder.note("handle")
	if h.chat != nil {
		return h.chat(ctx, in)
	}
	for {
		request, err := in.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		h.recorder.note("receive " + request.GetOwner())
		if err := in.Send(&testv1.Response{Caller: caller, Owners: []string{request.GetOwner()}}); err != nil {
			return err
		}
	}
}

func (h *handlers) Public(_ context.Context, call *anonymousCall) (*testv1.Response, error) {
	h.recorder.note("handle")
	return &testv1.Response{Owners: []string{call.Message().GetOwner()}}, nil
}

func (h *handlers) Anyone(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) Either(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}
func (h *handlers) Scoped(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) Fresh(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) Role(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) AnyRole(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) Scopes(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) Own(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) Every(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) Several(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) Undecided(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) Costly(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) Checked(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) Concealed(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) Read(ctx context.Context, call *call) (*testv1.Response, error) {
	return h.doUnary(ctx, call)
}

func (h *handlers) WatchOpen(ctx context.Context, call *call, out *responses) error {
	return h.doWatch(ctx, call.Principal().ID(), call.Message(), out)
}

func (h *handlers) WatchPublicOpen(ctx context.Context, call *anonymousCall, out *responses) error {
	return h.doWatch(ctx, "", call.Message(), out)
}

func (h *handlers) CollectOpen(ctx context.Context, in *requests) (*testv1.Response, error) {
	return h.doCollect(ctx, in.Principal().ID(), in)
}

func (h *handlers) CollectPublicOpen(ctx context.Context, in *anyRequests) (*testv1.Response, error) {
	return h.doCollect(ctx, "", in)
}

func (h *handlers) ChatOpen(ctx context.Context, in *dialogue) error {
	return h.doChat(ctx, in.Principal().ID(), in)
}

func (h *handlers) ChatPublicOpen(ctx context.Context, in *anyDialogue) error {
	return h.doChat(ctx, "", in)
}

func (h *handlers) WatchFirst(ctx context.Context, call *call, out *responses) error {
	return h.doWatch(ctx, call.Principal().ID(), call.Message(), out)
}

func (h *handlers) WatchPublicFirst(ctx context.Context, call *anonymousCall, out *responses) error {
	return h.doWatch(ctx, "", call.Message(), out)
}

func (h *handlers) CollectFirst(ctx context.Context, in *requests) (*testv1.Response, error) {
	return h.doCollect(ctx, in.Principal().ID(), in)
}

func (h *handlers) CollectPublicFirst(ctx context.Context, in *anyRequests) (*testv1.Response, error) {
	return h.doCollect(ctx, "", in)
}

func (h *handlers) ChatFirst(ctx context.Context, in *dialogue) error {
	return h.doChat(ctx, in.Principal().ID(), in)
}

func (h *handlers) ChatPublicFirst(ctx context.Context, in *anyDialogue) error {
	return h.doChat(ctx, "", in)
}

func (h *handlers) WatchEvery(ctx context.Context, call *call, out *responses) error {
	return h.doWatch(ctx, call.Principal().ID(), call.Message(), out)
}

func (h *handlers) WatchPublicEvery(ctx context.Context, call *anonymousCall, out *responses) error {
	return h.doWatch(ctx, "", call.Message(), out)
}

func (h *handlers) CollectEvery(ctx context.Context, in *requests) (*testv1.Response, error) {
	return h.doCollect(ctx, in.Principal().ID(), in)
}

func (h *handlers) CollectPublicEvery(ctx context.Context, in *anyRequests) (*testv1.Response, error) {
	return h.doCollect(ctx, "", in)
}

func (h *handlers) ChatEvery(ctx context.Context, in *dialogue) error {
	return h.doChat(ctx, in.Principal().ID(), in)
}

func (h *handlers) ChatPublicEvery(ctx context.Context, in *anyDialogue) error {
	return h.doChat(ctx, "", in)
}
