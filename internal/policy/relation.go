package policy

import (
	"context"
	"strings"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/relation"
)

// A RelationFunc decides a relation. It is asked after every other condition of its grant
// was found to hold. With an error the relation does not hold, also when it returns true.
type RelationFunc func(ctx context.Context, query relation.Query) (bool, error)

// related holds when a relation engine says so of ids that can be asked about.
type related struct {
	declare.Relation

	ask   RelationFunc
	stand bool // ask stands in for the engine, and answers by the relation's text
}

// supposed decides that every relation holds.
var supposed = Deciders{Relations: func(context.Context, relation.Query) (bool, error) { return true, nil }}

// newRelated is a relation as it is decided: by an answer that stands in for the engine's,
// which is among the checks by the relation's text, or else by the engine. ok is false
// without either.
func newRelated(declared declare.Relation, by Deciders) (of related, ok bool) {
	ask := by.Relations
	answer := by.Checks[declared.String()]
	if answer != nil {
		ask = func(ctx context.Context, _ relation.Query) (bool, error) { return answer(ctx, nil, nil) }
	}
	return related{declared, ask, answer != nil}, ask != nil && declared.Usable != nil && len(declared.Path) > 0
}

// holds asks the engine, once for the same question of one decision where the input keeps
// answers.
func (r related) holds(ctx context.Context, input Input) (bool, error) {
	if usable, err := holds(ctx, r.Usable, &input); err != nil || !usable {
		return false, err
	}
	query := relation.Query{User: input.Principal.ID(), Relation: r.Name, Object: r.Object, ID: r.id(&input)}
	if query.ID == "" {
		return false, nil
	}
	// The answers that people are shown are by the conditions' texts, so this is none.
	question := strings.Join([]string{"", query.Relation, query.Object, query.ID}, "\x00")
	if r.stand {
		question = r.String()
	}
	held, known := input.Answers[question]
	if !known {
		var err error
		if held, err = r.ask(ctx, query); err != nil {
			return false, err
		}
	}
	if input.Answers != nil {
		input.Answers[question], input.Answers[r.String()] = held, held
	}
	return held, nil
}

// id is the id of the object.
func (r related) id(input *Input) string {
	of := input.Request
	if r.OfSubject {
		of = input.Resource
	}
	if of == nil {
		return ""
	}
	value, _ := r.Path.Find(of.ProtoReflect())
	text, _ := value.Interface().(string) // "" where a message on the way is not set
	return text
}

// mayHold reports whether the relation could hold of an input whose resource is not known:
// the engine is not asked.
func (r related) mayHold(ctx context.Context, input *Input) (bool, error) {
	of := conditionInput(input)
	if r.OfSubject {
		return r.Usable.MayHold(ctx, &of)
	}
	return r.Usable.Holds(ctx, &of)
}

// explain does not ask the engine again, and shows no id.
func (r related) explain(ctx context.Context, input Input, before bool) (held bool, why string) {
	usable, err := holds(ctx, r.Usable, &input)
	switch answer, asked := input.Answers[r.String()]; {
	case asked && answer:
		return true, "the relation engine said yes"
	case asked:
		return false, "the relation engine said no"
	case err != nil:
		return false, err.Error()
	case !usable:
		return false, "the id of the object, or that of the principal, is empty, or has what no id has, and the relation engine was not asked"
	case before:
		return false, "the relation engine said no, or could not say"
	default:
		return false, "the relation engine was not asked, as the grant needs more that does not hold"
	}
}

// reads of a relation are the ids, and the engine's answer.
func (r related) reads() []read {
	return append(readsOf(r.Usable), read{name: r.String(), check: r.String()})
}

// Relates reports whether some grant asks a relation engine.
func (p *Policy) Relates() bool { return p != nil && p.relates }
