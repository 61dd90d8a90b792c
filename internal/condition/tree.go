package condition

import (
	"fmt"

	"cel.dev/cel-go/common/ast"
)

// Tree returns the type-checked syntax tree of the condition, with the calls of its
// macros. It is made anew at each call, and is for those that look at conditions before
// any call comes.
func (x *Expression) Tree() (*ast.AST, error) {
	checker, err := x.env.Extend(variables(x.request, x.subject, x.value)...)
	if err != nil {
		return nil, fmt.Errorf("read the types of a condition: %w", err)
	}
	compiled, issues := checker.Compile(x.text)
	if issues.Err() != nil {
		return nil, fmt.Errorf("read the condition %q again: %w", x.text, issues.Err())
	}
	return compiled.NativeRep(), nil
}

// Paths returns where the read is into the request, and into the claims. Both are nil for
// a read of something else, or of all of the request.
func (r Read) Paths() (request, claims Path) { return r.path, r.claims }

// SubjectPath returns where the read is into the subject. It is nil for a read of
// something else, and of all of the subject.
func (r Read) SubjectPath() Path { return r.subject }
