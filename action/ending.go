package action

import (
	"context"
	"errors"
	"fmt"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/recovered"
)

// An ending is how a call ended that was let in. Its zero value is success.
type ending struct {
	public error  // what the caller is answered; nil for success
	reason string // for operators; "" where the handler ended the call
	cause  error  // what failed, for operators
}

func (e ending) outcome() event.Outcome {
	if e.reason != "" {
		return event.Deny
	}
	return event.Allow
}

// code is what the caller is answered, 0 for success.
func (e ending) code() connect.Code {
	if e.public == nil {
		return 0
	}
	if authored, ok := errors.AsType[*connect.Error](e.public); ok && authored.IsRemote() {
		return connect.CodeInternal // which is what callers see of another server's error
	}
	return connect.CodeOf(e.public)
}

// errNoResponse is the fault of a handler that returns neither a response nor an
// error.
var errNoResponse = errors.New("the handler returned no response and no error")

// errNoReturn is the fault of a handler that ends its goroutine in place of returning.
var errNoReturn = errors.New("the handler did not return")

// An unsentError says that the handler's response did not go out.
type unsentError struct{ error }

func (e unsentError) Unwrap() error { return e.error }

// unsent marks the error of sending a response. It returns nil for nil.
func unsent(err error) error {
	if err == nil {
		return nil
	}
	return unsentError{err}
}

// endingOf makes the ending of what came of a handler: an error that it wrote for the
// caller goes out as it is; of any other the caller learns nothing, and operators the
// cause.
func endingOf(err error) ending {
	if err == nil {
		return ending{}
	}
	if held, ok := errors.AsType[*recovered.Panic](err); ok {
		return ending{public: errInternal, reason: "the handler failed", cause: held}
	}
	if errors.Is(err, errNoResponse) || errors.Is(err, errNoReturn) {
		return ending{public: errInternal, reason: "the handler failed", cause: err}
	}
	gone := errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
	if failed, ok := errors.AsType[unsentError](err); ok {
		if refused, ok := errors.AsType[*denial](err); ok {
			return ending{public: refused.public, reason: refused.reason, cause: refused.err}
		}
		if gone {
			return ending{public: failed.error, reason: "the call ended before its response was sent"}
		}
		return ending{public: failed.error, reason: "the response could not be sent", cause: failed.error}
	}
	if authored, ok := errors.AsType[*connect.Error](err); ok && authored != nil && !authored.IsRemote() {
		below := errors.Unwrap(authored)
		if saysFault(authored.Code(), below) {
			cause := err
			if below != nil {
				cause = fmt.Errorf("%w: %w", err, below) // the text of an authored error leaves it out
			}
			return ending{public: err, reason: "the handler failed", cause: cause}
		}
		return ending{public: err}
	}
	if gone {
		return ending{public: err, reason: "the call ended before its handler was done"}
	}
	return ending{public: err, reason: "the handler returned an error", cause: err}
}

// saysFault reports whether a handler's own code says that it failed, and not that its
// caller may not have what it asked for. An unavailable with a cause is of something
// that the handler needs; without one the handler only asks its caller to come again.
func saysFault(code connect.Code, cause error) bool {
	switch code {
	case connect.CodeInternal, connect.CodeUnknown, connect.CodeDataLoss:
		return true
	case connect.CodeUnavailable:
		return cause != nil
	default:
		return false
	}
}

// recoverHandler makes an error of a handler's panic. It is deferred.
func recoverHandler(err *error) {
	if thrown := recover(); thrown != nil {
		*err = recovered.New(event.StageHandle.String(), thrown)
	}
}

// finish makes of a handler's result what the caller is answered, and records it. It is
// deferred, and holds the handler's panics.
func (p *passage) finish(ctx context.Context, err *error) {
	if thrown := recover(); thrown != nil {
		*err = recovered.New(event.StageHandle.String(), thrown)
	}
	how := endingOf(*err)
	if how.public != nil {
		how = p.withoutUnreadable(ctx, how, p.principal)
	}
	*err = how.public
	p.recordEnd(ctx, how)
}
