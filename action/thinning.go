package action

import (
	"context"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/thinning"
)

// ThinningRecorder returns a [Recorder] that hands on to another what it records, but
// for some of what strangers are denied: of the denials without a principal from one
// network ([authn.Peer.Network]) it hands on the first 20, and then one a second, with
// the number of those that it left out in [Decision.NotRecorded]. So a flood of calls
// from one place does not become a flood of records.
//
// Denials of principals, allows, and what has no network, such as calls within the
// process, are all handed on. The memory it takes does not grow with the number of
// networks: beyond 4,096 at a time they count as one.
func ThinningRecorder(recorder Recorder) Recorder {
	return &thinningRecorder{Recorder: recorder, thinner: thinning.New(nil)}
}

type thinningRecorder struct {
	Recorder

	thinner *thinning.Thinner
}

// Record implements [Recorder].
func (r *thinningRecorder) Record(ctx context.Context, decision Decision) {
	if decision.Outcome == Deny && decision.PrincipalID == "" {
		if peer, ok := authn.PeerFrom(ctx); ok {
			passes, left := r.thinner.Pass(peer.Network())
			if !passes {
				return
			}
			decision.NotRecorded = left
		}
	}
	r.Recorder.Record(ctx, decision)
}
