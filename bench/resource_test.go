package bench

import (
	"context"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/bench/many"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// stored is the object that calls are about: as small as can be, so that what is measured is
// the gate's work and not the object's size.
var stored = &demov1.GetUserRequest{UserId: owner}

// stocked loads without a database: the time of a load is the application's own.
type stocked struct{}

func (stocked) loadIt(context.Context, *authn.Principal, string) (*demov1.GetUserRequest, error) {
	return stored, nil
}

func (stocked) byRequest(context.Context, *action.Call[demov1.DeleteUserRequest]) (*demov1.DeleteUserResponse, error) {
	return &demov1.DeleteUserResponse{}, nil
}

func (stocked) byResource(context.Context, *action.ResourceCall[demov1.DeleteUserRequest, demov1.GetUserRequest]) (*demov1.DeleteUserResponse, error) {
	return &demov1.DeleteUserResponse{}, nil
}

// resourceTable has one rule, once of what the request says and once of what is loaded.
func resourceTable() table {
	file := many.NewFile("bench.resource")
	of := func(cel string) *sallyportv1.Authorize {
		return &sallyportv1.Authorize{Allow: []*sallyportv1.Grant{{Cel: &cel}}}
	}
	const request, response = ".demo.v1.DeleteUserRequest", ".demo.v1.DeleteUserResponse"
	file.Method("OnRequest", request, response, of("principal.id == request.user_id"))
	file.Method("OnResource", request, response, of("principal.id == resource.user_id"))
	file.About("demo.v1.GetUserRequest", "request.user_id")
	service := file.Build()
	served := func(options ...action.RegistryOption) *connect.Server {
		registry := newRegistry(byOwner.principal(), options...)
		must(0, actiongen.Register(registry, actiongen.Service[stocked]{
			Descriptor:  service,
			Fingerprint: many.Fingerprints(service)[0],
			Methods: []actiongen.Method[stocked]{
				actiongen.Unary("OnRequest", stocked.byRequest), actiongen.ResourceUnary("OnResource", stocked.byResource),
			},
			Loaders: []actiongen.Loader{actiongen.NewLoader(stocked{}, stocked.loadIt)},
		}, stocked{}))
		return serverOf(must(registry.Methods())...)
	}
	server, unshared := served(), served(action.WithUnsharedResources())
	const base = "the rule on the request"
	return table{
		title: "guarded unary call, by one rule: of the request, and of an object whose load takes no time",
		rows: []row{
			called(base, server, "/bench.resource.Service/OnRequest", receive),
			called("the rule on a resource", server, "/bench.resource.Service/OnResource", receive),
			called("the rule on a resource that no loader keeps", unshared, "/bench.resource.Service/OnResource", receive),
			{name: "a copy of that object, which is part of the second row", op: func() error {
				if copied, ok := proto.Clone(stored).(*demov1.GetUserRequest); !ok || copied.GetUserId() != owner {
					return errWrong
				}
				return nil
			}},
		},
		base: base,
	}
}
