package prove

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/validation"
)

// A prover answers questions about declarations.
type prover struct {
	validity

	most int // how many steps a question takes at most
	// fewer is how many fresh values are left out of each class, always whether what can be
	// absent is taken to be set, and whole whether what conditions look for in texts is left
	// out. A prover that is so made is wrong: tests must notice.
	fewer  int
	always bool
	whole  bool
	taken  int // the steps of all questions

	solvers []Solver
	// every is whether solvers are asked about what is decided without them, too.
	every bool
	by    []string // the solvers that proved a part of what was asked last
	// environment compiles the expressions of assertions. It is nil until there is one.
	environment *condition.Environment
	// relies is whether solvers proved a part of anything.
	relies bool
}

func newProver() *prover { return &prover{validity: validity{validation.New()}, most: maxSteps} }

// A question is whether one declaration lets in what another keeps out.
type question struct {
	*prover

	lets, keeps *declare.Declaration
	sides       [2]*side
	steps       int
	reason      *Reason // why it is not decided, where no witness is found
}

// looser looks for a call that one declaration lets in and another keeps out. Without one
// the reason says why that is not decided; it is nil where there is proved to be none.
func (p *prover) looser(ctx context.Context, lets, keeps *declare.Declaration) (*Witness, *Reason, error) {
	return p.between(ctx, sidesOf(lets, keeps))
}

// between is looser for two sides.
func (p *prover) between(ctx context.Context, sides [2]*side) (*Witness, *Reason, error) {
	lets, keeps := sides[0].declaration, sides[1].declaration
	q := &question{prover: p, lets: lets, keeps: keeps, sides: sides}
	defer func() { p.taken += q.steps }()
	grants := lets.Grants
	if lets.Anyone {
		grants = []declare.Grant{{Name: policy.Anyone}}
	}
	for _, grant := range grants {
		for _, credential := range credentials(lets, keeps) {
			if !credential.scoped && keeps.Anyone {
				continue
			}
			witness, reason, err := q.decide(ctx, grant, credential)
			if witness != nil || err != nil {
				return witness, nil, err
			}
			q.note(reason)
		}
	}
	return nil, q.reason, nil
}

// decide looks for a call that one grant lets in by a kind of credential, and asks the
// solvers where it is to.
func (q *question) decide(ctx context.Context, grant declare.Grant, by credential) (witness *Witness, reason *Reason, err error) {
	implied := !by.scoped && slices.ContainsFunc(q.keeps.Grants, func(other declare.Grant) bool { return implies(q.sides, grant, other) })
	if !implied {
		witness, reason, err = q.ask(ctx, grant, by)
	}
	// A scoped credential is asked about by the scopes that it carries, which takes no solver.
	if err != nil || by.scoped || len(q.solvers) == 0 || reason == nil && !q.every {
		return witness, reason, err
	}
	return q.solve(ctx, grant, witness, reason)
}

// A credential is how a principal comes to be let in.
type credential struct {
	scoped bool
	// carried are scopes that it carries, and without one that it does not.
	carried, without []string
}

// credentials are those that one of them is enough to look at, of each kind: an unscoped
// one and, where the one declaration takes a scoped one that the other does not, scoped
// ones that carry as much as they can.
func credentials(lets, keeps *declare.Declaration) []credential {
	all := []credential{{}}
	switch {
	case len(lets.CredentialScopes) == 0:
	case len(keeps.CredentialScopes) == 0:
		all = append(all, credential{scoped: true, carried: lets.CredentialScopes})
	default:
		for _, scope := range keeps.CredentialScopes {
			if slices.Contains(lets.CredentialScopes, scope) {
				continue
			}
			carried := slices.Concat(lets.CredentialScopes, keeps.CredentialScopes)
			slices.Sort(carried)
			carried = slices.DeleteFunc(slices.Compact(carried), func(other string) bool { return other == scope })
			all = append(all, credential{scoped: true, carried: carried, without: []string{scope}})
		}
	}
	return all
}

// ask looks for a call that one grant lets in by a kind of credential. Without one the
// reason says why that proves nothing; it is nil where it proves that there is none.
func (q *question) ask(ctx context.Context, grant declare.Grant, by credential) (*Witness, *Reason, error) {
	s := &search{steps: &q.steps, most: q.most, without: by.without}
	s.sides, s.scoped, s.carried = q.sides, by.scoped, by.carried
	m := newModel()
	reason, err := q.take(m, s, grant, by)
	if err != nil {
		return nil, nil, err
	}
	if err := q.finish(m); err != nil {
		return nil, nil, err
	}
	if m.tooMany {
		return nil, &Reason{Rule: RuleSteps, Text: fmt.Sprintf("grant %s, with what it is compared with, looks into one text by too many patterns", grant.Name),
			Hint: "look into it by fewer or simpler ones, or split the action"}, nil
	}
	s.prepare(m.concrete())
	made := &finding{question: q, search: s, relaxed: reason != nil}
	s.accept = made.accept
	found, err := s.run(ctx)
	switch {
	case found:
		return made.witness, nil, nil
	case errors.Is(err, errSteps):
		return nil, &Reason{Rule: RuleSteps, Text: fmt.Sprintf("grant %s takes more than %d steps", grant.Name, q.most),
			Hint: "read fewer values in one grant, or split the action"}, nil
	case errors.Is(err, errTried), err == nil && made.invalid:
		if reason == nil {
			reason = invalidFor(grant)
		}
		return nil, reason, nil
	case err != nil:
		return nil, nil, err
	case made.found:
		return nil, reason, nil // what is outside of the fragment may keep it out
	default:
		return nil, nil, nil
	}
}

