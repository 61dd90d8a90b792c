package bench

import (
	"context"

	"github.com/cedar-policy/cedar-go"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

const cedarPolicies = `
permit (principal in Role::"admin", action == Action::"DeleteUser", resource);
permit (principal, action == Action::"DeleteUser", resource) when { principal == resource };
`

// cedarDecider has the principal's entity, with its roles as parents, at hand.
func cedarDecider(by asker) decider {
	policies := must(cedar.NewPolicySetFromBytes("policies.cedar", []byte(cedarPolicies)))
	principal := cedar.NewEntityUID("User", cedar.String(by.id))
	roles := make([]cedar.EntityUID, len(by.roles))
	for i, role := range by.roles {
		roles[i] = cedar.NewEntityUID("Role", cedar.String(role))
	}
	entities := cedar.EntityMap{principal: {UID: principal, Parents: cedar.NewEntityUIDSet(roles...)}}
	deleting := cedar.NewEntityUID("Action", "DeleteUser")
	return func(_ context.Context, request *demov1.DeleteUserRequest) (bool, error) {
		decision, _ := cedar.Authorize(policies, entities, cedar.Request{
			Principal: principal,
			Action:    deleting,
			Resource:  cedar.NewEntityUID("User", cedar.String(request.GetUserId())),
		})
		return decision == cedar.Allow, nil
	}
}
