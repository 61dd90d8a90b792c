package bench

import (
	"context"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// celDecider is CEL as one would embed it: the request by its proto type, and what
// is read of the principal as plain values.
func celDecider(by asker) decider {
	env := must(cel.NewEnv(
		cel.Types(&demov1.DeleteUserRequest{}),
		cel.Variable("id", cel.StringType),
		cel.Variable("roles", cel.ListType(cel.StringType)),
		cel.Variable("request", cel.ObjectType("demo.v1.DeleteUserRequest")),
	))
	checked, issues := env.Compile(`"admin" in roles || id == request.user_id`)
	must(0, issues.Err())
	program := must(env.Program(checked, cel.EvalOptions(cel.OptOptimize)))
	return func(_ context.Context, request *demov1.DeleteUserRequest) (bool, error) {
		result, _, err := program.Eval(map[string]any{"id": by.id, "roles": by.roles, "request": request})
		return result == types.True, err
	}
}
