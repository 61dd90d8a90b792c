package prove

import (
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// contradict reports whether the answers to the relations that two declarations name say
// yes and no to one question, as no engine does: the places of the answers are told apart
// by what leads to the ids, and not by the ids.
func contradict(lets, keeps *declare.Declaration, inputs [2]policy.Input, answers map[string]bool) bool {
	type question struct{ relation, object, id string }
	known := map[question]bool{}
	for side, of := range []*declare.Declaration{lets, keeps} {
		for _, relation := range of.Relations() {
			answer, asked := answers[relation.String()]
			from := inputs[side].Request
			if relation.OfSubject {
				from = inputs[side].Resource
			}
			if from == nil || !asked {
				continue
			}
			id, ok := relation.Path.Find(from.ProtoReflect())
			if !ok {
				continue
			}
			of := question{relation.Name, relation.Object, id.String()}
			if before, seen := known[of]; seen && before != answer {
				return true
			}
			known[of] = answer
		}
	}
	return false
}
