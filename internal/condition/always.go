package condition

import (
	"regexp"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
)

// isNeverEmpty reports whether an expression is a text of the principal that is not
// empty: a gate lets in no principal without an id, and gives each its scheme.
func isNeverEmpty(expression ast.Expr) bool {
	switch principalField(expression) {
	case "id", "scheme":
		return true
	default:
		return false
	}
}

// alwaysSays returns what a call says of every input, where that is one and the same:
// a size is not below 0, and each text has the empty one in it.
func alwaysSays(call ast.CallExpr) (says, ok bool) {
	operands := operandsOf(call)
	switch name := call.FunctionName(); name {
	case operators.Less, operators.LessEquals, operators.Greater, operators.GreaterEquals:
		if operands[0].Kind() == ast.LiteralKind {
			return alwaysCompares(turned[name], operands[1], operands[0])
		}
		return alwaysCompares(name, operands[0], operands[1])
	case overloads.StartsWith, overloads.EndsWith, overloads.Contains:
		part, isLiteral := stringOf(operands[1])
		return true, isLiteral && part == ""
	case overloads.Matches:
		pattern, isLiteral := stringOf(operands[1])
		return true, isLiteral && matchesAll(pattern, isNeverEmpty(operands[0]))
	default:
		return false, false
	}
}

// turned has the comparisons with their operands the other way round.
var turned = map[string]string{
	operators.Less: operators.Greater, operators.LessEquals: operators.GreaterEquals,
	operators.Greater: operators.Less, operators.GreaterEquals: operators.LessEquals,
}

// alwaysCompares returns what a comparison with a literal says of every input, where
// that is one and the same.
func alwaysCompares(function string, subject, literal ast.Expr) (says, ok bool) {
	if text, isText := stringOf(literal); isText {
		return false, text == "" && function == operators.Equals && isNeverEmpty(subject)
	}
	number, isNumber := literal.AsLiteral().(types.Int)
	if !isNumber || subject.AsCall().FunctionName() != overloads.Size {
		return false, false
	}
	least := int64(0)
	if isNeverEmpty(operandsOf(subject.AsCall())[0]) {
		least = 1
	}
	first, _ := compareSize(function, least, int64(number), false)
	for _, size := range []int64{least + 1, int64(number) - 1, int64(number), int64(number) + 1, 1 << 40} {
		if other, _ := compareSize(function, max(size, least), int64(number), false); other != first {
			return false, false
		}
	}
	return first, true
}

// texts are of many kinds: a pattern that matches each of them is taken to match all.
var texts = []string{"a", "Z9", "0", " ", "\t", "-", "x-y.z@q", "þ😀", "a b/c:d", "8d4f0c3e-1111-4222-8333-444455556666"}

// matchesAll reports whether a pattern matches every text that one can think of.
func matchesAll(pattern string, nonEmpty bool) bool {
	compiled, err := regexp.Compile(pattern)
	if err != nil || !nonEmpty && !compiled.MatchString("") {
		return false
	}
	for _, text := range texts {
		if !compiled.MatchString(text) {
			return false
		}
	}
	return true
}
