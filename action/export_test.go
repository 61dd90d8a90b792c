package action

import (
	"context"
	"time"

	"github.com/sallyport-rpc/sallyport/action/event"
)

// LiveStreams returns for how many principals the registry holds streams, and how many.
func (r *Registry) LiveStreams() (principals, streams int) {
	r.streams.mu.Lock()
	defer r.streams.mu.Unlock()
	return len(r.streams.byID), len(r.streams.all())
}

// Shadow evaluates a shadow as a gate does, with room for so many, of which some are taken.
func Shadow(ctx context.Context, room, taken int, allowed bool, suppose func(context.Context) (allowed, decided bool, err error)) (found event.Shadow, left func() int) {
	of := newShadows(room, shadowTimeout)
	for range taken {
		of.room <- struct{}{}
	}
	return of.compare(ctx, allowed, suppose), func() int { return room - len(of.room) }
}

// WaitForShadows has calls wait for their shadows as long as a slow machine may take. It
// is called before the registry serves.
func (r *Registry) WaitForShadows() { r.shadows.timeout = time.Hour }

// LooksAtFields returns the procedures whose answers are looked at for guarded fields.
func (r *Registry) LooksAtFields() []string {
	var looks []string
	for _, action := range r.actions {
		if action.gate.fields != nil {
			looks = append(looks, action.gate.procedure)
		}
	}
	return looks
}

// WaitForRelations sets how long a decision waits for an answer of the relation engine. It
// is called before the registry serves.
func (r *Registry) WaitForRelations(timeout time.Duration) { r.relationTimeout = timeout }
