package actiontest

import "github.com/sallyport-rpc/sallyport/internal/prove"

// keepsFromNone reports whether it is proved that a rule keeps its message from no one who is let
// in: then there is no call to try.
func (p *plan) keepsFromNone(rule prove.Rule) bool {
	found := p.keptFrom(rule)
	return found.witness == nil && found.reason == nil && found.err == nil
}

// A kept is what the prover finds of a rule: a call that is let in, of a caller who is kept from
// its message, or why there is none.
type kept struct {
	witness *prove.Witness
	reason  *prove.Reason
	err     error
}

// keptFrom asks the prover, once for each rule.
func (p *plan) keptFrom(rule prove.Rule) kept {
	key := rule.Name + " " + rule.Subject.Name // who reads a field, and who writes it
	found, known := p.kept[key]
	if !known {
		found.witness, found.reason, found.err = p.calls.KeptFrom(rule)
		p.kept[key] = found
	}
	return found
}

// strangersTo are calls that are let in, one for each rule that keeps some message from its caller.
func (p *plan) strangersTo(rules ...prove.Rule) []attempt {
	var all []attempt
	for _, rule := range rules {
		found := p.keptFrom(rule)
		if found.err != nil || found.witness == nil {
			continue // what is not found is missed later
		}
		if call := p.attemptOf("a call of one who may not", found.witness); p.judge.of(&call).code == Allowed {
			all = append(all, call)
		}
	}
	return all
}
