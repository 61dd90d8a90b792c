package policy

import (
	"context"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A Rule is grants of which one must hold of a message that is about to be answered. It is
// no policy: it is asked of a caller whom a policy let in, by a credential that was enough
// for that. It is immutable and safe for concurrent use. The zero Rule, and a nil one, hold
// for no one.
type Rule struct{ grants []grant }

// NewRule returns the rule that grants make. A check in one of them never holds.
func NewRule(declared []declare.Grant) *Rule {
	return &Rule{compileGrants(declared, Deciders{})}
}

// Holds reports whether a grant holds of the input, of which Resource is the message. With
// an error none does, even if a later one would. It allocates nothing of its own.
func (r *Rule) Holds(ctx context.Context, input *Input) (bool, error) {
	if r == nil || input.Principal == nil {
		return false, nil
	}
	for i := range r.grants {
		holds, err := r.grants[i].holds(ctx, input)
		if err != nil || holds {
			return holds, err
		}
	}
	return false, nil
}
