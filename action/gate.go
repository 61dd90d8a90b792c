package action

import (
	"context"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/field"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/unguarded"
	"github.com/sallyport-rpc/sallyport/internal/validation"
)

// A gate is what stands between the wire and one handler. It is compiled at
// registration from the action's declaration and never changes after that.
type gate struct {
	registry  *Registry
	procedure string
	request   protoreflect.FullName
	rules     *validation.Rules
	schemes   []scheme      // empty on an anonymous action, and only there
	maxAge    time.Duration // 0 asks for no fresh sign-in
	conceal   bool          // a denial reads as not_found
	claims    *claimsType   // what principals carry besides; nil for none
	about     *loading      // which object it is about; nil for none
	policy    *policy.Policy
	shadow    *policy.Policy // evaluated beside it; nil where the action has none
	limits    *limits        // nil where the action has none
	fields    *field.Rules   // who may read what it answers; nil where all may. Set when the registry is sealed
	intake    *intake        // what its requests may name and write; nil for no rule. Set when the registry is sealed
	each      []elements     // which elements of its answers may be seen; nil where all may
	guard     *policy.Guard  // its grants as filters over what it is about; nil for nothing
	keeps     bool           // rules read the request when its handler has it
	details   *field.Rules   // the same of the details of errors; nil until the registry is sealed

	timing  sallyportv1.Stream_Timing // when a stream is authorized; unset on a unary action
	recheck time.Duration             // how long a stream's decision lives
}

// admit is the gate. Authorization may read the request, so the request must be
// sound before any rule reads it; and there must be a principal before anything is
// said of one. What counts calls comes before what they cost. The gates of streams are
// made of the same steps.
func (g *gate) admit(ctx context.Context, pass *passage, stream connect.ServerStream, request proto.Message) error {
	if err := g.limitCall(ctx, pass); err != nil {
		return err
	}
	if err := g.decode(pass, stream, request); err != nil {
		return err
	}
	if err := g.validate(ctx, pass, request); err != nil {
		return err
	}
	if err := g.permit(ctx, pass, request); err != nil {
		return err
	}
	return g.takeIn(ctx, pass, request)
}

// permit finds out who is calling, and whether that principal may call.
func (g *gate) permit(ctx context.Context, pass *passage, request proto.Message) error {
	if err := g.authenticate(ctx, pass); err != nil {
		return err
	}
	if err := g.limitPrincipal(ctx, pass); err != nil {
		return err
	}
	return g.decide(ctx, pass, request)
}

// decide loads what the request is about, where the action has that, and decides on both.
func (g *gate) decide(ctx context.Context, pass *passage, request proto.Message) error {
	if g.about != nil {
		if err := g.load(ctx, pass, request); err != nil {
			return err
		}
	}
	err := g.authorize(ctx, pass, request)
	if g.keeps && err == nil {
		pass.keepRequest(request)
	}
	return err
}

// serveUnary serves a unary RPC: the gate, the handler, the answer.
func (g *gate) serveUnary(method unguarded.Method) connect.ServerFunc {
	return func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) (err error) {
		request, call, _ := method.New()
		pass := call.(kindOfCall).take(request) //nolint:forcetypeassert // every maker makes one
		pass.gate = g
		if err := pass.enter(ctx, (*gate).admit, stream, request); err != nil {
			return err
		}
		defer pass.finish(ctx, &err)
		err = errNoReturn
		response, err := method.Handle(ctx, call, nil)
		switch {
		case err != nil:
			return err
		case response == nil:
			return errNoResponse
		}
		return unsent(g.answer(ctx, stream, response, pass))
	}
}
