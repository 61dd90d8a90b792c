package actiontest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// An askFault is how a check, or a relation engine, fails. The zero askFault is none.
type askFault uint8

const (
	asksWell   askFault = iota
	asksYes             // it says yes, and returns an error
	asksNo              // it says no, and returns an error
	asksDown            // it says yes, and that what it asks is unavailable
	asksPanic           // it panics
	askFaultsN          // how many there are
)

// names of faults, for people.
var askFaultNames = [askFaultsN]string{"", "says yes beside an error", "says no beside an error", "says yes and is unavailable", "panics"}

// code is what a call with the fault is answered.
func (f askFault) code() connect.Code {
	switch f {
	case asksWell:
		return Allowed
	case asksDown:
		return connect.CodeUnavailable
	default:
		return connect.CodeInternal
	}
}

// A failing is a check, or a relation, that says yes and, from an answer on, fails. The zero
// failing is none.
type failing struct {
	asked string // its name, or the relation's text
	fault askFault
	well  int // how often it answers before
}

// answer is in place of the checks and of the relation engine of a registry.
func (tr *trial) answer(ctx context.Context, asked string, request proto.Message) (bool, error) {
	id := idOf(ctx)
	now := tr.current(id)
	if now == nil {
		return false, nil
	}
	if request != nil && !slices.ContainsFunc(now.requests, func(of proto.Message) bool { return proto.Equal(of, sameType(of, request)) }) {
		tr.note(id, func(n *notes) {
			n.faults = append(n.faults, fmt.Sprintf("%s was asked about %v, which the caller did not send", declare.AskedText(asked), request))
		})
	}
	fault := asksWell
	if now.failing.asked == asked {
		tr.note(id, func(n *notes) {
			n.asked++
			if n.asked > now.failing.well {
				fault = now.failing.fault
			}
		})
	}
	switch fault {
	case asksYes:
		return true, errors.New("the rule is broken")
	case asksNo:
		return false, errors.New("the rule is broken")
	case asksDown:
		return true, fmt.Errorf("what it asks is down: %w", authn.ErrUnavailable)
	case asksPanic:
		panic("the check fails")
	default:
		return now.answers[asked], nil
	}
}

// asks says what comes of asking the checks and relations of a grant, of which all else
// holds: whether each says yes, and the code of one that fails. They are asked in turn, until
// one does not say yes.
func (j *judge) asks(a *attempt, grant int, held []bool, counted *tally) (yes bool, code connect.Code) {
	for at, of := range j.declaration.Grants[grant].Conditions {
		if name := askedOf(of); name == "" && !held[at] {
			return false, Allowed
		}
	}
	for at, of := range j.declaration.Grants[grant].Conditions {
		name := askedOf(of)
		if name == "" {
			continue
		}
		if !held[at] {
			return false, Allowed
		}
		if a.failing.fault != asksWell && name == a.failing.asked {
			counted.asked++
			if counted.asked > a.failing.well {
				return false, a.failing.fault.code()
			}
		}
	}
	return true, Allowed
}

// askedOf is by what a condition is asked: the name of a check, or the text of a relation. It
// is empty for a condition that nothing outside of the gate is asked about.
func askedOf(of declare.Condition) string {
	switch of := of.(type) {
	case declare.Check:
		return of.Name
	case declare.Relation:
		return of.String()
	default:
		return ""
	}
}

// askFaults are calls of which a check or relation fails that is asked: each where nothing
// else lets the call in, and where a later grant would.
func (p *plan) askFaults() {
	type kind struct {
		failing  failing
		requests int
		want     string // of the call, did the check not fail
	}
	seen := map[kind]bool{}
	for _, other := range slices.Clone(p.attempts) {
		if other.later != nil || other.load != loadsIt || other.malformed != 0 {
			continue
		}
		for _, asked := range p.declaration.Asked() {
			for fault := asksWell + 1; fault < askFaultsN; fault++ {
				for well := range len(other.requests) {
					want := other.want
					want.handed, want.left = nil, nil
					fails := kind{failing{asked, fault, well}, len(other.requests), fmt.Sprint(want)}
					failed := p.failed(other.attempt, fails.failing)
					if want := p.judge.of(&failed); want.code == fault.code() && !seen[fails] {
						seen[fails] = true
						p.add(failed)
					}
				}
			}
		}
	}
}

// failed is a call of which a check or relation fails.
func (p *plan) failed(base attempt, with failing) attempt {
	difference := "and " + declare.AskedText(with.asked) + " " + askFaultNames[with.fault]
	if with.well > 0 {
		difference += fmt.Sprintf(" after %d answers", with.well)
	}
	return base.but(difference, func(a *attempt) {
		if a.failing = with; a.answers == nil {
			a.answers = map[string]bool{}
		}
		a.answers[with.asked] = true
	})
}

// rechecksAsked are streams of which a check or relation fails at the recheck.
func (p *plan) rechecksAsked(base attempt) {
	for _, asked := range p.declaration.Asked() {
		for fault := asksWell + 1; fault < askFaultsN; fault++ {
			p.rechecked(base, "and "+declare.AskedText(asked)+" "+askFaultNames[fault], func(a *attempt) {
				*a = p.failed(*a, failing{asked: asked, fault: fault})
			})
		}
	}
}
