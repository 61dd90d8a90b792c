package action

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
)

// An identity is what all events of one call have in common. It is found out when the
// first of them is made.
type identity struct {
	once      sync.Once
	callID    string
	requestID string
	peer      *authn.Peer
}

func (i *identity) find(ctx context.Context) {
	i.once.Do(func() {
		if i.callID = CallID(ctx); i.callID == "" {
			i.callID = rand.Text()
		}
		i.peer, i.requestID = callerOf(ctx)
	})
}

// callerOf returns the peer of a call, or nil, and the id that it gave the call.
func callerOf(ctx context.Context) (peer *authn.Peer, requestID string) {
	peer, _ = authn.PeerFrom(ctx)
	if call, ok := connect.CallInfoForServerContext(ctx); ok {
		requestID = foreign(call.RequestHeader().Get("X-Request-Id"), maxRequestID)
	}
	return peer, requestID
}

// How many bytes an event has of what a caller chose.
const (
	maxRequestID = 128
	maxPath      = 256
)

// foreign cuts and escapes what a caller chose: all but printable ASCII, and the
// backslash, is written as \x1b.
func foreign(text string, most int) string {
	var made strings.Builder
	for i := range len(text) {
		part := text[i : i+1]
		if text[i] < ' ' || text[i] > '~' || text[i] == '\\' {
			part = fmt.Sprintf(`\x%02x`, text[i])
		}
		if made.Len()+len(part) > most {
			break
		}
		made.WriteString(part)
	}
	return made.String()
}

// admission is the kind of the event that says that a call was let in.
func (g *gate) admission() event.Kind {
	if g.streams() {
		return event.Opened
	}
	return event.Decided
}

// event makes an event of the passage's call.
func (p *passage) event(ctx context.Context, kind event.Kind, decision event.Decision) *event.Event {
	if p.identity == nil {
		p.identity = &identity{}
	}
	p.identity.find(ctx)
	return &event.Event{
		Kind:      kind,
		CallID:    p.identity.callID,
		RequestID: p.identity.requestID,
		Peer:      p.identity.peer,
		Contract:  p.gate.registry.contract,
		Decision:  decision,
	}
}

// recordAllow records that the gate let the call, or a message of it, through. The
// error is the denial of what must not pass, since its event was not kept.
func (p *passage) recordAllow(ctx context.Context, kind event.Kind) error {
	if !p.gate.registry.keeps(ctx, kind, event.Allow) {
		p.observed(ctx, kind, event.Allow, 0)
		return nil
	}
	e := p.event(ctx, kind, p.decision(event.Allow))
	e.Values = p.values()
	if p.gate.registry.record(ctx, e) {
		p.observed(ctx, kind, event.Allow, 0)
		return nil
	}
	return &denial{public: errUnavailable, reason: "its event was not kept"}
}

// recordDeny records why the gate did not let the call, or a message of it, through.
func (p *passage) recordDeny(ctx context.Context, kind event.Kind, reason *denial) {
	p.observedDenial(ctx, kind, reason)
	if !p.gate.registry.keeps(ctx, kind, event.Deny) {
		return
	}
	// The context may be over, which is no reason to lose the event.
	lasting := context.WithoutCancel(ctx)
	if p.identity != nil {
		e := p.event(lasting, kind, p.denied(lasting, reason))
		e.Values = p.values()
		p.gate.registry.record(lasting, e)
		return
	}
	// It is the one event of the call. A stranger may cause many that are not kept.
	draft := &event.Event{Kind: kind, CallID: CallID(ctx), Contract: p.gate.registry.contract, Decision: p.outline(lasting, reason)}
	draft.Peer, draft.RequestID = callerOf(ctx)
	p.gate.registry.recordDraft(lasting, draft, func(e *event.Event) {
		if e.CallID == "" {
			e.CallID = rand.Text()
		}
		e.Grants, e.Values = reason.outcomes(lasting), p.values()
	})
}

// recordEnd records how the call ended. It is the last that happens to it.
func (p *passage) recordEnd(ctx context.Context, how ending) {
	p.observed(ctx, event.Ended, how.outcome(), how.code())
	if !p.gate.registry.keeps(ctx, event.Ended, how.outcome()) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	decision := p.decision(event.Allow)
	decision.Outcome, decision.Stage = how.outcome(), event.StageHandle
	decision.Code, decision.Reason, decision.Err = how.code(), how.reason, how.cause
	e := p.event(ctx, event.Ended, decision)
	if p.extras != nil && p.extras.cleared != nil {
		cleared := p.extras.cleared
		e.Cleared = &event.Cleared{Fields: cleared.Names, More: cleared.More, Undecided: cleared.Undecided}
	}
	p.gate.registry.record(ctx, e)
}

// values are what the conditions read, or nil where they are not to be kept.
func (p *passage) values() *event.Values {
	if p.extras == nil || p.extras.basis == nil {
		return nil
	}
	return p.extras.basis.policy.Values(p.extras.basis.input)
}

// RecordRefused records that a call was refused before it came to a gate. Of the event
// it takes RequestID, Peer, Procedure, which may be a path that nothing serves, Code and
// Reason; what the caller chose of these is cut and escaped. It is for packages that
// serve a registry, as package server does; it decides nothing.
func (r *Registry) RecordRefused(ctx context.Context, refused event.Event) {
	r.observe(ctx, event.Observation{Kind: event.Refused, Code: refused.Code})
	if !r.sealed.Load() || !r.keeps(ctx, event.Refused, event.Deny) {
		return
	}
	r.record(context.WithoutCancel(ctx), &event.Event{
		Kind:      event.Refused,
		CallID:    rand.Text(),
		RequestID: foreign(refused.RequestID, maxRequestID),
		Peer:      refused.Peer,
		Contract:  r.contract,
		Decision: event.Decision{
			Procedure: foreign(refused.Procedure, maxPath), Code: refused.Code, Reason: foreign(refused.Reason, maxPath), Time: r.now(),
		},
	})
}
