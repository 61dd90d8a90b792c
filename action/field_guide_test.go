package action_test

import (
	"context"
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	fieldsv1 "github.com/sallyport-rpc/sallyport/gen/test/fields/v1"
)

// A registrar answers with users, as docs/guides/fields.md shows.
type registrar struct {
	users []*fieldsv1.User
}

func (r *registrar) List(context.Context, *action.Call[fieldsv1.UserRequest]) (*fieldsv1.UsersResponse, error) {
	return &fieldsv1.UsersResponse{Users: r.users}, nil
}

func TestGuideRegistrar(t *testing.T) {
	t.Parallel()
	of := &registrar{users: []*fieldsv1.User{{Id: "ada", Email: "ada@example.com"}}}
	call := actiontest.NewCall(t, authn.NewPrincipal("bob", authn.Details{}), &fieldsv1.UserRequest{Id: "ada"})
	response, err := of.List(t.Context(), call)
	if err != nil || response.GetUsers()[0].GetEmail() == "" {
		t.Errorf("a handler is called without its gate, which clears: %v, %v", response, err)
	}
}
