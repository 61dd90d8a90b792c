package action

import (
	"context"

	"connectrpc.com/connect/v2"
	"github.com/sallyport-rpc/sallyport/action/actionserver"
)

// An inProcess is a transport within the process whose streams the gate can end, also
// where a handler waits in Send for a client that does not receive.
type inProcess struct {
	transport connect.Transport
	registry  *Registry
}

// NewClientStream implements [connect.Transport].
func (t inProcess) NewClientStream(ctx context.Context, spec connect.Spec) (connect.ClientStream, error) {
	if t.registry.procedures[spec.Procedure].countsAddresses() {
		ctx = context.WithValue(ctx, inProcessKey{}, true)
	}
	if spec.StreamType == connect.StreamTypeUnary {
		return t.transport.NewClientStream(ctx, spec)
	}
	ctx, cancel := context.WithCancel(ctx)
	stream, err := t.transport.NewClientStream(actionserver.WithStreamControl(ctx, &actionserver.StreamControl{InterruptSend: cancel}), spec)
	if err != nil {
		cancel()
		return nil, err
	}
	return &inProcessStream{stream, cancel}, nil
}

// An inProcessStream gives its context up when it has ended.
type inProcessStream struct {
	connect.ClientStream

	cancel context.CancelFunc
}

// Receive implements [connect.ClientStream]. Its error is the stream's end.
func (s *inProcessStream) Receive(message any) error {
	err := s.ClientStream.Receive(message)
	if err != nil {
		s.cancel()
	}
	return err
}

// Close implements [connect.ClientStream].
func (s *inProcessStream) Close() error {
	defer s.cancel()
	return s.ClientStream.Close()
}
