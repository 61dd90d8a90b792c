package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/internal/option"
	"github.com/sallyport-rpc/sallyport/internal/wire"
)

// WithMaxMessageElements sets how many messages, elements of lists and entries of
// maps a request message may hold, counted before it is decoded. One with more ends
// its call as resource_exhausted. By default it is 100,000.
//
// A few bytes become many in memory: a message without a field takes two bytes on the
// wire, and in memory hundreds.
func WithMaxMessageElements(limit int) Option {
	return option.Func[settings](func(s *settings) error {
		s.elements = limit
		return nil
	})
}

// A codec is one of connect's codecs that counts what decoding a message would make
// before it decodes it.
type codec struct {
	connect.StableCodec

	limits    *limits
	count     func(message protoreflect.MessageDescriptor, data []byte, limit int) wire.Cost
	unmarshal func(data []byte, message proto.Message) error
}

// codecs returns the codecs that a server uses. They are connect's own but for what
// they accept.
func (l *limits) codecs() []*codec {
	counter := &wire.Counter{}
	binary, json := connectproto.NewBinaryCodec(), connectproto.NewJSONCodec()
	binary.UnmarshalOptions.RecursionLimit = maxNesting
	json.UnmarshalOptions.RecursionLimit = maxNesting
	json.UnmarshalOptions.DiscardUnknown = l.unknownFields == Ignore
	return []*codec{
		{binary, l, counter.Binary, func(data []byte, message proto.Message) error {
			if err := binary.UnmarshalOptions.Unmarshal(data, message); err != nil {
				return err
			}
			if l.unknownFields == Refuse && hasUnknown(message.ProtoReflect()) {
				return errUnknownField
			}
			return nil
		}},
		{json, l, counter.JSON, func(data []byte, message proto.Message) error {
			if len(data) == 0 {
				return errEmpty
			}
			return json.UnmarshalOptions.Unmarshal(data, message)
		}},
	}
}

var (
	errEmpty        = errors.New("a payload of no length is no JSON object")
	errUnknownField = errors.New("the message has a field that its type does not have")
)

// mostDecodeText is how many bytes of the wire the text of a decoder's error may
// take. It quotes the request.
const mostDecodeText = 256

// largeBuffer is the capacity of a buffer from which on it is not used again.
const largeBuffer = 256 << 10

// UnmarshalRead decodes a message. Connect hands over all of it, decompressed, and
// the context of the request.
func (c *codec) UnmarshalRead(ctx context.Context, source io.Reader, target any) error {
	message, ok := target.(proto.Message)
	if !ok {
		return fmt.Errorf("%w: got %T", connectproto.ErrNotProtoMessage, target)
	}
	buffer, ok := source.(*bytes.Buffer)
	if !ok {
		buffer = &bytes.Buffer{}
		if _, err := buffer.ReadFrom(source); err != nil {
			return err
		}
	}
	if buffer.Cap() > largeBuffer {
		// Connect would lend it to another call, which may wait with a few bytes in it.
		defer func() { *buffer = bytes.Buffer{} }()
	}
	return c.decode(incomingFrom(ctx), buffer.Bytes(), message)
}

// decode decodes a message of a call, once it is known what that makes. Without a call
// nothing is charged.
func (c *codec) decode(incoming *incoming, data []byte, message proto.Message) error {
	if incoming != nil {
		// It may have come out of a compression, and takes room while it is counted.
		if err := incoming.charge.decode(len(data), 0); err != nil {
			return err
		}
		defer incoming.charge.done()
	}
	cost := c.count(message.ProtoReflect().Descriptor(), data, c.limits.elements)
	if cost.Items > c.limits.elements {
		return connect.Errorf(connect.CodeResourceExhausted,
			"the message has more than %d messages, elements and entries", c.limits.elements)
	}
	if incoming != nil {
		if err := incoming.charge.decode(len(data), cost.Bytes); err != nil {
			return err
		}
	}
	if err := c.unmarshal(data, message); err != nil {
		return connect.NewError(connect.CodeInvalidArgument, wire.Shorten(err.Error(), mostDecodeText))
	}
	return nil
}

// smallAnswer is the size below which an answer is not counted: as much is in the
// buffers of a connection anyway.
const smallAnswer = 16 << 10

// MarshalWrite encodes a message that is to be sent. What it takes counts until the
// connection has it.
func (c *codec) MarshalWrite(ctx context.Context, target io.Writer, message any) error {
	if err := c.StableCodec.MarshalWrite(ctx, target, message); err != nil {
		return err
	}
	buffer, ok := target.(*bytes.Buffer)
	if !ok || buffer.Len() < smallAnswer {
		return nil
	}
	if incoming := incomingFrom(ctx); incoming != nil {
		return incoming.send(buffer.Len())
	}
	return nil
}

// hasUnknown reports whether a message, or one within it, has a field that its type
// does not have.
func hasUnknown(message protoreflect.Message) bool {
	if len(message.GetUnknown()) > 0 {
		return true
	}
	found := false
	message.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsMap():
			if field.MapValue().Message() == nil {
				break
			}
			value.Map().Range(func(_ protoreflect.MapKey, value protoreflect.Value) bool {
				found = hasUnknown(value.Message())
				return !found
			})
		case field.Message() == nil:
		case field.IsList():
			for i := 0; i < value.List().Len() && !found; i++ {
				found = hasUnknown(value.List().Get(i).Message())
			}
		default:
			found = hasUnknown(value.Message())
		}
		return !found
	})
	return found
}
