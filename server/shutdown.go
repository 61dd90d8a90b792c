package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/sallyport-rpc/sallyport/action/actionserver"
	"github.com/sallyport-rpc/sallyport/server/internal/port"
)

var (
	errStarted = errors.New("server: it serves already, or has served: make another server")
	errStopped = errors.New("server: shut down")
)

// unwindTimeout is how long calls have to return after their contexts were cancelled.
const unwindTimeout = time.Second

// Run listens on the server's address and serves until ctx ends, then shuts down as
// [Server.Serve] does. [SignalContext] makes a context that ends when the process is
// asked to stop.
func (s *Server) Run(ctx context.Context) error {
	listener, err := s.Listen(ctx)
	if err != nil {
		return err
	}
	return s.Serve(ctx, listener)
}

// ServeReady serves as [Server.Serve] does, and calls ready when clients can connect to
// every port, that of [WithGRPC] included, before the first call is answered. It is for
// programs that report that they are ready. An error of ready ends the server before it
// serves, and is returned.
func (s *Server) ServeReady(ctx context.Context, listener net.Listener, ready func() error) error {
	if ready == nil {
		return errors.Join(errors.New("server: ready is nil: use Serve"), listener.Close())
	}
	return s.serve(ctx, listener, ready)
}

// Listen listens on the server's address, for [Server.Serve]. It is for programs that
// must know the address before they serve, or tell of it. Clients can connect from then
// on, and are answered once the server serves.
func (s *Server) Listen(ctx context.Context) (net.Listener, error) {
	return listen(ctx, s.settings.address)
}

// Serve serves on a listener until ctx ends, and closes the listener. It is for
// programs that make the listener themselves, such as one on a port of the system's
// choice or on a Unix socket.
//
// A shutdown has these steps:
//
//   - When ctx ends, [action.Stopping] says so, and health checks answer "not serving".
//   - After the stop delay, which is none by default, no more connections are accepted,
//     [action.Draining] tells the handlers, and calls that were accepted before may
//     finish. Their contexts do not end with ctx.
//   - After the stream grace, the streams that are left end as unavailable.
//   - After the shutdown timeout, the calls that are left get their contexts cancelled,
//     and shortly after that all connections are closed. Serve then returns an error
//     that names their procedures, and those of handlers that still run.
//
// Serve returns nil when everything finished, streams that were ended included. A
// listener that fails ends the server in the same way, with its error.
//
// Where the server has a port for gRPC ([WithGRPC]), it listens there before it answers a
// call on either port, and returns an error where it cannot.
//
// A server serves once.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	return s.serve(ctx, listener, func() error { return nil })
}

func (s *Server) serve(ctx context.Context, listener net.Listener, ready func() error) error {
	if !s.started.CompareAndSwap(false, true) {
		return errors.Join(errStarted, listener.Close())
	}
	defer func() { _ = listener.Close() }() // mostly closed already
	forGRPC, err := s.listenNative(ctx)
	if err != nil {
		return err
	}
	if err := ready(); err != nil {
		if forGRPC != nil {
			err = errors.Join(err, forGRPC.Close())
		}
		return err
	}
	calls, cut := context.WithCancelCause(actionserver.WithStopping(actionserver.WithDraining(context.WithoutCancel(ctx), s.draining), s.stopping))
	defer cut(errStopped)
	connections := s.newConnections()
	server, gatherer := s.httpServer(calls), gatherWrites(listener, connections, s.settings.write)
	server.ConnState = connections.observe
	go connections.sweep(calls)
	served := make(chan error, 2)
	go func() {
		if s.settings.encrypted {
			served <- server.ServeTLS(gatherer, "", "") // the certificate is in its configuration
		} else {
			served <- server.Serve(gatherer)
		}
	}()
	native := s.serveNative(ctx, forGRPC, nativeHost{s, calls, connections}, served)
	s.logStart(ctx, listener.Addr())

	var failure error
	select {
	case failure = <-served:
	case <-ctx.Done():
	}
	close(s.stopping)
	if failure == nil {
		failure = s.linger(ctx, served)
	}
	s.settings.log().LogAttrs(ctx, slog.LevelInfo, "shutting down",
		slog.Duration("timeout", s.settings.shutdown), slog.Duration("stream_grace", s.settings.grace()))
	err = s.stop(server, native, cut)
	if failure == nil {
		failure = <-served
	}
	if !errors.Is(failure, http.ErrServerClosed) { // which it is when nothing failed
		err = errors.Join(fmt.Errorf("server: %w", failure), err)
	}
	s.settings.log().LogAttrs(ctx, slog.LevelInfo, "stopped")
	return err
}

// listenNative returns the listener of the port for gRPC, or nil where there is none.
func (s *Server) listenNative(ctx context.Context) (net.Listener, error) {
	if s.settings.native == nil {
		return nil, nil //nolint:nilnil // none is no error
	}
	if listener := s.settings.native.Listener(); listener != nil {
		return listener, nil
	}
	return listen(ctx, s.settings.native.Address())
}

