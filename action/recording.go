package action

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"sync"

	"connectrpc.com/connect/v2"

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
		i.peer, _ = authn.PeerFrom(ctx)
		if call, ok := connect.CallInfoForServerContext(ctx); ok {
			i.requestID = foreign(call.RequestHeader().Get("X-Request-Id"), maxRequestID)
		}
	})
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
func (g *gate) admission() EventKind {
	if g.streams() {
		return EventOpened
	}
	return EventDecided
}

// event makes an event of the passage's call.
func (p *passage) event(ctx context.Context, kind EventKind, decision Decision) *Event {
	if p.identity == nil {
		p.identity = &identity{}
	}
	p.identity.find(ctx)
	return &Event{
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
func (p *passage) recordAllow(ctx context.Context, kind EventKind) error {
	if !p.gate.registry.keeps(ctx, kind, Allow) {
		p.observed(ctx, kind, Allow, 0)
		return nil
	}
	event := p.event(ctx, kind, p.decision(Allow))
	event.Values = p.values()
	if p.gate.registry.record(ctx, event) {
		p.observed(ctx, kind, Allow, 0)
		return nil
	}
	return &denial{public: errUnavailable, reason: "its event was not kept"}
}

// recordDeny records why the gate did not let the call, or a message of it, through.
func (p *passage) recordDeny(ctx context.Context, kind EventKind, reason *denial) {
	p.observed(ctx, kind, Deny, reason.public.Code())
	if !p.gate.registry.keeps(ctx, kind, Deny) {
		return
	}
	// The context may be over, which is no reason to lose the event.
	ctx = context.WithoutCancel(ctx)
	event := p.event(ctx, kind, p.denied(ctx, reason))
	event.Values = p.values()
	p.gate.registry.record(ctx, event)
}

// recordEnd records how the call ended. It is the last that happens to it.
func (p *passage) recordEnd(ctx context.Context, how ending) {
	p.observed(ctx, EventEnded, how.outcome(), how.code())
	if !p.gate.registry.keeps(ctx, EventEnded, how.outcome()) {
		return
	}
	ctx = context.WithoutCancel(ctx)
	decision := p.decision(Allow)
	decision.Outcome, decision.Stage = how.outcome(), StageHandle
	decision.Code, decision.Reason, decision.Err = how.code(), how.reason, how.cause
	p.gate.registry.record(ctx, p.event(ctx, EventEnded, decision))
}

// values are what the conditions read, or nil where they are not to be kept.
func (p *passage) values() *Values {
	if p.extras == nil || p.extras.basis == nil {
		return nil
	}
	return p.extras.basis.policy.Values(p.extras.basis.input)
}

// RecordRefused records that a call was refused before it came to a gate. Of the event
// it takes RequestID, Peer, Procedure, which may be a path that nothing serves, Code and
// Reason; what the caller chose of these is cut and escaped. It is for packages that
// serve a registry, as package server does; it decides nothing.
func (r *Registry) RecordRefused(ctx context.Context, refused Event) {
	r.observe(ctx, Observation{Kind: EventRefused, Code: refused.Code})
	if !r.sealed.Load() || !r.keeps(ctx, EventRefused, Deny) {
		return
	}
	r.record(context.WithoutCancel(ctx), &Event{
		Kind:      EventRefused,
		CallID:    rand.Text(),
		RequestID: foreign(refused.RequestID, maxRequestID),
		Peer:      refused.Peer,
		Contract:  r.contract,
		Decision: Decision{
			Procedure: foreign(refused.Procedure, maxPath), Code: refused.Code, Reason: foreign(refused.Reason, maxPath), Time: r.now(),
		},
	})
}
