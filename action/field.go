package action

import (
	"context"
	"errors"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/field"
)

// guardFields gives each gate the rules of the fields that it may answer with. They are
// those of all actions: what a field says holds wherever its message stands, also in what
// no schema tells, such as an Any. A gate whose answers cannot have a guarded field has
// none. The caller holds mu.
func (r *Registry) guardFields() {
	var declared []*declare.FieldRule
	for _, action := range r.actions {
		declared = append(append(declared, action.declaration.Fields...), action.declaration.Details...)
	}
	rules := field.NewRules(declared)
	for _, action := range r.actions {
		action.gate.details = rules
		action.gate.intake = intakeOf(rules, action.declaration)
		if rules.Guard() && rules.Looks(action.method.Response.ProtoReflect().Descriptor()) {
			action.gate.fields = rules
		}
	}
}

// readable returns a copy of a response without what the reader may not read, and what that
// is.
func (g *gate) readable(ctx context.Context, response proto.Message, reader field.Reader) (left proto.Message, cleared field.Cleared, err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			left, err = nil, panicked(event.StageHandle, thrown)
		}
	}()
	left, cleared = g.fields.Clear(ctx, reader, response)
	return left, cleared, ctx.Err() // where it has ended, rules were not decided
}

// clear remembers what was cleared, for the event of the end.
func (p *passage) clear(cleared field.Cleared) {
	if len(cleared.Names) > 0 {
		p.more().cleared = p.more().cleared.With(cleared)
	}
}

func (p *passage) reader() field.Reader { return field.Reader{Principal: p.principal, Now: p.start} }

// reader is the caller as it was looked at last: it may read other fields now.
func (s *stream) reader() field.Reader {
	return field.Reader{Principal: s.outside().principal, Now: s.gate.registry.now()}
}

// clear remembers what was cleared of a message of the stream. What the stream's passage has
// belongs to the goroutine that receives, so it is not kept there.
func (s *stream) clear(cleared field.Cleared) {
	if len(cleared.Names) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleared = s.cleared.With(cleared)
}

func (s *stream) clearedSoFar() field.Cleared {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cleared == nil {
		return field.Cleared{}
	}
	return *s.cleared
}

// withoutUnreadable takes from the details of a handler's error what its caller may not
// read, and whole details that cannot be looked into. A fault in that is the handler's.
func (p *passage) withoutUnreadable(ctx context.Context, how ending, principal *authn.Principal) (left ending) {
	authored, ok := errors.AsType[*connect.Error](how.public)
	if !ok || authored == nil || authored.IsRemote() || p.gate.details == nil {
		return how
	}
	details := authored.Details()
	if len(details) == 0 {
		return how
	}
	defer func() {
		if recover() != nil {
			left = ending{public: errInternal, reason: "the details of the handler's error could not be looked at"}
		}
	}()
	reader := field.Reader{Principal: principal, Now: p.gate.registry.now()}
	kept := details[:0]
	changed := false
	for _, detail := range details {
		message, cleared, ok, names := p.gate.details.ClearPacked(context.WithoutCancel(ctx), reader, protoreflect.FullName(detail.Type), detail.Value)
		p.clear(names)
		switch {
		case ok && !cleared:
			kept = append(kept, detail)
			continue
		case ok:
			if made, err := connectproto.NewErrorDetail(message); err == nil {
				kept = append(kept, made)
			}
		}
		changed = true
	}
	if !changed {
		return how
	}
	// What is not on the wire stays where operators look for it.
	made := connect.NewError(authored.Code(), authored.Message()).WithCause(errors.Unwrap(authored))
	for _, detail := range kept {
		made = made.WithDetail(detail)
	}
	how.public = made
	return how
}
