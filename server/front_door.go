package server

import (
	"context"
	"io"
	"net/http"

	"connectrpc.com/connect/v2"
)

// answerAtDoor sends the answer of a front door at once on HTTP/1. There net/http reads
// the rest of a request before it answers, and a stranger could make that last as long
// as the limits allow. So the body stays unread, and the connection ends with the answer.
func answerAtDoor(door connect.ServerInterceptor) connect.ServerInterceptor {
	return func(next connect.ServerFunc) connect.ServerFunc {
		guarded := door(func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			if incoming := incomingFrom(ctx); incoming != nil {
				incoming.entered = true
			}
			return next(ctx, spec, stream)
		})
		return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
			err := guarded(ctx, spec, stream)
			if incoming := incomingFrom(ctx); incoming != nil && !incoming.entered && incoming.exchange != nil && incoming.exchange.unread != nil {
				incoming.exchange.unread.left = true
				incoming.exchange.Header().Set("Connection", "close")
			}
			return err
		}
	}
}

// keepUnread prepares a request on HTTP/1 to be answered without being read.
func (x *exchange) keepUnread(request *http.Request) {
	if request.ProtoMajor != 1 || request.Body == nil || request.Body == http.NoBody {
		return
	}
	x.unread = &unread{ReadCloser: request.Body}
	request.Body = x.unread
}

// An unread body is one that may be left unread.
type unread struct {
	io.ReadCloser

	left bool
}

// Close closes the body, unless it was left unread: then net/http closes it after it has
// sent the answer.
func (u *unread) Close() error {
	if u.left {
		return nil
	}
	return u.ReadCloser.Close()
}
