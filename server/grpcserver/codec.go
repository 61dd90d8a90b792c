package grpcserver

import (
	"errors"

	"google.golang.org/grpc/mem"
)

// raw is a codec of messages that package server has encoded. It decodes none: messages
// are read before grpc would do that.
type raw struct{}

var errNotRaw = errors.New("grpcserver: a message did not come from package server")

// Name implements [encoding.CodecV2].
func (raw) Name() string { return "proto" }

// Marshal implements [encoding.CodecV2].
func (raw) Marshal(message any) (mem.BufferSlice, error) {
	outgoing, ok := message.(*outgoing)
	if !ok {
		return nil, errNotRaw
	}
	return mem.BufferSlice{mem.NewBuffer(outgoing.message, outgoing)}, nil
}

// Unmarshal implements [encoding.CodecV2].
func (raw) Unmarshal(mem.BufferSlice, any) error { return errNotRaw }
