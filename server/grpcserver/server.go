package grpcserver

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	spb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/sallyport-rpc/sallyport/server/internal/port"
)

// pingTime is how often a client may send pings.
const pingTime = 5 * time.Second

// A server is a Listener at work.
type server struct {
	host    port.Host
	limits  port.Limits
	grpc    *grpc.Server
	stopped chan struct{}
	stop    sync.Once

	mu          sync.Mutex
	connections map[*connection]struct{}
}

// Serve implements [port.Server].
func (s *server) Serve(listener net.Listener) error {
	go s.watch()
	err := s.grpc.Serve(&connections{listener, s})
	if errors.Is(err, grpc.ErrServerStopped) {
		return nil
	}
	return err
}

// Drain implements [port.Server].
func (s *server) Drain(ctx context.Context) error {
	s.each(func(c *connection) { c.closeUnused() })
	drained := make(chan struct{})
	go func() {
		defer close(drained)
		s.grpc.GracefulStop()
	}()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Cut implements [port.Server].
func (s *server) Cut() {
	s.each(func(c *connection) { c.cut() })
}

// Close implements [port.Server].
func (s *server) Close() {
	s.stop.Do(func() { close(s.stopped) })
	// What still shakes hands would hold up grpc's own Stop.
	s.each(func(c *connection) { _ = c.Conn.Close() })
	s.grpc.Stop()
}

// each calls a function for each connection.
func (s *server) each(do func(*connection)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for connection := range s.connections {
		do(connection)
	}
}

// watch looks at what clients take too long for, until the server is closed. One look at
// all calls costs less than timers for each.
func (s *server) watch() {
	look := time.NewTicker(min(max(min(s.limits.ReadTimeout, s.limits.WriteTimeout)/8, time.Millisecond), time.Second))
	defer look.Stop()
	for {
		select {
		case <-s.stopped:
			return
		case now := <-look.C:
			s.each(func(c *connection) { c.look(now) })
		}
	}
}

// admit is called when a call's header is there, by the goroutine that reads the
// connection. It gives the call a context of its own, by which reading can be
// interrupted.
func (s *server) admit(ctx context.Context, info *tap.Info) (context.Context, error) {
	known, ok := peer.FromContext(ctx)
	if !ok {
		return nil, errNoConnection
	}
	connection, ok := known.AuthInfo.(*connection)
	if !ok {
		return nil, errNoConnection
	}
	call := &call{connection: connection, procedure: info.FullMethodName, metadata: info.Header}
	call.Context, call.cancel = context.WithCancel(ctx)
	return call, nil
}

var (
	errNoConnection = status.Error(codes.Internal, "internal error")
	errOtherGRPC    = "this version of google.golang.org/grpc has no access to a stream's messages: use that of Sallyport's go.mod"
)

// handle serves one call, of whatever name.
func (s *server) handle(_ any, stream grpc.ServerStream) error {
	call, ok := stream.Context().Value(callKey{}).(*call)
	if !ok {
		return errNoConnection
	}
	if call.wire, ok = grpc.ServerTransportStreamFromContext(stream.Context()).(rawStream); !ok {
		s.host.Log().ErrorContext(call, errOtherGRPC)
		return errNoConnection
	}
	call.stream = stream
	call.connection.add(call)
	defer call.connection.returned(call)
	return statusOf(s.host.Serve(call, call))
}

// statusOf returns an error as gRPC's status, and nil for nil.
func statusOf(failure *connect.Error) error {
	if failure == nil {
		return nil
	}
	proto := &spb.Status{Code: int32(failure.Code()), Message: failure.Message()} //nolint:gosec // codes are small
	for _, detail := range failure.Details() {
		proto.Details = append(proto.Details, connectproto.ErrorDetailToAny(detail))
	}
	return status.ErrorProto(proto)
}