// serveNative begins to serve the port for gRPC, where there is one.
func (s *Server) serveNative(ctx context.Context, listener net.Listener, host nativeHost, served chan<- error) port.Server {
	if listener == nil {
		return noNative{}
	}
	native := s.settings.native.Start(host)
	go func() {
		if err := native.Serve(listener); err != nil {
			served <- fmt.Errorf("gRPC: %w", err)
		}
	}()
	s.settings.log().LogAttrs(ctx, slog.LevelInfo, "serving gRPC",
		slog.String("address", listener.Addr().String()), slog.Bool("tls", s.settings.encrypted))
	return native
}

// noNative is the port for gRPC of a server that has none.
type noNative struct{ port.Server }

// Drain implements [port.Server].
func (noNative) Drain(context.Context) error { return nil }

// Cut implements [port.Server].
func (noNative) Cut() {}

// Close implements [port.Server].
func (noNative) Close() {}

// linger goes on to serve for the stop delay. It returns early with the error of a
// listener that fails.
func (s *Server) linger(ctx context.Context, served <-chan error) error {
	if s.settings.stopDelay == 0 {
		return nil
	}
	s.settings.log().LogAttrs(ctx, slog.LevelInfo, "asked to stop", slog.Duration("delay", s.settings.stopDelay))
	delay := time.NewTimer(s.settings.stopDelay)
	defer delay.Stop()
	select {
	case failure := <-served:
		return failure
	case <-delay.C:
		return nil
	}
}

// logStart logs where the server serves, and what it serves without a gate.
func (s *Server) logStart(ctx context.Context, address net.Addr) {
	log := s.settings.log()
	log.LogAttrs(ctx, slog.LevelInfo, "serving", slog.String("address", address.String()),
		slog.Bool("tls", s.settings.encrypted), slog.Int("actions", len(s.procedures)))
	for _, page := range s.pages.list {
		log.LogAttrs(ctx, slog.LevelInfo, "serving without a gate",
			slog.String("pattern", page.Pattern), slog.String("reason", page.Reason))
	}
}

// httpServer returns the HTTP server that serves the actions. What it starts has
// its context from calls.
func (s *Server) httpServer(calls context.Context) *http.Server {
	limits := s.settings.limits
	server := &http.Server{
		Handler:     s.Handler(),
		BaseContext: func(net.Listener) context.Context { return calls },
		ErrorLog:    slog.NewLogLogger(shortened{s.settings.log().Handler()}, slog.LevelWarn),
		TLSConfig:   s.settings.tls.Clone(), // net/http changes it
		Protocols:   new(http.Protocols),
		// ReadTimeout and WriteTimeout would end streams, and count the handler's time.
		// The connections are closed here when they are idle, so IdleTimeout is not set.
		ReadHeaderTimeout: limits.header,
		MaxHeaderBytes:    limits.headerBytes,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: limits.concurrentStreams,
			SendPingTimeout:      limits.ping,
			PingTimeout:          limits.ping / 2,
			WriteByteTimeout:     limits.write,
		},
		// Otherwise net/http answers "OPTIONS *" itself.
		DisableGeneralOptionsHandler: true,
	}
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetHTTP2(s.settings.encrypted)
	server.Protocols.SetUnencryptedHTTP2(!s.settings.encrypted)
	return server
}

// stop ends an HTTP server: gently, then by ending its streams, then by cutting off its
// calls.
func (s *Server) stop(server *http.Server, native port.Server, cut context.CancelCauseFunc) error {
	close(s.draining)
	defer time.AfterFunc(s.settings.grace(), s.endStreams).Stop()
	defer native.Close()
	shutdown := func(ctx context.Context) error {
		drained := make(chan error, 1)
		go func() { drained <- native.Drain(ctx) }()
		return cmp.Or(server.Shutdown(ctx), <-drained)
	}
	err := within(s.settings.shutdown, shutdown)
	if err == nil {
		return nil
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		return errors.Join(fmt.Errorf("server: %w", err), server.Close())
	}
	unfinished := s.serving()
	if len(unfinished) == 0 {
		_ = server.Close() // only connections without a request are left
		return nil
	}
	cut(errStopped)
	native.Cut()
	_ = within(unwindTimeout, shutdown) // calls that return now are still answered
	_ = server.Close()
	text := "server: did not finish within " + s.settings.shutdown.String() + ": " + strings.Join(unfinished, ", ")
	if running := s.serving(); len(running) > 0 {
		text += "; still running: " + strings.Join(running, ", ")
	}
	return errors.New(text)
}

// serving names the actions and the pages that have requests being served.
func (s *Server) serving() []string { return append(s.procedures.serving(), s.pages.serving()...) }

func within(timeout time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	return do(ctx)
}
