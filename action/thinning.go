package action

import (
	"context"

	"github.com/sallyport-rpc/sallyport/internal/thinning"
)

// ThinningRecorder returns a [Recorder] that hands on to another what it records, but
// for some of what strangers are denied: of the denials without a principal from one
// network ([authn.Peer.Network]) it hands on the first 20, and then one a second, with
// the number of those that it left out in [Event]'s NotRecorded. So a flood of calls
// from one place does not become a flood of records.
//
// Denials of principals, allows, ends of calls, faults, and what has no network, such
// as calls within the process, are all handed on. The memory it takes does not grow with the number of
// networks: beyond 4,096 at a time they count as one.
func ThinningRecorder(recorder Recorder) Recorder {
	return &thinningRecorder{Recorder: recorder, thinner: thinning.New(nil)}
}

type thinningRecorder struct {
	Recorder

	thinner *thinning.Thinner
}

// Record implements [Recorder].
func (r *thinningRecorder) Record(ctx context.Context, event *Event) error {
	if event.Outcome == Deny && event.PrincipalID == "" && event.Kind != EventEnded && event.Kind != EventFault && event.Peer != nil {
		passes, left := r.thinner.Pass(event.Peer.Network())
		if !passes {
			return nil
		}
		if left > 0 {
			thinned := *event
			thinned.NotRecorded = left
			event = &thinned
		}
	}
	return r.Recorder.Record(ctx, event)
}
