package actiontest

import (
	"context"
	"io"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
)

// A spoiled message is one that is sent with a byte too many. A server that goes on with
// what it could read of it has the message.
type spoiled struct{ message proto.Message }

// A spoiling codec writes spoiled messages, and others as its codec does.
type spoiling struct{ connect.StableCodec }

// MarshalWrite implements [connect.Codec].
func (s spoiling) MarshalWrite(ctx context.Context, to io.Writer, message any) error {
	return spoil(ctx, to, message, s.StableCodec.MarshalWrite)
}

// MarshalWriteStable implements [connect.StableCodec].
func (s spoiling) MarshalWriteStable(ctx context.Context, to io.Writer, message any) error {
	return spoil(ctx, to, message, s.StableCodec.MarshalWriteStable)
}

func spoil(ctx context.Context, to io.Writer, message any, write func(context.Context, io.Writer, any) error) error {
	given, ok := message.(spoiled)
	if !ok {
		return write(ctx, to, message)
	}
	if err := write(ctx, to, given.message); err != nil {
		return err
	}
	_, err := to.Write([]byte{'{'}) // neither a field nor more of a JSON text
	return err
}
