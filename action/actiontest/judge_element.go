package actiontest

import (
	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A sight is what elements of an answer are looked at with, and what they were before the
// caller of a stream was looked at again.
type sight struct {
	now, first, before condition.Input
	rechecked          bool
}

// again is the sight after a recheck.
func (s sight) again(now condition.Input) sight {
	return sight{now: now, first: s.first, before: s.now, rechecked: true}
}

// answered says what must come of a call that was let in, by what it answers.
func (j *judge) answered(a *attempt, with sight, admitted verdict) verdict {
	if a.answer == nil {
		return admitted
	}
	ended := verdict{kind: event.Ended, stage: event.StageHandle, ran: true, received: admitted.received}
	for _, item := range a.answer.items {
		var by int
		if by, ended.code = a.sees(with.now, item); by >= 0 {
			continue
		}
		if with.rechecked && ended.code == Allowed {
			for _, before := range []condition.Input{with.first, with.before} {
				if a.mayHaveSeen(before, item) {
					ended.code = connect.CodePermissionDenied
				}
			}
		}
		if ended.code == Allowed {
			ended.code = connect.CodeInternal
		}
		return ended
	}
	if a.answer.short && a.answer.each.Total != nil {
		ended.code = connect.CodeInternal
		return ended
	}
	admitted.reader, admitted.answer = with.now, a.answer
	admitted.reader.Now = a.now // which on a stream is later than what elements are looked at with
	return admitted
}

// sees is the place of the first grant by which an element of the call's answer is seen, or
// -1. Where a grant cannot be decided, or the relation engine fails, it is -1 and the code of
// that.
func (a attempt) sees(with condition.Input, item proto.Message) (by int, code connect.Code) {
	with.Subject = item
	grants := a.answer.each.Grants
	switch by, undecided := heldBy(grants, &with, a.answers); {
	case undecided:
		return -1, connect.CodeInternal
	case by >= 0 && a.failing.fault != asksWell && relationIn(grants[by]) == a.failing.asked:
		return -1, a.failing.fault.code()
	default:
		return by, Allowed
	}
}

// mayHaveSeen reports whether an element was seen with what its caller was before, with any
// answer of the relation engine then.
func (a attempt) mayHaveSeen(before condition.Input, item proto.Message) bool {
	supposed := attempt{answer: a.answer, answers: map[string]bool{}}
	for _, grant := range a.answer.each.Grants {
		supposed.answers[relationIn(grant)] = true
	}
	by, _ := supposed.sees(before, item)
	return by >= 0
}

// relationIn is the text of the relation that a grant names, or "".
func relationIn(grant declare.Grant) string {
	for _, of := range grant.Conditions {
		if relation, ok := of.(declare.Relation); ok {
			return relation.String()
		}
	}
	return ""
}
