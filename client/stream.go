package client

import (
	"context"
	"errors"
	"io"
	"sync/atomic"

	"connectrpc.com/connect/v2"
)

// A ServerStream is the client's side of a call that is answered with a stream of
// responses. Read it to its end, close it, or cancel the context of the call: any of the
// three releases it. Generated clients return it; the zero value is of no use.
type ServerStream[Res any] struct{ stream *stream }

// Receive returns the next response. At the end of the stream it returns [io.EOF]
// itself, any other error says why the stream ended, and later calls return the same.
// One goroutine at a time may call it.
func (s *ServerStream[Res]) Receive() (*Res, error) { return receive[Res](s.stream) }

// Close gives the stream up: the context of the server's handler ends at once. It may
// be called at any time, more than once, and while another goroutine receives.
func (s *ServerStream[Res]) Close() { s.stream.close() }

// A ClientStream is the client's side of a call that sends a stream of requests and is
// answered with one response. CloseAndReceive, Close, or the end of the call's context
// releases it. Generated clients return it; the zero value is of no use.
type ClientStream[Req, Res any] struct{ stream *stream } //nolint:revive // each shape has the name that it has in package action

// Send sends a request. It returns [io.EOF] itself when the server has ended the stream;
// CloseAndReceive then returns why. One goroutine at a time may call it.
func (s *ClientStream[Req, Res]) Send(request *Req) error { return s.stream.send(request) }

// CloseAndReceive ends the stream of requests and returns the response. It is called
// once.
func (s *ClientStream[Req, Res]) CloseAndReceive() (*Res, error) {
	defer s.stream.close()
	if err := s.stream.closeSend(); err != nil {
		return nil, err
	}
	return receive[Res](s.stream)
}

// Close gives the stream up, as [ServerStream.Close] does.
func (s *ClientStream[Req, Res]) Close() { s.stream.close() }

// A BidiStream is the client's side of a call with a stream in either direction. Read
// it to its end, close it, or cancel the context of the call: any of the three releases
// it. Generated clients return it; the zero value is of no use.
//
// One goroutine may send while another receives.
type BidiStream[Req, Res any] struct{ stream *stream }

// Send sends a request. It returns [io.EOF] itself when the server has ended the stream;
// Receive then returns why. One goroutine at a time may send.
func (s *BidiStream[Req, Res]) Send(request *Req) error { return s.stream.send(request) }

// CloseSend ends the stream of requests. Responses can be received after it.
func (s *BidiStream[Req, Res]) CloseSend() error { return s.stream.closeSend() }

// Receive returns the next response, as [ServerStream.Receive] does.
func (s *BidiStream[Req, Res]) Receive() (*Res, error) { return receive[Res](s.stream) }

// Close gives the stream up, as [ServerStream.Close] does.
func (s *BidiStream[Req, Res]) Close() { s.stream.close() }

func receive[Res any](s *stream) (*Res, error) {
	response := new(Res)
	if err := s.receive(response); err != nil {
		return nil, err
	}
	return response, nil
}

// A stream is the one that all shapes stand on.
type stream struct {
	wire connect.ClientStream
	ctx  context.Context //nolint:containedctx // the context of the call, which lives as long as the stream
	// cancel ends the context of the call. connect's own Close waits for the response
	// headers, which a server may send late or never.
	cancel context.CancelFunc
	sent   atomic.Bool // the requests have ended
	ended  atomic.Bool
	end    error // what ended it, for the goroutine that receives
}

// open begins a call.
func (s *Service) open(ctx context.Context, method string) (*stream, error) {
	spec, err := s.spec(method)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	wire, err := s.client.CallClientStream(ctx, spec)
	if err != nil {
		cancel()
		return nil, err
	}
	return &stream{wire: wire, ctx: ctx, cancel: cancel}, nil
}

// sendOnly sends the one request of a server stream. An io.EOF says that the server has
// answered already, and receiving returns the answer.
func (s *stream) sendOnly(request any) error {
	if err := s.send(request); err != nil && err != io.EOF { //nolint:errorlint // send returns io.EOF itself
		return err
	}
	return s.closeSend()
}

func (s *stream) send(request any) error {
	if s.ended.Load() {
		return io.EOF
	}
	err := s.wire.Send(request)
	if err != nil && (s.ended.Load() || errors.Is(err, io.EOF)) {
		return io.EOF
	}
	return err
}

// closeSend ends the requests. It leaves them open on a stream that was given up: a
// transport that has not seen the end of the context yet would send their end, and the
// handler would take them for complete.
func (s *stream) closeSend() error {
	select {
	case <-s.ctx.Done():
		return nil
	default:
	}
	s.sent.Store(true)
	err := s.wire.CloseSend()
	if s.ended.Load() || errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// receive reads the next response. connect's transports end a stream with errors that
// only match io.EOF. A stream that has ended is released.
func (s *stream) receive(response any) error {
	if s.end != nil {
		return s.end
	}
	err := s.wire.Receive(response)
	if err == nil {
		return nil
	}
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	s.end = err
	s.ended.Store(true)
	s.cancel()
	return err
}

// close gives the stream up. It does not close the transport's stream while requests
// could follow: that ends them as CloseSend does, and the handler could take what was
// given up for complete. The end of the context releases the transport.
func (s *stream) close() {
	s.cancel()
	if s.sent.Load() {
		_ = s.wire.Close() // for interceptors; no error matters on a stream that is given up
	}
}
