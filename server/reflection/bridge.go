package reflection

import (
	"errors"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
)

// messages is a stream of questions and answers, of either version of the protocol.
type messages[Req, Res any] interface {
	Receive() (*Req, error)
	Send(response *Res) error
	SendHeaders() error
}

// A bridge is a stream that the gate let in as one that grpcreflect can serve. The
// messages of grpcreflect are copies with other names; on the wire they are the same.
type bridge[Req, Res any, S messages[Req, Res]] struct{ stream S }

var _ connect.ServerStream = bridge[int, int, messages[int, int]]{}

var errNoMessage = errors.New("reflection: not a message")

// SendHeaders implements [connect.ServerStream].
func (b bridge[Req, Res, S]) SendHeaders() error { return b.stream.SendHeaders() }

// Receive implements [connect.ServerStream].
func (b bridge[Req, Res, S]) Receive(into any) error {
	request, err := b.stream.Receive()
	if err != nil {
		return err
	}
	return translate(request, into)
}

// Send implements [connect.ServerStream].
func (b bridge[Req, Res, S]) Send(message any) error {
	response := new(Res)
	if err := translate(message, response); err != nil {
		return err
	}
	return b.stream.Send(response)
}

// translate makes one message another of the same fields.
func translate(from, into any) error {
	source, ok := from.(proto.Message)
	if !ok {
		return errNoMessage
	}
	target, ok := into.(proto.Message)
	if !ok {
		return errNoMessage
	}
	wire, err := proto.Marshal(source)
	if err != nil {
		return err
	}
	return proto.Unmarshal(wire, target)
}
