package bench

import (
	"context"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/rego"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

const regoModule = `
package accounts

default allow := false

allow if "admin" in input.principal.roles

allow if input.principal.id == input.request.user_id
`

// opaDecider has the principal as a value of Rego, and puts only the request beside
// it for each decision.
func opaDecider(by asker) decider {
	query := must(rego.New(
		rego.Query("data.accounts.allow"),
		rego.Module("accounts.rego", regoModule),
	).PrepareForEval(context.Background()))
	principal := ast.NewTerm(must(ast.InterfaceToValue(map[string]any{"id": by.id, "roles": by.roles})))
	principalKey, requestKey, userID := ast.StringTerm("principal"), ast.StringTerm("request"), ast.StringTerm("user_id")
	return func(ctx context.Context, request *demov1.DeleteUserRequest) (bool, error) {
		results, err := query.Eval(ctx, rego.EvalParsedInput(ast.NewObject(
			[2]*ast.Term{principalKey, principal},
			[2]*ast.Term{requestKey, ast.ObjectTerm([2]*ast.Term{userID, ast.StringTerm(request.GetUserId())})},
		)))
		return results.Allowed(), err
	}
}
