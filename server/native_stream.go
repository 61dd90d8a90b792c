package server

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/server/internal/port"
)

// A nativeStream is a call of the gRPC port as connect sees one: it reads and writes
// gRPC's framing within the server's limits. What it refuses, it refuses with the codes
// and texts of connect's own transport.
type nativeStream struct {
	incoming   incoming
	context    callContext
	info       connect.CallInfo
	call       port.Call
	settings   *settings
	codecs     []*codec
	codec      *codec
	compressor *compressor
	ctx        context.Context //nolint:containedctx // it is that of the call

	unary, single bool // one answer to one request; one request
	private       bool // the caller is known when an answer is sent
	received      bool // the one request
	headed        bool // the header has been handed over
	gzip          bool // answers may be compressed
	packed        bool // requests may be
	prefix        [envelopeBytes]byte

	// holding counts the call itself and the messages that the connection has not taken.
	// What the call holds of the server is given back when none is left.
	holding atomic.Int64
}

var (
	errEnd         = connect.NewError(connect.CodeUnknown, io.EOF.Error()).WithCause(io.EOF)
	errCut         = connect.NewError(connect.CodeInternal, "protocol error: the message is incomplete").WithCause(io.ErrUnexpectedEOF)
	errNoMessage   = connect.NewError(connect.CodeUnimplemented, "unary request has zero messages")
	errMessages    = connect.NewError(connect.CodeUnimplemented, "unary request has multiple messages")
	errNotPacked   = connect.NewError(connect.CodeInternal, "protocol error: sent compressed message without compression support")
	errGone        = connect.NewError(connect.CodeUnavailable, "the connection took no more")
	errContentType = connect.NewError(connect.CodeUnimplemented, "unsupported content type: use application/grpc, application/grpc+proto or application/grpc+json")
)

// negotiate finds how messages are encoded and compressed.
func (s *nativeStream) negotiate() *connect.Error {
	encoding, subtype := s.call.Encoding(), s.call.Subtype()
	if len(encoding) > mostQuoted {
		return errQuoted
	}
	if subtype == "" {
		subtype = connect.CodecNameProto
	}
	for _, codec := range s.codecs {
		if codec.Name() == subtype {
			s.codec = codec
		}
	}
	if s.codec == nil {
		return errContentType
	}
	gzip := s.compressor.Name()
	switch encoding {
	case "", connect.CompressionNameIdentity:
		encoding = connect.CompressionNameIdentity
	case gzip:
		s.packed, s.gzip = true, true
	default:
		return connect.Errorf(connect.CodeUnimplemented, "unknown compression %q: supported encodings are %v", encoding, gzip)
	}
	for _, line := range s.call.Metadata()["grpc-accept-encoding"] {
		for name := range strings.FieldsFuncSeq(line, func(r rune) bool { return r == ',' || r == ' ' }) {
			s.gzip = s.gzip || name == gzip && s.unary
		}
	}
	// Of a compressed answer the transport does not say when the connection has it, so
	// that of a stranger would not be counted.
	s.gzip = s.gzip && s.private
	s.info.Codec, s.info.RequestEncoding, s.info.ResponseEncoding = subtype, encoding, connect.CompressionNameIdentity
	if s.gzip {
		s.info.ResponseEncoding = gzip
	}
	return nil
}

// Receive implements [connect.ServerStream].
func (s *nativeStream) Receive(target any) error {
	message, ok := target.(proto.Message)
	if !ok {
		return errInternal
	}
	if !s.single {
		return s.receive(message)
	}
	if s.received {
		return errEnd
	}
	s.received = true
	if s.unary { // the gate limits how long a stream may take to open
		s.call.ExpireRead(time.Now().Add(s.settings.read))
		defer s.call.ExpireRead(time.Time{})
	}
	if err := s.receive(message); err != nil {
		if errors.Is(err, io.EOF) {
			return errNoMessage
		}
		return err
	}
	switch err := s.call.Prefix(&s.prefix); {
	case err == nil:
		return errMessages
	case errors.Is(err, io.EOF):
		return nil
	default:
		return s.unread(err)
	}
}

// receive receives one message.
func (s *nativeStream) receive(message proto.Message) error {
	if err := s.call.Prefix(&s.prefix); err != nil {
		if errors.Is(err, io.EOF) {
			return errEnd
		}
		return s.unread(err)
	}
	flags, size := s.prefix[0], binary.BigEndian.Uint32(s.prefix[1:])
	limit := s.settings.messageBytes
	switch {
	case int64(size) > int64(limit):
		return connect.Errorf(connect.CodeResourceExhausted, "message size %d is larger than configured max %d", size, limit)
	case flags > 1:
		return connect.Errorf(connect.CodeInternal, "protocol error: invalid envelope flags %d", flags)
	case flags == 1 && !s.packed:
		return errNotPacked
	case size == 0:
		s.info.ReceiveStats = connect.MessageStats{}
		return nil
	}
	data, free, err := s.read(int(size))
	if err != nil {
		return err
	}
	defer free()
	packed := 0
	if flags == 1 {
		packed = len(data)
		if data, err = s.inflate(data); err != nil {
			return err
		}
	}
	if err := s.codec.decode(&s.incoming, data, message); err != nil {
		return err
	}
	s.info.ReceiveStats = connect.MessageStats{Size: len(data), CompressedSize: packed}
	return nil
}

