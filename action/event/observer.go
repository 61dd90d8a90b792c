package event

import (
	"context"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/limit"
)

// An Observer is given what gates do, to measure it. It gets no ids and nothing that a
// caller chose, and makes no difference to any decision: its panics are held. It must
// be safe for concurrent use and must not block, since calls wait for it.
type Observer interface {
	// Observe is called once for each thing that an [Event] could be made of, also where
	// the recorder does not keep it, and for each recheck of a stream that finds all as it was. The
	// context is the call's.
	Observe(ctx context.Context, observation Observation)
}

// An Observation is one thing that a gate did. Its texts come from declarations and
// not from callers, so there are few of each.
type Observation struct {
	// Kind is what happened, as in an [Event].
	Kind Kind
	// Procedure is the action. It is empty for a call that was refused before a gate.
	Procedure string
	// Stream says that the action is a stream.
	Stream bool
	// Outcome, Stage, Code and Grant are those of the [Decision].
	Outcome Outcome
	Stage   Stage
	Code    connect.Code
	Grant   string
	// Shadow is what the shadow of the action would have decided, where Kind is [Shadowed]:
	// Outcome is that of the decision in force.
	Shadow Shadow
	// Limit is what the limit counts that had no room for the call, where that is why it
	// was denied: Stage is [StageLimit]. It is the zero Per otherwise.
	Limit limit.Per
	// Shed says that the server had no room for the call: Kind is [Refused], and
	// the call may leave a decision as well.
	Shed bool
	// Duration is the time that the gate took; of an end, that from the gate to the end.
	Duration time.Duration
	// Steps are how long each step of the gate took, by its [Stage]; a step that did
	// not run took none. Decoding includes the wait for the message. They are there for
	// what lets a call in or denies it, and otherwise zero.
	Steps [StageHandle]time.Duration
}
