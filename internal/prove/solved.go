package prove

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// maxMade is how many elements of a list, or letters of a text, are made at most for a
// call that a solver found.
const maxMade = 1_000

// Assumed says what solvers assume beyond [Scope], for people to read beside a proof that
// they made.
const Assumed = "decided by solvers for texts that are UTF-8 without characters above U+2FFFF, and for times of the years 1 to 9999"

// A posed question is one that solvers are asked: whether a grant lets in a call that
// other grants keep out.
type posed struct {
	*question

	formula *formula
	grant   declare.Grant
	must    []*smt.Term // what is so of such a call; none where it cannot be asked
	guides  []*smt.Term // what is so of one that can be made easily
	reason  *Reason     // what of it solvers are not asked, or nil
}

// pose makes the question about one grant.
func (q *question) pose(grant declare.Grant) (*posed, error) {
	made := &posed{question: q, formula: newFormula(q.sides), grant: grant}
	said, err := made.formula.grants(grant, q.keeps.Grants)
	if outside, ok := errors.AsType[*outsideError](err); ok {
		made.reason = &outside.Reason
		return made, nil
	}
	if err != nil {
		return nil, err
	}
	assumed, err := made.formula.assumptions(&q.validity)
	if err != nil {
		return nil, err
	}
	if made.guides, err = made.formula.guides(&q.validity); err != nil {
		return nil, err
	}
	made.must = slices.Concat([]*smt.Term{said.holds}, made.formula.axioms(), assumed, made.formula.named(q.lets.Resource))
	made.reason = said.reason
	return made, nil
}

// A reply is what came of asking one solver: a call that the gate lets in, or that it is
// proved that there is none, or the reason why neither.
type reply struct {
	by      string
	witness *Witness
	proved  bool
	reason  *Reason
}

// ask asks one solver. Where what it finds is refused by the validation rules, or it takes
// too many steps, it is asked again for a call that can be made easily.
func (p *posed) ask(ctx context.Context, solver Solver) (reply, error) {
	found, err := p.once(ctx, solver, p.must)
	if err != nil || len(p.guides) == 0 || found.reason == nil || found.reason.Rule != RuleInvalid && found.reason.Rule != RuleSolverSteps {
		return found, err
	}
	guided, err := p.once(ctx, solver, slices.Concat(p.must, p.guides))
	if err != nil || guided.witness != nil {
		return guided, err
	}
	return found, nil
}

func (p *posed) once(ctx context.Context, solver Solver, terms []*smt.Term) (reply, error) {
	made := reply{by: solver.Name()}
	answer, err := solver.Ask(ctx, smt.Ask(terms...))
	p.steps++
	switch {
	case ctx.Err() != nil:
		return made, ctx.Err()
	case errors.Is(err, smt.ErrMissing):
		made.reason = &Reason{Rule: RuleSolverMissing, Text: made.by + " is not installed", Hint: "install it, such as by `apt-get install " + made.by + "`"}
	case err != nil:
		made.reason = &Reason{Rule: RuleSolverFailed, Text: fmt.Sprintf("asking about grant %s failed: %v", p.grant.Name, err), Hint: "look at the solver by hand, or split the condition"}
	case answer.Late:
		made.reason = &Reason{Rule: RuleSolverTime, Text: made.by + " took too long about grant " + p.grant.Name, Hint: "ask again on a machine that does less else, or split the condition"}
	case answer.Verdict == smt.Unknown:
		made.reason = &Reason{Rule: RuleSolverSteps, Text: made.by + " does not decide grant " + p.grant.Name + " within its steps", Hint: "split the condition, or move a part of it into a check"}
	case answer.Verdict == smt.Unsat:
		made.proved = true
	default:
		return p.replay(ctx, made, answer.Values, terms)
	}
	return made, nil
}

