package access

import (
	"context"
	"errors"
	"slices"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/authn"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// An Option changes what [Register] serves.
type Option interface{ option.Option[service] }

// WithUses names the proto packages whose roles, scopes, claims and named conditions the
// declaration given to [Register] names: "acme.iam.v1". Their Go packages are linked into the
// program; a package that is not there is refused at registration. By default there are
// none, and then the declaration can name no role.
func WithUses(packages ...string) Option {
	return option.Func[service](func(s *service) error {
		if slices.Contains(packages, "") {
			return errors.New("access: a package to use has no name")
		}
		s.uses = append(s.uses, packages...)
		return nil
	})
}

// Register adds the service to a registry, with a declaration that holds for both of its
// methods: a sallyport.v1.Action in protobuf text. An empty declaration is refused. With one
// that authenticates, callers ask about themselves; an anonymous one knows no caller and says
// what callers may do who are not signed in. The service answers about every action that the
// registry has when it is served.
func Register(registry *action.Registry, declaration string, options ...Option) error {
	of := &service{registry: registry}
	if err := option.Apply("access", of, options); err != nil {
		return err
	}
	return actiongen.RegisterGiven(registry, declaration, actiongen.GivenService[*service]{
		Descriptor: sallyportv1.File_sallyport_v1_access_proto.Services().ByName("AccessService"),
		Uses:       of.uses,
		Methods: []actiongen.Method[*service]{
			actiongen.Unary("ListActions", func(s *service, _ context.Context, call *action.Call[sallyportv1.ListActionsRequest]) (*sallyportv1.ListActionsResponse, error) {
				return s.list(call.Principal()), nil
			}),
			actiongen.Unary("CheckAccess", func(s *service, ctx context.Context, call *action.Call[sallyportv1.CheckAccessRequest]) (*sallyportv1.CheckAccessResponse, error) {
				return s.check(ctx, call.Principal(), call.Message())
			}),
		},
		Anonymous: []actiongen.Method[*service]{
			actiongen.Unary("ListActions", func(s *service, _ context.Context, _ *action.AnonymousCall[sallyportv1.ListActionsRequest]) (*sallyportv1.ListActionsResponse, error) {
				return s.list(stranger), nil
			}),
			actiongen.Unary("CheckAccess", func(s *service, ctx context.Context, call *action.AnonymousCall[sallyportv1.CheckAccessRequest]) (*sallyportv1.CheckAccessResponse, error) {
				return s.check(ctx, stranger, call.Message())
			}),
		},
	}, of)
}

// stranger is a caller who is not signed in.
var stranger *authn.Principal
