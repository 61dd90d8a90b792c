package bench

import (
	"context"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

const casbinModel = `
[request_definition]
r = sub, obj, act

[policy_definition]
p = sub, act

[role_definition]
g = _, _

[policy_effect]
e = some(where (p.eft == allow))

[matchers]
m = r.act == p.act && (g(r.sub, p.sub) || r.sub == r.obj)
`

// casbinDecider has the principal's roles in its role manager.
func casbinDecider(by asker) decider {
	enforcer := must(casbin.NewEnforcer(must(model.NewModelFromString(casbinModel))))
	must(enforcer.AddPolicy("admin", "DeleteUser"))
	for _, role := range by.roles {
		must(enforcer.AddRoleForUser(by.id, role))
	}
	return func(_ context.Context, request *demov1.DeleteUserRequest) (bool, error) {
		return enforcer.Enforce(by.id, request.GetUserId(), "DeleteUser")
	}
}
