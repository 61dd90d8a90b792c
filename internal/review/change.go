package review

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// A Judgement says what a change does to who may call.
type Judgement string

// The judgements.
const (
	// Looser lets in a call that was kept out, or takes a bound away.
	Looser Judgement = "looser"
	// Tighter keeps out a call that was let in, or adds a bound.
	Tighter Judgement = "tighter"
	// Different does both, or changes how a call is decided.
	Different Judgement = "different"
	// Undecided may be looser: it was not decided.
	Undecided Judgement = "undecided"
	// Added is an action that is new and lets in no stranger.
	Added Judgement = "added"
	// Removed is an action, a role or a page that is gone.
	Removed Judgement = "removed"
)

// A Change is one thing that differs between two contracts.
type Change struct {
	// Subject is what it is about: a procedure, "role editor", or "page GET /healthz".
	Subject string `json:"subject"`
	// Kind names the change, such as "scheme-added". It is stable: people accept changes by
	// it.
	Kind string `json:"kind"`
	// Judgement says what it does.
	Judgement Judgement `json:"judgement"`
	// Text says it in words.
	Text string `json:"text"`
	// LetIn is a call that is let in now and was not, and KeptOut one that was and is not
	// any more. The gate's own evaluation has decided both.
	LetIn   *prove.Witness `json:"let_in,omitempty"`
	KeptOut *prove.Witness `json:"kept_out,omitempty"`
	// Rule and Hint say, of what is undecided, why, and how to write it so that it is
	// decided.
	Rule string `json:"rule,omitempty"`
	Hint string `json:"hint,omitempty"`
	// By are the solvers that proved a part of the judgement, or none.
	By []string `json:"by,omitempty"`
	// Accepted is the reason for which an accepted change does not fail, or "".
	Accepted string `json:"accepted,omitempty"`
	// Method is the action in the new contract, or nil where the change is of something
	// else.
	Method protoreflect.MethodDescriptor `json:"-"`
}

// judge says in a change what came of a comparison, of "grants" or other rules, but for its
// text. It returns false where nothing changed.
func judge(c *Change, what string, compared prove.Comparison) bool {
	switch compared.Verdict {
	case prove.Same:
		return false
	case prove.Looser:
		c.Judgement = Looser
	case prove.Tighter:
		c.Judgement = Tighter
	case prove.Different:
		c.Judgement = Different
	case prove.Undecided:
		c.Judgement = Undecided
	}
	c.Kind = what + "-" + string(c.Judgement)
	c.LetIn, c.KeptOut, c.By = compared.Looser, compared.Tighter, compared.By
	return true
}

// because says why a change is undecided.
func because(c *Change, reason *prove.Reason) {
	if reason == nil {
		return
	}
	c.Text += ": " + reason.Text
	if reason.Part != "" {
		c.Text += " (`" + reason.Part + "`)"
	}
	c.Rule, c.Hint = reason.Rule, reason.Hint
}

// String returns the change as text of several lines: what it is, then what shows it.
func (c Change) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%-9s  %s: %s [%s]\n", c.Judgement, c.Subject, c.Text, c.Kind)
	for _, line := range c.details() {
		fmt.Fprintf(&text, "           %s\n", line)
	}
	return text.String()
}

// Fails reports whether the change needs to be looked at: it may let in more, and no
// entry accepts it.
func (c Change) Fails() bool {
	switch {
	case c.Accepted != "":
		return false
	case c.Judgement == Different:
		return c.LetIn != nil
	default:
		return c.Judgement == Looser || c.Judgement == Undecided
	}
}
