package action

import (
	"context"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
)

// noControl is the control of a stream to which its server lends none.
var noControl actionserver.StreamControl

// streamControl returns what the server lends to a call.
func streamControl(ctx context.Context) *actionserver.StreamControl {
	if control := actionserver.StreamControlFrom(ctx); control != nil {
		return control
	}
	return &noControl
}

// What ends a stream that takes too much.
var (
	errTooManyMessages = connect.NewError(connect.CodeResourceExhausted, "too many messages on one stream")
	errTooManyBytes    = connect.NewError(connect.CodeResourceExhausted, "too many bytes on one stream")
	errShuttingDown    = connect.NewError(connect.CodeUnavailable, "the server is shutting down")
	errLate            = connect.NewError(connect.CodeDeadlineExceeded, "the request did not arrive in time")
	errIdle            = connect.NewError(connect.CodeDeadlineExceeded, "the stream was idle for too long")
)

// exceeded returns what ends a stream on which so much was received, or nil.
func exceeded(control *actionserver.StreamControl, messages, bytes int64) error {
	switch {
	case control.MaxMessages > 0 && messages > control.MaxMessages:
		return errTooManyMessages
	case control.MaxBytes > 0 && bytes > control.MaxBytes:
		return errTooManyBytes
	default:
		return nil
	}
}

// idleFor is the denial of a stream on which nothing moved.
func idleFor(limit time.Duration) *denial {
	return &denial{public: errIdle, reason: "no message came or went for " + limit.String()}
}