// pieceBytes is how much is read at once: a message that is larger takes memory as it
// comes, and not for what its prefix promises.
const pieceBytes = 16 << 10

// read reads a message of a size. What it returns is valid until free is called.
func (s *nativeStream) read(size int) (data []byte, free func(), err error) {
	for {
		next := min(size-len(data), pieceBytes)
		if err := s.incoming.charge.read(next); err != nil {
			return nil, nil, err
		}
		piece, err := s.call.Read(next)
		if err != nil {
			return nil, nil, s.unread(err)
		}
		if next == size {
			return piece.ReadOnlyData(), piece.Free, nil
		}
		data = append(data, piece.ReadOnlyData()...)
		piece.Free()
		if len(data) == size {
			return data, func() {}, nil
		}
	}
}

// inflate decompresses a message.
func (s *nativeStream) inflate(data []byte) ([]byte, error) {
	reader, err := s.compressor.Decompress(bytes.NewReader(data))
	if err != nil {
		return nil, err
	}
	defer func() { _ = reader.Close() }()
	limit := int64(s.settings.messageBytes)
	var inflated bytes.Buffer
	switch read, err := inflated.ReadFrom(io.LimitReader(reader, limit+1)); {
	case err != nil:
		return nil, err
	case read > limit:
		return nil, connect.Errorf(connect.CodeResourceExhausted, "message is larger than configured max %d", limit)
	}
	return inflated.Bytes(), nil
}

// unread returns what a gate is told where the transport does not read on.
func (s *nativeStream) unread(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return errCut
	case s.call.Expired():
		return errSlow
	case s.ctx.Err() != nil:
		return s.ctx.Err()
	default:
		return context.Canceled // the gate has ended the stream, or the connection is gone
	}
}

// SendHeaders implements [connect.ServerStream].
func (s *nativeStream) SendHeaders() error {
	if s.unary || s.headed {
		return nil
	}
	s.headed = true
	if err := s.compress(0); err != nil {
		return err
	}
	return s.unsent(s.call.SendHeader(outgoing(s.info.ResponseHeader())))
}

// Send implements [connect.ServerStream].
func (s *nativeStream) Send(message any) error {
	if s.unary {
		s.incoming.turn.end()
	}
	answer := newAnswer(s)
	if err := s.codec.StableCodec.MarshalWrite(s.ctx, &answer.buffer, message); err != nil {
		answer.release(true)
		return connect.NewError(connect.CodeInternal, "the response could not be encoded").WithCause(err)
	}
	size := answer.buffer.Len()
	if size >= smallAnswer {
		if err := s.incoming.send(size); err != nil {
			answer.release(true)
			return err
		}
		answer.counted = size
	}
	if !s.headed {
		s.headed = true
		if err := s.compress(size); err != nil {
			answer.release(true)
			return err
		}
		s.setHeader()
	}
	answer.data = answer.buffer.Bytes()
	if err := s.unsent(s.call.Send(&answer.data, answer.taken)); err != nil {
		return err
	}
	s.info.SendStats = connect.MessageStats{Size: size}
	return nil
}

// compress decides whether answers are compressed, when the first of them has a size. On
// a stream all are, if the client compresses its own; a unary one is if that pays.
func (s *nativeStream) compress(size int) error {
	name := connect.CompressionNameIdentity
	switch {
	case s.gzip && (!s.unary || size >= minCompressed):
		name = s.compressor.Name()
	case !s.packed:
		return nil // which is what grpc does without being told
	}
	if err := s.call.Compression(name); err != nil {
		return s.unsent(err)
	}
	return nil
}

// unsent returns what a gate is told where the transport does not send.
func (s *nativeStream) unsent(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(s.ctx.Err(), context.DeadlineExceeded):
		return connect.NewError(connect.CodeDeadlineExceeded, s.ctx.Err().Error()).WithCause(s.ctx.Err())
	case s.ctx.Err() != nil:
		return connect.NewError(connect.CodeCanceled, s.ctx.Err().Error()).WithCause(s.ctx.Err())
	default:
		return errGone.WithCause(err)
	}
}

// complete hands over the header, if no answer has, and the trailer.
func (s *nativeStream) complete() {
	if !s.headed {
		s.headed = true
		s.setHeader()
	}
	if trailer := outgoing(s.info.ResponseTrailer()); trailer != nil {
		s.call.SetTrailer(trailer)
	}
}

// letGo gives back what the call holds of the server, when it has returned and the
// connection has all of its answers.
func (s *nativeStream) letGo() {
	if s.holding.Add(-1) <= 0 {
		s.incoming.end()
	}
}
