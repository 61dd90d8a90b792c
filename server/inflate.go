package server

import (
	"errors"
	"io"
	"runtime"
	"sync"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectgzip"
)

// inflatersPerProcessor is how many messages are decompressed at a time at most, for
// each processor. Connect holds all of a message's compressed bytes by then, so none of
// them waits for a client.
const inflatersPerProcessor = 2

// inflaters returns how many messages are decompressed at a time, and how much memory
// of the budget is set aside for them: a quarter at most, but for one.
func (l *limits) inflaters() (places int, bytes int64) {
	// A buffer that grows by doubling, and what it was copied from.
	each := (growth + 1) * max(int64(l.messageBytes), 1)
	places = int(max(min(l.pending()/4/each, inflatersPerProcessor*int64(runtime.GOMAXPROCS(0))), 1))
	return places, int64(places) * each
}

// A compressor is a compression of which only so much is undone at a time: a few
// bytes become a message of the largest size.
type compressor struct {
	connect.Compressor

	places chan struct{}
}

// newCompressor returns gzip, the one compression that a server knows.
func (l *limits) newCompressor() *compressor {
	places, _ := l.inflaters()
	return &compressor{Compressor: connectgzip.New(), places: make(chan struct{}, places)}
}

// Decompress waits for a place and holds it until the result is closed.
func (c *compressor) Decompress(source io.Reader) (io.ReadCloser, error) {
	c.places <- struct{}{}
	leave := sync.OnceFunc(func() { <-c.places })
	reader, err := c.Compressor.Decompress(source)
	if err != nil {
		leave()
		return nil, errPacked
	}
	return &inflating{ReadCloser: reader, leave: leave}, nil
}

// errPacked is what a caller is told whose message is not what it says it is.
var errPacked = connect.NewError(connect.CodeInvalidArgument, "the message could not be decompressed")

// inflating is a message that is being decompressed.
type inflating struct {
	io.ReadCloser

	leave func()
}

// Read reads some of the message.
func (i *inflating) Read(data []byte) (int, error) {
	n, err := i.ReadCloser.Read(data)
	if err != nil && !errors.Is(err, io.EOF) {
		err = errPacked
	}
	return n, err
}

// Close gives the place to the next.
func (i *inflating) Close() error {
	defer i.leave()
	return i.ReadCloser.Close()
}
