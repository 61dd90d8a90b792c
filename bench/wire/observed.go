package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"

	"github.com/sallyport-rpc/sallyport/action"
	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
	"github.com/sallyport-rpc/sallyport/server"
)

// observedPeers are Sallyport alone, and with what observes or keeps each call.
var observedPeers = []peer{
	{name: "off", serve: serveObserved(off)},
	{name: "otelconnect alone", serve: serveObserved(otelconnectAlone)},
	{name: "telemetry", serve: serveObserved(withTelemetry)},
	{name: "audit, best effort", serve: serveObserved(bestEffortSQLite)},
	{name: "audit, strict", serve: serveObserved(strictSQLite)},
	{name: "audit, strict, PostgreSQL", serve: serveObserved(strictPostgres), needs: postgresAddress},
}

// observedWays are how they are called: by 64 callers at a time. The server has both
// cores, since one waits for the disk.
var observedWays = []way{
	{name: "observed: gRPC, HTTP/2, 64 callers", contentType: "application/grpc", grpc: true, user: owner, shared: true},
}

// An observer is what observes the calls of a server.
type observer struct {
	registry func(*action.Registry) (server.Option, error) // nil adds nothing
	options  []action.RegistryOption
	// count returns how many calls it has seen once the server has stopped, and how many
	// it says that it lost. It fails where what it kept does not verify. nil is off.
	count func(context.Context) (kept, lost int64, err error)
	close func()
}

// off observes nothing.
func off(context.Context) (*observer, error) { return &observer{close: func() {}}, nil }

// serveObserved serves, and prints what the observer kept of the calls.
func serveObserved(start func(context.Context) (*observer, error)) func(context.Context, net.Listener) error {
	return func(ctx context.Context, listener net.Listener) error {
		sum, err := observe(ctx, listener, start)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintln(os.Stdout, sum)
		return err
	}
}

// A sum says how many calls ran, and how many of them an observer has.
type sum struct {
	calls, kept, lost int64
	counts            bool
}

func (s sum) String() string {
	if !s.counts {
		return fmt.Sprintf("%d calls", s.calls)
	}
	return fmt.Sprintf("%d calls, %d kept, %d said to be lost", s.calls, s.kept, s.lost)
}

// observe serves until the context ends. The error says where the observer missed a call.
func observe(ctx context.Context, listener net.Listener, start func(context.Context) (*observer, error)) (sum, error) {
	observer, err := start(context.WithoutCancel(ctx))
	if err != nil {
		return sum{}, errors.Join(err, listener.Close())
	}
	defer observer.close()
	handler := &countedNotes{}
	registry, err := newRegistry(handler, observer.options...)
	if err != nil {
		return sum{}, errors.Join(err, listener.Close())
	}
	var options []server.Option
	if observer.registry != nil {
		option, err := observer.registry(registry)
		if err != nil {
			return sum{}, errors.Join(err, listener.Close())
		}
		options = append(options, option)
	}
	serving, err := server.New(registry, options...)
	if err != nil {
		return sum{}, errors.Join(err, listener.Close())
	}
	if err := serving.Serve(ctx, listener); err != nil {
		return sum{}, err
	}
	found := sum{calls: handler.calls.Load(), counts: observer.count != nil}
	if !found.counts {
		return found, nil
	}
	if found.kept, found.lost, err = observer.count(context.WithoutCancel(ctx)); err != nil {
		return sum{}, err
	}
	if found.kept+found.lost < found.calls {
		return sum{}, fmt.Errorf("calls are missing: %v", found)
	}
	return found, nil
}

// countedNotes is the service, which counts its calls.
type countedNotes struct {
	notes

	calls atomic.Int64
}

func (n *countedNotes) WriteNote(ctx context.Context, call *action.Call[benchv1.WriteNoteRequest]) (*benchv1.WriteNoteResponse, error) {
	n.calls.Add(1)
	return n.notes.WriteNote(ctx, call)
}
