package event

import (
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// A Kind is what an [Event] is about. Its zero value is of no event.
type Kind uint8

// The kinds of events. Each thing that happens leaves one event: a call that is
// denied leaves the denial, and one that is let in leaves that and its end.
const (
	// Decided: the gate denied a call, of any shape, or let a unary call in. It
	// comes before the handler runs.
	Decided Kind = iota + 1
	// Opened: the gate let a stream in. It comes before the handler runs.
	Opened
	// Message: the gate refused a later message of a stream, which ends the stream;
	// or it passed one, where [action.WithMessageEvents] asks for that.
	Message
	// Recheck: what let a stream in holds no longer, which ends the stream. A
	// recheck that finds all as it was leaves no event.
	Recheck
	// Ended: a call that was let in has ended. It has the code that the caller got,
	// how long the call took, and the cause where it failed.
	Ended
	// Refused: a call ended before it came to a gate, such as one for a procedure that
	// is not there, or one that an interceptor answered. Code is 0 where the interceptor
	// answered with success.
	Refused
	// Question: [action.Registry.May] was asked.
	Question
	// Fault: something failed that is part of no decision: a recorder that
	// panicked, or that did not keep an event.
	Fault
	// Shadowed: the shadow of an action was evaluated. Only observers learn of it; the
	// events of the call have it in their [Decision].
	Shadowed
)

var kinds = [...]string{"none", "decided", "opened", "message", "recheck", "ended", "refused", "question", "fault", "shadowed"}

// String returns the kind in lower case: "decided".
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return "unknown"
}

// Admits reports whether an event of this kind, with an outcome, says that a call was let
// in and its handler is about to run.
func (k Kind) Admits(outcome Outcome) bool {
	return outcome == Allow && (k == Decided || k == Opened)
}

// An Event is one thing that happened to a call, for operators: nothing in it reaches
// the caller. It must not be changed, and may be kept.
//
// Of a denial, a question, a refusal and a fault, the embedded [Decision] says what
// was decided. Of an end it says what was decided when the call was let in, and how
// the call ended: Outcome is [Allow] where the caller got what the handler returned,
// and [Deny] where the handler failed or the gate ended the call; Code is what the
// caller was answered, 0 for success; Err is the cause of a failure, such as the error
// that the handler returned; Duration is the time from the gate to the end.
type Event struct {
	// Kind is what the event is about.
	Kind Kind
	// CallID is a random id that this server gave the call: all events of a call have
	// the same one.
	CallID string
	// RequestID is what the caller sent as X-Request-Id: at most 128 bytes of it, with
	// all but printable ASCII escaped. The caller chooses it; it need not be unique.
	RequestID string
	// Peer is the other end of the connection. It is nil where that is not known, as in
	// a call within the process. It is shared and must not be changed.
	Peer *authn.Peer
	// Contract is the fingerprint of the declarations that the registry serves.
	Contract string
	// Decision is what was decided.
	Decision
	// NotRecorded is how many denials and questions were not recorded since the last that was,
	// where a recorder thins them. See [ThinningRecorder].
	NotRecorded int
	// Cleared is what was cleared from what the call was answered. It is nil where nothing
	// was, and on events of other kinds than [Ended].
	Cleared *Cleared
	// Values are what the conditions of the action read. They are nil without
	// [action.WithEventValues], and on events of other kinds than decisions on grants.
	Values *Values
}

// Values are what the conditions of an action read of one call, and nothing besides:
// enough to decide the call again. Fields marked debug_redact are left out, and
// Incomplete names what is read and is not there for that.
type Values = policy.Values
