package server

import (
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"connectrpc.com/connect/v2"
)

// envelopeBytes is what frames a message in gRPC, gRPC-Web and Connect's streams:
// flags, and the message's length in 32 bits.
const envelopeBytes = 5

var (
	// errSlow is the answer to a request that did not arrive in time. The error of the
	// connection would name addresses behind a proxy.
	errSlow = connect.NewError(connect.CodeDeadlineExceeded, "the request did not arrive in time")
	// errLarge ends the reading of a message that is too large to be read.
	errLarge = errors.New("the rest was not read")
)

// boundBody limits how much is read of a request and, unless it is a stream of
// messages, for how long. It makes body what is read, and reports whether there is
// anything to read.
//
// The request must be a copy. After a call, net/http uses the original's body to find
// what is left of the request on the connection, and must not take that for the next
// request.
func (l *limits) boundBody(body *body, writer http.ResponseWriter, request *http.Request, charge *charge, stream bool) bool {
	if request.Body == nil || request.Body == http.NoBody {
		return false // a length of 0 does not say so: on HTTP/2 the end may still have to come
	}
	body.ReadCloser, body.charge = request.Body, charge
	if stream {
		request.Body = &envelopes{body: body, limit: int64(l.messageBytes)}
		return true
	}
	// Where deadlines are not supported there is no network to be slow.
	_ = http.NewResponseController(writer).SetReadDeadline(time.Now().Add(l.read))
	body.limit = int64(l.messageBytes) + envelopeBytes
	if request.ContentLength < 0 || request.ContentLength > body.limit {
		body.ReadCloser = http.MaxBytesReader(writer, request.Body, body.limit)
	}
	request.Body = body
	return true
}

// A body is the body of a request.
type body struct {
	io.ReadCloser

	// limit is how much may be read of a request for one message, and size how much was.
	// net/http reads no more than the length that a request says, but what wraps the server's
	// handler may have replaced the body. 0 is no limit.
	limit, size int64
	charge      *charge     // for what was read; nil for an unguarded handler
	ended       atomic.Bool // there is no more to read
}

// Read reads some of the body.
func (b *body) Read(data []byte) (int, error) {
	n, err := b.ReadCloser.Read(data)
	if b.size += int64(n); b.limit > 0 && b.size > b.limit {
		return 0, errLarge
	}
	if n > 0 && b.charge != nil {
		if busy := b.charge.read(n); busy != nil {
			return 0, busy
		}
	}
	if err != nil {
		b.ended.Store(true)
		if errors.Is(err, os.ErrDeadlineExceeded) {
			err = errSlow
		}
	}
	return n, err
}

// envelopes is the body of a stream of messages. It ends at the first message that is
// larger than the limit; connect would read such a message to its end.
type envelopes struct {
	*body

	limit int64
	// prefix is the part of the next message's frame that was read.
	prefix []byte
	// left is how much of the current message has not been read yet.
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
			if e.left == 0 {
				e.charge.done() // no codec sees a message without content
			}
		}
	}
	return n, err
}