// replay makes a call of what a solver found, and asks the gate's own evaluation.
func (p *posed) replay(ctx context.Context, made reply, values smt.Values, terms []*smt.Term) (reply, error) {
	wrong := &Reason{Rule: RuleNotReproduced, Text: "the gate does not let in what " + made.by + " found for grant " + p.grant.Name,
		Hint: "report it, and look at the condition by hand"}
	for _, term := range terms {
		holds, err := values.Holds(term)
		if err != nil {
			return made, err
		}
		if !holds {
			made.reason = wrong
			return made, nil
		}
	}
	if !p.formula.put(values) {
		made.reason = &Reason{Rule: RuleInvalid, Text: fmt.Sprintf("grant %s was found to let in lists of more than %d elements alone", p.grant.Name, maxMade),
			Hint: "ask for fewer elements, or move the condition into a check"}
		return made, nil
	}
	s := &search{steps: &p.steps, most: p.most}
	s.sides, s.places = p.sides, p.formula.model.concrete()
	finding := &finding{question: p.question, search: s, relaxed: true}
	found, err := finding.accept(ctx)
	switch {
	case err != nil:
		return made, err
	case found:
		made.witness = finding.witness
	case finding.invalid, finding.none:
		made.reason = invalidFor(p.grant)
	case p.reason != nil:
		made.reason = p.reason // what was left out may keep it out
	default:
		made.reason = wrong
	}
	return made, nil
}

func invalidFor(grant declare.Grant) *Reason {
	return &Reason{Rule: RuleInvalid, Text: fmt.Sprintf("no request was found that grant %s lets in and that the validation rules accept", grant.Name),
		Hint: "write the rules of the fields that it reads so that a value can be made, such as `in` or `uuid`"}
}

// put gives the places the values that a solver found. ok is false where a list has too
// many elements to be made.
func (f *formula) put(values smt.Values) (ok bool) {
	for _, of := range f.lists {
		if !of.sized {
			continue
		}
		size, isNumber := values[f.size(of.list).Name()].(*big.Int)
		if isNumber && size.Cmp(big.NewInt(maxMade)) > 0 {
			return false
		}
		if isNumber && of.list.kind == records && int(size.Int64()) > len(of.list.elements) {
			of.list.most = int(size.Int64())
			of.list.newElements()
		}
	}
	for _, of := range f.model.concrete() {
		of.free, of.set, of.value, of.list = false, false, nil, nil
		if of.kind != answer && !of.isAround() {
			continue
		}
		name := f.nameOf(of, values)
		isSet, _ := values[name+"?"].(bool)
		switch of.kind {
		case answer:
			of.set, _ = values[name].(bool)
		case message, element:
			of.set = isSet
		case scalar:
			of.value = values[name]
			of.set = !of.optional || isSet
			if of.set && of.value == nil {
				of.value = someValue(of)
			}
		case set:
			of.set, of.list = true, f.elements(of, values)
		case records:
		}
	}
	return true
}

// nameOf is the name of a place in what a solver found: of an element that only counts it
// is that of the first.
func (f *formula) nameOf(of *place, values smt.Values) string {
	for _, use := range f.lists {
		if !use.sized || use.list.kind != records || !strings.HasPrefix(of.name, use.list.name+"[") {
			continue
		}
		size, isNumber := values[f.size(use.list).Name()].(*big.Int)
		for i, element := range use.list.elements {
			isCounted := isNumber && int64(i) < size.Int64()
			if present, _ := values[element.name+"?"].(bool); isCounted && !present && (of == element || strings.HasPrefix(of.name, element.name+".")) {
				return use.list.elements[0].name + strings.TrimPrefix(of.name, element.name)
			}
		}
	}
	return of.name
}

// elements are those of a list of values.
func (f *formula) elements(of *place, values smt.Values) []any {
	var list []any
	for i := range of.most {
		name := fmt.Sprintf("%s[%d]", of.name, i)
		value := values[name]
		if value == nil {
			value = someValue(of)
		}
		if present, _ := values[name+"?"].(bool); present && (of.root != inPrincipal || !slices.ContainsFunc(list, func(known any) bool { return same(known, value) })) {
			list = append(list, value)
		}
	}
	if size, ok := values[f.size(of).Name()].(*big.Int); ok {
		for len(list) > 0 && int64(len(list)) < size.Int64() {
			list = append(list, list[0])
		}
	}
	return list
}

// someValue is one of a place of which only is asked whether it is set, or of a list of
// which only is asked how many it has.
func someValue(of *place) any {
	switch of.class.whole().sort {
	case ofString:
		return ""
	case ofBool:
		return false
	case ofTime:
		return nanoseconds(defaultNow)
	default:
		if len(of.only) > 0 {
			return of.only[0]
		}
		return new(big.Int)
	}
}
