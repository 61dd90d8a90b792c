package condition

import (
	"fmt"
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/decls"
)

// maxListed is how many fields of a type are listed.
const maxListed = 30

// hint says what there is in place of a name that an expression reads and that does
// not exist. It returns what to add to the problem, the wrong name and the names that
// there are; none where the problem is another.
func hint(checker *cel.Env, text string, problem *common.Error) (there, wrong string, known []string) {
	if field, ok := inQuotes(problem.Message, "undefined field '"); ok {
		operand, names := fieldsOf(checker, text, problem.ExprID)
		if len(names) == 0 {
			return "", "", nil
		}
		listed := strings.Join(names[:min(len(names), maxListed)], ", ")
		if more := len(names) - maxListed; more > 0 {
			listed += fmt.Sprintf(" and %d more", more)
		}
		return operand + " has: " + listed, field, names
	}
	if name, ok := inQuotes(problem.Message, "undeclared reference to '"); ok && !isCall(text, name) {
		var known []string
		for _, input := range []string{"principal", requestName, "now", ResourceName, ItemName, ThisName, valueName} {
			if slices.ContainsFunc(checker.Variables(), func(of *decls.VariableDecl) bool { return of.Name() == input }) {
				known = append(known, input)
			}
		}
		if name == ResourceName && slices.Equal(known, []string{"principal", requestName, "now"}) {
			return "the action declares no resource", "", nil
		}
		return "there are: " + strings.Join(known, ", "), name, known
	}
	return "", "", nil
}

// inQuotes returns what stands in quotes behind a prefix.
func inQuotes(text, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(text, prefix)
	name, _, closed := strings.Cut(rest, "'")
	return name, ok && closed
}

// isCall reports whether a text calls a function of the name.
func isCall(text, name string) bool {
	_, after, _ := strings.Cut(text, name)
	return strings.HasPrefix(strings.TrimSpace(after), "(")
}

// fieldsOf returns the operand of the selection with the given id, as it is written, and
// the fields of its type.
func fieldsOf(checker *cel.Env, text string, id int64) (operand string, names []string) {
	parsed, _ := checker.Parse(text) // it has been parsed, or no field was looked for
	tree := parsed.NativeRep()
	found := ast.MatchDescendants(ast.NavigateAST(tree), func(node ast.NavigableExpr) bool {
		return node.Kind() == ast.SelectKind && node.ID() == id
	})
	if len(found) == 0 {
		return "", nil
	}
	// By itself it has a type that has fields, unless it is a variable of a macro, or cannot be
	// written out.
	operand, _ = cel.ExprToString(found[0].AsSelect().Operand(), tree.SourceInfo())
	checked, _ := checker.Compile(operand)
	names, _ = checker.CELTypeProvider().FindStructFieldNames(checked.OutputType().TypeName())
	return operand, slices.Sorted(slices.Values(names))
}
