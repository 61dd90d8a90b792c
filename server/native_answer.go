package server

import (
	"bytes"
	"sync"
)

// answers are the messages that no call uses.
var answers = sync.Pool{New: func() any { return &answer{} }}

func newAnswer(stream *nativeStream) *answer {
	a := answers.Get().(*answer) //nolint:forcetypeassert // nothing else is in there
	if a.taken == nil {
		a.taken = a.release
		a.buffer.Grow(leastAnswer)
	}
	a.stream = stream
	stream.holding.Add(1)
	return a
}

// leastAnswer is how large the buffer of an answer is at least. grpc gives back what is
// larger than a kilobyte, and says nothing of what is smaller.
const leastAnswer = 2 << 10

// An answer is a message on its way to the connection.
type answer struct {
	stream  *nativeStream
	buffer  bytes.Buffer
	data    []byte
	counted int                 // how many bytes are counted as unread
	taken   func(reusable bool) // is release
}

// release is called when the connection has the message, or will not have it.
func (a *answer) release(reusable bool) {
	stream, counted := a.stream, a.counted
	if reusable && a.buffer.Cap() <= largeBuffer {
		a.stream, a.data, a.counted = nil, nil, 0
		a.buffer.Reset()
		answers.Put(a)
	}
	if counted > 0 {
		stream.incoming.took(counted)
	}
	stream.letGo()
}
