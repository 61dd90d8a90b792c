package server

import (
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"connectrpc.com/connect/v2"
)

// envelopeBytes is what frames a message in gRPC, gRPC-Web and Connect's streams:
// flags, and the message's length in 32 bits.
const envelopeBytes = 5

var (
	// errSlow is what a client is told whose request did not arrive in time. The
	// error of the connection would name addresses behind a proxy.
	errSlow = connect.NewError(connect.CodeDeadlineExceeded, "the request did not arrive in time")
	// errLarge ends the reading of a message that is too large to be read.
	errLarge = errors.New("the rest was not read")
)

// boundBody limits what is read of a request, and for how long if it is not a
// stream of messages.
//
// The request must be a copy: by the body of its own, net/http sees after a call
// what is left on the connection, and must not take that for the next request.
func (l *limits) boundBody(writer http.ResponseWriter, request *http.Request, stream bool) {
	if request.ContentLength == 0 || request.Body == nil {
		return
	}
	body := body{request.Body, http.NewResponseController(writer), l.read}
	if stream {
		request.Body = &envelopes{body: body, limit: int64(l.messageBytes)}
		return
	}
	body.expire()
	body.ReadCloser = http.MaxBytesReader(writer, body.ReadCloser, int64(l.messageBytes)+envelopeBytes)
	request.Body = body
}

// A body is the body of a request. Its size and time are bounded by what is in it.
type body struct {
	io.ReadCloser

	controller *http.ResponseController
	timeout    time.Duration
}

// Read reads some of the body.
func (b body) Read(data []byte) (int, error) {
	n, err := b.ReadCloser.Read(data)
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) {
		return n, errSlow
	}
	return n, err
}

// expire makes reading fail after the timeout. Where deadlines are not supported
// there is no network to be slow.
func (b body) expire() { _ = b.controller.SetReadDeadline(time.Now().Add(b.timeout)) }

// Envelopes are the body of a stream of messages. It ends at the first message that
// is larger than the limit; connect would read all of it, though not keep it.
type envelopes struct {
	body

	limit int64
	// prefix is what frames the next message, as far as it was read.
	prefix []byte
	// left is how much of the current message was not read yet.
	left int64
}

// Read reads some of the body.
func (e *envelopes) Read(data []byte) (int, error) {
	if e.left > e.limit {
		return 0, errLarge
	}
	n, err := e.body.Read(data)
	for rest := data[:n]; len(rest) > 0 && e.left <= e.limit; {
		if e.left > 0 {
			skip := min(e.left, int64(len(rest)))
			e.left, rest = e.left-skip, rest[skip:]
			continue
		}
		take := min(envelopeBytes-len(e.prefix), len(rest))
		e.prefix, rest = append(e.prefix, rest[:take]...), rest[take:]
		if len(e.prefix) == envelopeBytes {
			e.left = int64(binary.BigEndian.Uint32(e.prefix[1:]))
			e.prefix = e.prefix[:0]
		}
	}
	return n, err
}

// Close ends the body. net/http may read on for a while, to use the connection
// again, so it is from here that time counts.
func (e *envelopes) Close() error {
	e.expire()
	return e.body.Close()
}
