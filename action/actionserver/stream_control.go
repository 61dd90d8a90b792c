package actionserver

import (
	"context"
	"time"
)

// A StreamControl is what a server lends to a stream that it serves: how to get
// through to a transport that waits, and how much the stream may take. The zero
// value limits nothing and cannot interrupt.
type StreamControl struct {
	// InterruptReceive makes a Receive of the transport that waits for the client, and
	// all later ones, return an error. Where it is nil a stream that the gate ends
	// leaves a goroutine waiting until the transport gives the stream up.
	InterruptReceive func()
	// InterruptSend makes a Send of the transport that waits for a client that does
	// not read return an error. It is called two seconds after the stream has ended, if
	// a Send waits. Where it is nil the stream's function does not return before the
	// client reads or leaves.
	InterruptSend func()
	// OnShutdown asks for end to be called once when the server that shuts down ends the
	// streams that are left; each then ends as unavailable. stop takes that back. Where
	// it is nil a shutdown ends no stream.
	OnShutdown func(end func()) (stop func() bool)
	// OpenTimeout is how long a stream may take until its caller was found and let in:
	// the time in which a first message must arrive. 0 is no limit besides IdleTimeout.
	OpenTimeout time.Duration
	// IdleTimeout is how long a stream may live with no message in either direction.
	// 0 is no limit.
	IdleTimeout time.Duration
	// MaxMessages is how many messages a client may send on one stream. 0 is no limit.
	MaxMessages int64
	// MaxBytes is how many bytes of messages, decompressed, a client may send on one
	// stream. 0 is no limit.
	MaxBytes int64
}

type streamControlKey struct{}

// WithStreamControl returns a context for a call of a streaming action. The control
// must not change after that. A nil control takes away the one that the context has.
func WithStreamControl(ctx context.Context, control *StreamControl) context.Context {
	return context.WithValue(ctx, streamControlKey{}, control)
}

// StreamControlFrom returns the control of a call's context, or nil where it has none.
func StreamControlFrom(ctx context.Context) *StreamControl {
	control, _ := ctx.Value(streamControlKey{}).(*StreamControl)
	return control
}
