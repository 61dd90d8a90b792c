package grpcserver

import (
	"net"

	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // the one compression that the server knows
	"google.golang.org/grpc/keepalive"

	"github.com/sallyport-rpc/sallyport/server/internal/port"
)

// A Listener is the gRPC port of one server, for [server.WithGRPC]. Make one with [New] or
// [On].
type Listener struct {
	address  string
	listener net.Listener
}

// New returns a listener on a TCP address, "HOST:PORT".
func New(address string) *Listener { return &Listener{address: address} }

// On returns a listener that accepts from another, such as one on a port of the system's
// choice or on a Unix socket. The server closes it.
func On(listener net.Listener) *Listener { return &Listener{listener: listener} }

// Address implements the interface that package server asks for.
func (l *Listener) Address() string { return l.address }

// Listener implements the interface that package server asks for.
func (l *Listener) Listener() net.Listener { return l.listener }

const (
	// window is how much a client may send on one stream before it is read: the least
	// that grpc takes. By default grpc would let a stream grow to 16 MiB.
	window = 64 << 10
	// connectionWindow is how much a client may send on all streams of a connection before
	// the transport has taken it. It is net/http's.
	connectionWindow = 1 << 20
)

// workers is how many goroutines stay to serve calls, with the stacks that calls need. A call
// for which none is free has a goroutine of its own, whose stack has to grow.
const workers = 64

// Start implements the interface that package server asks for.
func (l *Listener) Start(host port.Host) port.Server {
	limits := host.Limits()
	s := &server{host: host, limits: limits, connections: map[*connection]struct{}{}, stopped: make(chan struct{})}
	s.grpc = grpc.NewServer(
		grpc.Creds(newHandshake(limits.TLS, host)),
		grpc.InTapHandle(s.admit),
		grpc.UnknownServiceHandler(s.handle),
		grpc.ForceServerCodecV2(raw{}),
		grpc.MaxSendMsgSize(1<<31-1),                                // what a handler sends has no limit, as on net/http
		grpc.MaxConcurrentStreams(uint32(limits.ConcurrentStreams)), //nolint:gosec // an option limits it
		grpc.MaxHeaderListSize(uint32(limits.HeaderBytes)),          //nolint:gosec // as above
		grpc.NumStreamWorkers(workers),
		grpc.ConnectionTimeout(limits.HeaderTimeout),
		grpc.StaticStreamWindowSize(window),
		grpc.StaticConnWindowSize(connectionWindow),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: limits.IdleTimeout,
			Time:              limits.PingTime,
			Timeout:           limits.PingTime / 2,
		}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: pingTime, PermitWithoutStream: true}),
	)
	return s
}
