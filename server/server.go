package server

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync/atomic"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/action"
)

// A Server serves the actions of one registry over HTTP. Make one with [New]. It is
// safe for concurrent use.
type Server struct {
	settings   *settings
	registry   *action.Registry
	procedures mux
	pages      pages
	errors     *connecthttp.ErrorWriter
	started    atomic.Bool
	dispatch   *connect.Server
	codecs     []*codec
	compressor *compressor
	stopping   chan struct{} // closed when the server is asked to stop
	draining   chan struct{} // closed when a shutdown begins
	endStreams func()        // ends the streams that are left
}

// New returns a server of everything that a registry holds, and seals the registry.
// The error joins all that is wrong: the options that cannot hold, and the
// registry's refusals as an [*action.RefusalError].
func New(registry *action.Registry, options ...Option) (*Server, error) {
	settings, err := newSettings(options)
	if registry == nil {
		return nil, errors.Join(err, errors.New("server: the registry is nil"))
	}
	methods, refusals := registry.Methods()
	if err := errors.Join(err, refusals); err != nil {
		return nil, err
	}
	interceptors := slices.Concat([]connect.ServerInterceptor{introduce}, settings.intercept(), []connect.ServerInterceptor{reach})
	if settings.frontDoor {
		door, err := registry.FrontDoor()
		if err != nil {
			return nil, err
		}
		interceptors = append(interceptors, answerAtDoor(door))
	}
	dispatch := connect.NewServer(interceptors...)
	dispatch.Register(methods...)
	actions := registry.Actions()
	pages, errs := newPages(settings.pages, actions)
	if err := errors.Join(append(errs, settings.nilInterceptor())...); err != nil {
		return nil, err
	}
	streams, endStreams := context.WithCancel(context.Background())
	settings.onShutdown = func(end func()) func() bool { return context.AfterFunc(streams, end) }
	codecs, compressor := settings.codecs(), settings.newCompressor()
	transport := settings.transport(codecs, compressor)
	server := &Server{
		settings:   settings,
		registry:   registry,
		procedures: newMux(methods, actions),
		pages:      pages,
		dispatch:   dispatch,
		codecs:     codecs,
		compressor: compressor,
		errors:     connecthttp.NewErrorWriter(transport...),
		stopping:   make(chan struct{}),
		draining:   make(chan struct{}),
		endStreams: endStreams,
	}
	connecthttp.Mount(server.procedures, dispatch, transport...)
	return server, nil
}

// Handler returns the handler of the actions and the pages, for tests and for programs
// that have an [http.Server] of their own. It keeps the limits on messages and on the
// time that one takes to arrive and to be sent. The rest is up to that other server:
// header size and timeout, idle connections, HTTP/2's settings, TLS, and shutdown;
// [action.Draining] says nothing then.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.respond) }
