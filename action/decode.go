package action

import (
	"context"
	"errors"
	"io"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/internal/wire"
)

// decode reads one request.
func (g *gate) decode(pass *passage, stream connect.ServerStream, request proto.Message) error {
	pass.step(event.StageDecode)
	err := stream.Receive(request)
	if source, ok := stream.(streamSource); ok && pass.start.IsZero() {
		pass.start = source.arrived // the clock was read for it
	}
	pass.clock()
	if err != nil {
		return undecoded(err)
	}
	return nil
}

// mostText is how many bytes of the wire the text of a transport's error may take.
// It may quote the request.
const mostText = 512

var (
	errMalformed  = connect.NewError(connect.CodeInvalidArgument, "the request could not be read")
	errIncomplete = connect.NewError(connect.CodeInvalidArgument, "the request ends in the middle of a message")
)

// undecoded is the denial of a request that cannot be read. The reason is the code
// alone, because connect's text may quote the request.
func undecoded(err error) *denial {
	public, ok := errors.AsType[*connect.Error](err)
	if !ok {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return interrupted(err)
		}
		return &denial{public: errMalformed, reason: "the request could not be read", cause: err}
	}
	// What a codec or a body says of the request, connect wraps as one of its own.
	if inner, ok := errors.AsType[*connect.Error](public.Unwrap()); ok {
		public = inner
	}
	switch code := public.Code(); {
	case code == connect.CodeUnknown && !errors.Is(err, io.EOF):
		public = errMalformed // a Go error that no one gave a code to
	case code == connect.CodeInternal && errors.Is(err, io.ErrUnexpectedEOF):
		public = errIncomplete
	default:
		public = shorten(public)
	}
	return &denial{public: public, reason: "the request could not be read: " + public.Code().String(), cause: err}
}

// shorten returns an error whose text is short enough to be sent.
func shorten(long *connect.Error) *connect.Error {
	text := wire.Shorten(long.Message(), mostText)
	if text == long.Message() {
		return long
	}
	short := connect.NewError(long.Code(), text)
	for _, detail := range long.Details() {
		short = short.WithDetail(detail)
	}
	return short
}
