package server

import (
	"errors"
	"fmt"
	"math"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/internal/option"
)

// WithMaxMessageBytes sets the size of the largest request message, counted both
// as it comes over the wire and after decompression. A larger one ends its call as
// resource_exhausted. By default it is 4 MiB, as in gRPC; 1 GiB is the most.
//
// A message is decoded and validated before its sender is known, so this limits the work
// that a stranger can cause.
func WithMaxMessageBytes(limit int) Option {
	return option.Func[settings](func(s *settings) error {
		s.messageBytes = limit
		return nil
	})
}

// WithMaxHeaderBytes sets how large the header of a request may be, the URL and
// with it the message of a Connect GET included. A larger one is answered with
// HTTP status 431. By default it is 64 KiB. Go adds a few kilobytes to it.
func WithMaxHeaderBytes(limit int) Option {
	return option.Func[settings](func(s *settings) error {
		s.headerBytes = limit
		return nil
	})
}

// WithMaxConcurrentStreams sets how many calls one HTTP/2 connection may have open at a
// time. The client holds further ones back; a client that does not, or that opens and
// resets calls fast, loses its connection. By default it is 250.
func WithMaxConcurrentStreams(limit int) Option {
	return option.Func[settings](func(s *settings) error {
		s.concurrentStreams = limit
		return nil
	})
}

// WithHeaderTimeout sets how long a client may take for a TLS handshake, and for
// the header of a request. By default it is 10 seconds.
func WithHeaderTimeout(timeout time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		s.header = timeout
		return nil
	})
}

// WithReadTimeout sets how long a client may take to send a request message once
// its header is there. A slower one ends its call as deadline_exceeded. On a stream of
// requests that is the message by which its caller is let in, if it waits for one;
// [WithStreamIdleTimeout] holds for the later ones. By default it is 30 seconds.
func WithReadTimeout(timeout time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		s.read = timeout
		return nil
	})
}

// WithWriteTimeout sets how long a client may take to receive a response once it
// begins; the handler's time does not count. A slower client loses its call. It does not
// apply to streams of responses, but an HTTP/2 connection that takes no byte for so long
// is closed with all its calls. By default it is 30 seconds.
func WithWriteTimeout(timeout time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		s.write = timeout
		return nil
	})
}

// WithPingInterval sets how long an HTTP/2 client may be silent before the server sends
// a ping. A client that does not answer within half the interval loses its connection
// and the calls on it. By default it is 30 seconds.
func WithPingInterval(interval time.Duration) Option {
	return option.Func[settings](func(s *settings) error {
		s.ping = interval
		return nil
	})
}

// limits is what a client may make the server spend on it.
type limits struct {
	messageBytes, headerBytes       int
	elements                        int
	pendingBytes                    int64 // 0 is the default
	unknownFields                   UnknownFields
	concurrentStreams               int
	connections, runningCalls       int
	header, read, write, idle, ping time.Duration
}

var defaultLimits = limits{
	messageBytes:      4 << 20,
	headerBytes:       64 << 10,
	elements:          100_000,
	concurrentStreams: 250,
	connections:       10_000,
	runningCalls:      10_000,
	header:            10 * time.Second,
	read:              30 * time.Second,
	write:             30 * time.Second,
	idle:              2 * time.Minute,
	ping:              30 * time.Second,
}

const (
	// mostBytes is the largest size that an option can set: the length of a message in
	// gRPC's framing has 32 bits.
	mostBytes = 1 << 30
	// maxNesting is how deep messages may lie within messages, as in protobuf for C++ and
	// Java. With Go's default of 10,000, one JSON message of 4 MiB that nests
	// google.protobuf.Any keeps a processor busy for a minute, because each level looks
	// for its type in all that lies below.
	maxNesting = 100
	// minCompressed is the size from which on compressing a response pays.
	minCompressed = 1 << 10
)

// check returns an error for each limit that is out of range.
func (l *limits) check() error {
	return errors.Join(
		between("message size", l.messageBytes, mostBytes),
		between("header size", l.headerBytes, mostBytes),
		between("number of elements of a message", l.elements, mostBytes),
		l.checkPending(),
		between("number of concurrent streams", l.concurrentStreams, math.MaxInt32),
		between("number of connections", l.connections, math.MaxInt32),
		between("number of running calls", l.runningCalls, math.MaxInt32),
		above("header timeout", l.header),
		above("read timeout", l.read),
		above("write timeout", l.write),
		above("idle timeout", l.idle),
		above("ping interval", l.ping),
	)
}

// between refuses a number that is below 1 or above most.
func between[Number int | int64](name string, value, most Number) error {
	if value < 1 || value > most {
		return fmt.Errorf("server: %s of %d is not between 1 and %d", name, value, most)
	}
	return nil
}

// above refuses a time of zero or less.
func above(name string, value time.Duration) error {
	if value <= 0 {
		return fmt.Errorf("server: %s of %v is not above zero", name, value)
	}
	return nil
}

// pending is how much memory the calls may take that are being read.
func (l *limits) pending() int64 {
	if l.pendingBytes != 0 {
		return l.pendingBytes
	}
	return max(defaultPending, l.leastPending())
}

// leastPending is the least that the messages that are allowed need to find room.
func (l *limits) leastPending() int64 {
	return max(leastPending, leastMessages*int64(min(l.messageBytes, mostBytes)))
}

// checkPending refuses less than that.
func (l *limits) checkPending() error {
	if least := l.leastPending(); l.pending() < least {
		return fmt.Errorf("server: memory of %d bytes for pending calls is less than %d", l.pending(), least)
	}
	return nil
}

// transport returns the options of connect's HTTP transport.
func (l *limits) transport(codecs []*codec, compressor *compressor) []connecthttp.Option {
	connects := make([]connect.Codec, len(codecs))
	for i, codec := range codecs {
		connects[i] = codec
	}
	return []connecthttp.Option{
		connecthttp.WithCodecs(connects...),
		connecthttp.WithCompressors(compressor),
		connecthttp.WithReadMaxBytes(l.messageBytes),
		connecthttp.WithCompressMinBytes(minCompressed),
	}
}
