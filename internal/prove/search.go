package prove

import (
	"context"
	"errors"
	"slices"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// maxSteps is how many evaluations of a condition one question takes at most. It is a
// number of steps and no time, so that an answer does not depend on the machine.
const maxSteps = 200_000

// maxTried is how many inputs that would be an answer are tried for a request that the
// validation rules accept.
const maxTried = 64

// errSteps ends a search that took too many steps, and errTried one that found inputs, and
// none of them with a request that the validation rules accept.
var (
	errSteps = errors.New("too many steps")
	errTried = errors.New("no valid request")
)

// A search looks for an input of which every requirement of one grant is true, and for
// each of some other grants one that is not.
type search struct {
	world

	order []*place
	// at are the tests that can be made once a place has its value, by the index behind the
	// last place that they read.
	at     [][]*test
	tests  []*test
	denied []*denied
	// without are scopes that the principal does not have.
	without []string
	// accept takes an input that was found, and reports whether it is an answer.
	accept func(context.Context) (bool, error)
	steps  *int // how many were taken, of this search and those before it
	most   int  // how many may be taken
}

// A test is one requirement, decided by the gate's own evaluation.
type test struct {
	requirement

	policy *policy.Policy
	side   int
	of     *denied // the grant that must not hold; nil where the requirement must hold
	places []*place
	said   result
}

type result uint8

const (
	unknown result = iota
	failed
	held
)

// A denied grant must not hold.
type denied struct{ tests []*test }

// isDenied reports whether one of its requirements was found not to hold.
func (d *denied) isDenied() bool {
	return slices.ContainsFunc(d.tests, func(t *test) bool { return t.said == failed })
}

// holds reports whether all of its requirements were found to hold.
func (d *denied) holds() bool {
	return !slices.ContainsFunc(d.tests, func(t *test) bool { return t.said != held })
}

// require adds requirements that must hold, as a side sees them.
func (s *search) require(side int, requirements []requirement) {
	for _, of := range requirements {
		s.tests = append(s.tests, &test{requirement: of, side: side})
	}
}

// deny adds a grant that must not hold, as a side sees it.
func (s *search) deny(side int, requirements []requirement) {
	of := &denied{}
	s.denied = append(s.denied, of)
	for _, requirement := range requirements {
		made := &test{requirement: requirement, side: side, of: of}
		of.tests, s.tests = append(of.tests, made), append(s.tests, made)
	}
}

// prepare puts the places in the order in which they get their values: those first that
// the tests read that come first.
func (s *search) prepare(all []*place) {
	s.places = all
	for _, place := range all {
		place.free, place.set, place.value, place.list = true, false, nil, nil
	}
	checks := s.checks()
	for _, test := range s.tests {
		test.policy = policy.New(&declare.Declaration{Grants: []declare.Grant{{Name: "it", Conditions: []declare.Condition{test.condition}}}}, checks)
		for _, place := range test.requirement.places {
			test.places = append(test.places, place.concrete()...)
		}
		for _, place := range test.places {
			if !slices.Contains(s.order, place) {
				s.order = append(s.order, place)
			}
		}
	}
	s.at = make([][]*test, len(s.order)+1)
	for _, test := range s.tests {
		last := 0
		for _, place := range test.places {
			last = max(last, slices.Index(s.order, place)+1)
		}
		s.at[last] = append(s.at[last], test)
	}
}

// run looks for an answer. Without one, an error says why that proves nothing.
func (s *search) run(ctx context.Context) (found bool, err error) {
	s.changed()
	return s.from(ctx, 0)
}

// from decides the tests that can be made now that the places up to depth have their
// values, and goes on with the next place.
func (s *search) from(ctx context.Context, depth int) (found bool, err error) {
	defer func() {
		for _, test := range s.at[depth] {
			test.said = unknown
		}
	}()
	for _, test := range s.at[depth] {
		if test.of != nil && test.of.isDenied() {
			continue
		}
		holds, err := s.decide(ctx, test)
		if err != nil {
			return false, err
		}
		if test.said = failed; holds {
			test.said = held
		}
		if test.of == nil && !holds || test.of != nil && test.of.holds() {
			return false, nil
		}
	}
	if depth == len(s.order) {
		return s.accept(ctx)
	}
	next := func() (bool, error) {
		s.changed()
		return s.from(ctx, depth+1)
	}
	place := s.order[depth]
	if place.free = !s.isNeeded(place); place.free {
		return next()
	}
	defer func() {
		place.free, place.set, place.value, place.list = true, false, nil, nil
		s.changed()
	}()
	return s.choose(place, next)
}

// isNeeded reports whether a test that is still to be made reads a place.
func (s *search) isNeeded(place *place) bool {
	return slices.ContainsFunc(s.tests, func(test *test) bool {
		return test.said == unknown && (test.of == nil || !test.of.isDenied()) && slices.Contains(test.places, place)
	})
}

func (s *search) decide(ctx context.Context, test *test) (holds bool, err error) {
	if *s.steps++; *s.steps > s.most {
		return false, errSteps
	}
	decision, err := test.policy.Decide(ctx, s.input(test.side))
	return decision.Allowed, err
}

// choose gives a place each of its values, until there is an answer.
func (s *search) choose(place *place, next func() (bool, error)) (found bool, err error) {
	can, must := place.isAround() && !s.isOther(place), false
	if same := s.sameAs(place); can && same != nil {
		place.set, place.value = same.set, same.value
		return next()
	}
	switch place.kind {
	case answer:
		can = true
	case message:
		must = can && place.refusedUnset
	case element:
		can = can && (place.before == nil || place.before.set)
	case scalar:
		return s.chooseValue(place, can, next)
	case set:
		place.set = can
		return s.chooseElements(place, 0, next)
	case records:
		panic("prove: a list has no value of its own") // a fault of this package
	}
	if !must {
		if found, err = next(); found || err != nil {
			return found, err
		}
	}
	if !can {
		return false, nil
	}
	place.set = true
	return next()
}

// isOther reports whether another member of the place's oneof is set.
func (s *search) isOther(of *place) bool {
	return of.oneof != "" && slices.ContainsFunc(s.places, func(other *place) bool {
		return other != of && other.set && other.oneof == of.oneof && other.parent == of.parent
	})
}

// chooseValue gives a place of one value each of its values, and none where it can have
// none. Of the fresh values it takes those that are used already and the first other one:
// they are interchangeable.
func (s *search) chooseValue(place *place, can bool, next func() (bool, error)) (found bool, err error) {
	of := place.class
	if can {
		for i, value := range of.values {
			isNew := of.isFresh(i) && i >= len(of.constants)+of.used
			if isNew && i > len(of.constants)+of.used {
				break
			}
			if !place.takes(value) {
				continue
			}
			if isNew {
				of.used++
			}
			found, err = s.with(place, value, next)
			if isNew {
				of.used--
			}
			if found || err != nil {
				return found, err
			}
		}
	}
	if can && (!place.optional || place.refusedUnset) {
		return false, nil
	}
	place.set, place.value = false, nil
	return next()
}

func (*search) with(place *place, value any, next func() (bool, error)) (bool, error) {
	place.set, place.value = true, value
	return next()
}

// chooseElements gives a list every set of elements, from the values at an index on, of
// as many as matter.
func (s *search) chooseElements(place *place, from int, next func() (bool, error)) (found bool, err error) {
	if found, err = next(); found || err != nil || !place.set || len(place.list) == place.most {
		return found, err
	}
	of := place.class
	for i := from; i < len(of.values); i++ {
		isNew := of.isFresh(i) && i >= len(of.constants)+of.used
		if isNew && i > len(of.constants)+of.used {
			break
		}
		value := of.values[i]
		text, isText := value.(string)
		if !place.takes(value) || isText && place.name == "principal.scopes" && slices.Contains(s.without, text) {
			continue
		}
		if isNew {
			of.used++
		}
		place.list = append(slices.Clone(place.list), value)
		found, err = s.chooseElements(place, i+1, next)
		place.list = place.list[:len(place.list)-1]
		if isNew {
			of.used--
		}
		if found || err != nil {
			return found, err
		}
	}
	return false, nil
}
