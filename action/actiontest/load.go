package actiontest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A loadFault is how a loader fails. The zero loadFault is none.
type loadFault uint8

const (
	loadsIt     loadFault = iota
	loadsDown             // what it asks is unavailable
	loadsLate             // what it asks does not answer in time
	loadsError            // it returns an error
	loadsPanic            // it panics
	loadsNil              // it returns nothing and no error
	loadsBoth             // it returns an object and an error
	loadFaultsN           // how many there are
)

// names of faults, for people.
var loadFaultNames = [loadFaultsN]string{
	"", "is unavailable", "is late", "returns an error", "panics", "returns nothing and no error", "returns an object and an error",
}

// code is what a call with the fault is answered.
func (f loadFault) code() connect.Code {
	switch f {
	case loadsIt:
		return Allowed
	case loadsDown, loadsLate:
		return connect.CodeUnavailable
	default:
		return connect.CodeInternal
	}
}

// load is in place of the loaders of a registry.
func (tr *trial) load(id string, of protoreflect.MessageDescriptor, key protoreflect.Value) (proto.Message, error) {
	now := tr.current(id)
	fault := loadsIt
	tr.note(id, func(n *notes) {
		n.loads++
		if now != nil && n.loads > now.loadsWell {
			fault = now.load
		}
	})
	found := objectsOf(now, tr.objects).find(of.FullName(), key.Interface())
	switch fault {
	case loadsDown:
		return nil, fmt.Errorf("the store is down: %w", authn.ErrUnavailable)
	case loadsLate:
		return nil, fmt.Errorf("the store does not answer: %w", context.DeadlineExceeded)
	case loadsError:
		return nil, errors.New("the row is broken")
	case loadsPanic:
		panic("the loader fails")
	case loadsNil:
		return nil, nil //nolint:nilnil // the fault
	case loadsBoth:
		return found, errors.New("the row is not of this version")
	default:
		if found == nil {
			return nil, action.NotFound()
		}
		return proto.Clone(found), nil // a registry may take it for its own
	}
}

// loads reports whether a decision loads what the request is about. A call with a fault of
// the loader is planned only where that is certain: where [judge.cannotHold] is so, or a
// grant holds.
func (j *judge) loads(a *attempt, principal *authn.Principal, request proto.Message) bool {
	if _, named := j.keyOf(request); !named {
		return false
	}
	return !j.cannotHold(a, principal, request)
}

// cannotHold reports whether no object makes a grant hold, because of conditions that read
// none, and ask no check.
func (j *judge) cannotHold(a *attempt, principal *authn.Principal, request proto.Message) bool {
	if principal.Scoped() && !j.carries(principal) {
		return true
	}
	for i, grant := range j.declaration.Grants {
		possible := true
		all, undecided := j.conditions(a, principal, request, i)
		if undecided {
			all[slices.Index(all, false)] = true // the load comes first
		}
		for at, held := range all {
			switch of := grant.Conditions[at].(type) {
			case declare.When:
				possible = possible && (held || of.Expression.ReadsSubject())
			case declare.CEL:
				possible = possible && (held || of.Expression.ReadsSubject())
			case declare.Check:
			case declare.Relation:
				usable, _ := isTrue(of.Usable, &condition.Input{Principal: principal, Request: request, Now: a.now})
				possible = possible && (held || of.OfSubject || usable)
			default:
				possible = possible && held
			}
		}
		if possible {
			return false
		}
	}
	return true
}

// loadFaults are calls whose loader fails: of principals who are let in, at each message that
// loads, and of those for which nothing is loaded, who must not learn that it fails.
func (p *plan) loadFaults(base attempt) {
	if p.declaration.Resource == nil || len(base.requests) == 0 {
		return
	}
	for fault := loadsIt + 1; fault < loadFaultsN; fault++ {
		difference := "and the loader " + loadFaultNames[fault]
		p.add(base.but(difference, func(a *attempt) { a.load = fault }))
		if p.declaration.Method.IsStreamingClient() {
			p.add(base.but(difference+" for the second message", func(a *attempt) {
				a.load, a.loadsWell = fault, 1
				a.requests = []proto.Message{a.requests[0], a.requests[0]}
			}))
		}
	}
	for _, other := range p.attempts {
		if other.load != loadsIt || other.later != nil || len(other.requests) != 1 || other.want.code == Allowed {
			continue
		}
		principal, code := p.judge.authenticate(&other.attempt)
		if !p.judge.valid(other.requests[0]) || code == Allowed && !p.judge.cannotHold(&other.attempt, principal, other.requests[0]) {
			continue
		}
		p.add(other.but("and the loader panics", func(a *attempt) { a.load = loadsPanic }))
	}
}
