package condition

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
)

// validateKeys refuses a map that is written with a key of a type that CEL has no keys of. The
// checker takes one, and to make such a map ready to run can panic: bytes cannot be hashed.
type validateKeys struct{}

// Name implements [cel.ASTValidator].
func (validateKeys) Name() string { return "sallyport.validator.map_keys" }

// Validate implements [cel.ASTValidator].
func (validateKeys) Validate(_ *cel.Env, _ cel.ValidatorConfig, checked *ast.AST, issues *cel.Issues) {
	for _, literal := range ast.MatchDescendants(ast.NavigateAST(checked), ast.KindMatcher(ast.MapKind)) {
		for _, entry := range literal.AsMap().Entries() {
			key := entry.AsMapEntry().Key()
			switch of := checked.GetType(key.ID()); of.Kind() {
			case types.BoolKind, types.IntKind, types.UintKind, types.StringKind:
			default:
				issues.ReportErrorAtID(key.ID(), "a key of a map is of type %s; it is a string, an int, a uint or a bool", of)
			}
		}
	}
}
