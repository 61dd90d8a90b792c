package reflection

import (
	"context"
	"errors"
	"slices"
	"sync"

	"connectrpc.com/connect/v2"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	reflectionv1alpha "google.golang.org/grpc/reflection/grpc_reflection_v1alpha"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// An Option changes what [Register] shows.
type Option interface{ option.Option[reflector] }

// WithoutOptions leaves the sallyport.v1 options out of what is shown, so that callers do
// not read who may call what. By default they are shown.
func WithoutOptions() Option {
	return option.Func[reflector](func(r *reflector) error {
		r.stripped = true
		return nil
	})
}

// WithUses names the proto packages whose roles, scopes, claims and named conditions the
// declaration given to [Register] names: "acme.iam.v1". Their Go packages are linked into the
// program; a package that is not there is refused at registration. By default there are
// none, and then the declaration can name no role.
func WithUses(packages ...string) Option {
	return option.Func[reflector](func(r *reflector) error {
		if slices.Contains(packages, "") {
			return errors.New("reflection: a package to use has no name")
		}
		r.uses = append(r.uses, packages...)
		return nil
	})
}

// The headers of an answer say of which contract a caller sees how much, so that a tool
// does not take a part for the whole.
const (
	// ContractHeader has the fingerprint of all that the registry declares, as
	// [action.Registry.Fingerprint] does.
	ContractHeader = "Sallyport-Contract"
	// ShownHeader is "all", or "part" where a method or the options are left out.
	ShownHeader = "Sallyport-Contract-Shown"
)

// A reflector answers what a registry's schema is. It is safe for concurrent use.
type reflector struct {
	registry *action.Registry
	stripped bool
	uses     []string // packages whose names the declaration uses

	mu    sync.Mutex
	views map[string]*view // by what they show
}

// Register adds the reflection services, v1 and v1alpha, to a registry, with a
// declaration that holds for both: a sallyport.v1.Action in protobuf text. They are
// streams, so the declaration says when a stream is authorized. An empty declaration is
// refused. They show what the registry has when it is served.
func Register(registry *action.Registry, declaration string, options ...Option) error {
	shown := &reflector{registry: registry, views: map[string]*view{}}
	if err := option.Apply("reflection", shown, options); err != nil {
		return err
	}
	return errors.Join(
		register[reflectionv1.ServerReflectionRequest, reflectionv1.ServerReflectionResponse](
			registry, declaration, reflectionv1.File_grpc_reflection_v1_reflection_proto, shown),
		register[reflectionv1alpha.ServerReflectionRequest, reflectionv1alpha.ServerReflectionResponse]( //nolint:staticcheck // some tools know no other
			registry, declaration, reflectionv1alpha.File_grpc_reflection_v1alpha_reflection_proto, shown),
	)
}

// message is a pointer to a generated message.
type message[M any] interface {
	*M
	proto.Message
}

// register registers one version of the service.
func register[Req, Res any, ReqP message[Req], ResP message[Res]](
	registry *action.Registry, declaration string, file protoreflect.FileDescriptor, shown *reflector,
) error {
	const method = "ServerReflectionInfo"
	return actiongen.RegisterGiven(registry, declaration, actiongen.GivenService[*reflector]{
		Descriptor: file.Services().ByName("ServerReflection"),
		Uses:       shown.uses,
		Methods: []actiongen.Method[*reflector]{actiongen.BidiStreaming[*reflector, Req, Res, *action.BidiStream[Req, Res], ReqP, ResP](method,
			func(r *reflector, ctx context.Context, stream *action.BidiStream[Req, Res]) error {
				return answer(ctx, r, stream.Principal(), stream)
			})},
		Anonymous: []actiongen.Method[*reflector]{actiongen.BidiStreaming[*reflector, Req, Res, *action.AnonymousBidiStream[Req, Res], ReqP, ResP](method,
			func(r *reflector, ctx context.Context, stream *action.AnonymousBidiStream[Req, Res]) error {
				return answer(ctx, r, nil, stream)
			})},
	}, shown)
}

// answer answers the questions of one stream, on what its principal reaches.
func answer[Req, Res any, S messages[Req, Res]](ctx context.Context, of *reflector, principal *authn.Principal, stream S) error {
	view, err := of.view(principal)
	if err != nil {
		return err
	}
	if call, ok := connect.CallInfoForServerContext(ctx); ok {
		call.ResponseHeader().Set(ContractHeader, of.registry.Fingerprint())
		call.ResponseHeader().Set(ShownHeader, view.shown)
	}
	return view.answer(ctx, bridge[Req, Res, S]{stream})
}