// note keeps the first reason.
func (q *question) note(reason *Reason) {
	if q.reason == nil {
		q.reason = reason
	}
}

// take takes the conditions into a model. Those outside of the fragment are left out: what
// is proved without them is proved, and a call that is found without them is asked about
// again with them. The reason says of one of them what is outside.
func (q *question) take(m *model, s *search, grant declare.Grant, by credential) (reason *Reason, err error) {
	add := func(side int, conditions []declare.Condition) (made []requirement, complete bool, err error) {
		complete = true
		for _, condition := range conditions {
			requirement, err := m.add(q.sides[side], condition)
			if outside, ok := errors.AsType[*outsideError](err); ok {
				complete = false
				if reason == nil {
					reason = &outside.Reason
				}
				continue
			}
			if err != nil {
				return nil, false, err
			}
			made = append(made, requirement)
		}
		return made, complete, nil
	}
	must, _, err := add(0, grant.Conditions)
	if err != nil {
		return nil, err
	}
	s.require(0, must)
	if by.scoped {
		return reason, nil // the other declaration takes no such credential, so its grants do not matter
	}
	for _, other := range q.keeps.Grants {
		requirements, complete, err := add(1, other.Conditions)
		if err != nil {
			return nil, err
		}
		// Without one of its conditions it would keep out too little.
		if complete {
			s.deny(1, requirements)
		}
	}
	return reason, nil
}

// finish makes the values of a model.
func (q *question) finish(m *model) error {
	var failed error
	if err := q.assume(q.sides[0].request, m.order); err != nil {
		return err
	}
	if q.whole {
		for _, place := range m.order {
			if place.class != nil {
				place.class.whole().look = look{}
			}
		}
	}
	m.finish(q.sides[:], q.fewer, func(of *class, places []*place, need int) func(int) string {
		within := slices.DeleteFunc(slices.Clone(places), func(p *place) bool { return p.class == nil || p.class.whole() != of })
		form, err := q.texts(q.sides[0].request, within, need)
		if err != nil {
			failed = err
			return pools[0]
		}
		return form
	})
	if failed != nil {
		return failed
	}
	if q.always {
		for _, place := range m.concrete() {
			place.optional, place.refusedUnset = false, place.kind == message
		}
		return nil
	}
	return q.refusals(q.sides[0].request, m.concrete())
}

// A finding makes a witness of what a search found.
type finding struct {
	*question

	search  *search
	relaxed bool // conditions were left out
	tried   int
	found   bool // an input was found
	invalid bool // one was found whose request the validation rules refuse
	none    bool // one was found of which there is no call
	witness *Witness
}

// accept makes the request of an input valid, where it can, and asks both declarations
// about all of it. An answer other than the search's is a fault of this package.
func (f *finding) accept(ctx context.Context) (bool, error) {
	if f.found = true; f.tried == maxTried {
		return false, errTried
	}
	f.tried++
	inputs, ok, err := f.inputs()
	if errors.Is(err, errNoCall) {
		f.none = true
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if !ok {
		f.invalid = true
		return false, nil
	}
	answers := f.search.answers()
	if contradict(f.lets, f.keeps, inputs, answers) {
		f.invalid = true
		return false, nil
	}
	checks := map[string]policy.CheckFunc{}
	for _, declaration := range []*declare.Declaration{f.lets, f.keeps} {
		for _, name := range declaration.Asked() {
			checks[name] = func(context.Context, *authn.Principal, proto.Message) (bool, error) { return answers[name], nil }
		}
	}
	lets, keeps := policy.New(f.lets, checks), policy.New(f.keeps, checks)
	let, err := lets.Decide(ctx, inputs[0])
	if err != nil {
		return false, err
	}
	kept, err := keeps.Decide(ctx, inputs[1])
	if err != nil {
		return false, err
	}
	made := newWitness(inputs[0], answers, lets.Grant(let.Place))
	f.name(made, inputs)
	switch {
	case let.Allowed && (!kept.Allowed || !f.sides[1].isThere(inputs[1])):
		f.witness = made
		return true, nil
	case !f.relaxed:
		return false, fmt.Errorf("prove: the gate does not confirm a witness against %s: %s", f.lets.Procedure, made)
	default:
		return false, nil
	}
}

// isFixed reports of the path of a field whether it has its value by the search.
func (w *world) isFixed(in root) func(path string) bool {
	return func(path string) bool {
		return slices.ContainsFunc(w.places, func(of *place) bool {
			if of.root != in || of.free {
				return false
			}
			name := of.below()
			switch of.kind {
			case message:
				return !of.set && (path == name || strings.HasPrefix(path, name+"."))
			case element:
				return path == name || path == name[:strings.LastIndex(name, "[")]
			default:
				return path == name || strings.HasPrefix(path, name+"[")
			}
		})
	}
}
