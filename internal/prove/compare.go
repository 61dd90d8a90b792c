package prove

import (
	"context"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A Verdict says how what one declaration lets in relates to what another does.
type Verdict uint8

// The verdicts.
const (
	// Undecided is the zero Verdict: it is not known whether the new one lets in more.
	Undecided Verdict = iota
	// Same: both let in the same calls.
	Same
	// Looser: the new one lets in a call that the old one kept out.
	Looser
	// Tighter: the new one keeps out a call that the old one let in, and lets in no other.
	Tighter
	// Different: both.
	Different
)

// String returns "undecided", "same", "looser", "tighter" or "different".
func (v Verdict) String() string {
	return [...]string{"undecided", "same", "looser", "tighter", "different"}[v]
}

// A Comparison is what came of comparing two declarations. The zero Comparison is
// undecided.
type Comparison struct {
	Verdict Verdict
	// Looser is a call that the new declaration lets in and the old one did not. It is nil
	// where none was found.
	Looser *Witness
	// Tighter is a call that the old declaration let in and the new one does not. It is nil
	// where none was found.
	Tighter *Witness
	// Reason says what is not decided: with [Undecided], whether it is looser; with
	// [Looser], whether it is tighter too. It is nil where all is decided.
	Reason *Reason
	// Steps is how many evaluations of a condition it took, with the questions to solvers.
	Steps int
	// By are the solvers that proved a part of it, beyond what is proved without them.
	By []string
}

// Compare compares what two declarations of an action let in, by their grants, `anyone` and
// `credential_scopes` alone: for every principal of any scheme, and every request that
// the validation rules of the declaration that lets it in accept. Fields of the two
// request types are the same where they have the same name. An error is a fault of this
// package, or a validation rule that does not compile.
func Compare(old, updated *declare.Declaration) (Comparison, error) {
	return newProver().compare(context.Background(), old, updated)
}

func (p *prover) compare(ctx context.Context, old, updated *declare.Declaration) (Comparison, error) {
	return p.compareSides(ctx, func() *side { return newSide(old) }, func() *side { return newSide(updated) })
}

func (p *prover) compareSides(ctx context.Context, old, updated func() *side) (Comparison, error) {
	var made Comparison
	p.taken, p.by = 0, nil
	looser, notLooser, err := p.between(ctx, besides(updated(), old()))
	if err != nil {
		return made, err
	}
	tighter, notTighter, err := p.between(ctx, besides(old(), updated()))
	if err != nil {
		return made, err
	}
	made.Looser, made.Tighter, made.Steps, made.By = looser, tighter, p.taken, p.by
	switch {
	case looser != nil && tighter != nil:
		made.Verdict = Different
	case looser != nil:
		made.Verdict, made.Reason = Looser, notTighter
	case notLooser != nil:
		made.Verdict, made.Reason = Undecided, notLooser
	case tighter != nil:
		made.Verdict = Tighter
	case notTighter != nil:
		made.Verdict, made.Reason = Undecided, notTighter
	default:
		made.Verdict = Same
	}
	return made, nil
}
