package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"runtime"
	"strings"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	abusev1 "github.com/sallyport-rpc/sallyport/gen/test/abuse/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/abuse/v1/abusev1action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/grpcserver"
)

// service is what the server serves.
type service struct {
	chunk string        // what Flood sends; it sends nothing where that is empty
	slots chan struct{} // of which Spend holds one for heldFor; nil where it takes no time
}

// heldFor is how long a call holds its slot.
const heldFor = 5 * time.Millisecond

func (s service) Spend(ctx context.Context, _ *action.Call[abusev1.SpendRequest]) (*abusev1.SpendResponse, error) {
	if s.slots != nil {
		select {
		case s.slots <- struct{}{}:
			time.Sleep(heldFor)
			<-s.slots
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return &abusev1.SpendResponse{}, nil
}

func (s service) Flood(ctx context.Context, _ *action.Call[abusev1.FloodRequest], out *action.ServerStream[abusev1.FloodResponse]) error {
	if s.chunk == "" {
		err := out.SendHeaders()
		<-ctx.Done()
		return err
	}
	for {
		if err := out.Send(&abusev1.FloodResponse{Text: s.chunk}); err != nil {
			return err
		}
	}
}

// sessions takes "Authorization: Bearer ID" for the principal of that id.
func sessions(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	values := call.RequestHeader().Values("Authorization")
	if len(values) != 1 {
		return nil, authn.ErrNoCredential
	}
	id, ok := strings.CutPrefix(values[0], "Bearer ")
	if !ok {
		return nil, authn.InvalidCredential("malformed")
	}
	return authn.NewPrincipal(id, authn.Details{Unscoped: true}), nil
}

// chunkBytes is the size of the messages of a stream whose client does not read.
const chunkBytes = 1 << 20

// A serving says what the server is to be; its zero value is one with the defaults.
type serving struct {
	slots, running, connections int
	quiet                       bool // its streams send nothing
}

func (s *serving) flags() {
	flag.IntVar(&s.slots, "slots", 0, "of the server: how many calls its handler does at a time, each in 5 ms; 0 is all, at once")
	flag.IntVar(&s.running, "running", 0, "of the server: its option WithMaxRunningCalls; 0 is the default")
	flag.IntVar(&s.connections, "max-connections", 0, "of the server: its option WithMaxConnections; 0 is the default")
	flag.BoolVar(&s.quiet, "quiet", false, "of the server: its streams send nothing")
}

func (s *serving) service() service {
	served := service{chunk: strings.Repeat("x", chunkBytes)}
	if s.slots > 0 {
		served.slots = make(chan struct{}, s.slots)
	}
	if s.quiet {
		served.chunk = ""
	}
	return served
}

func (s *serving) options(logger *slog.Logger) []server.Option {
	options := []server.Option{server.WithLogger(logger)}
	if s.running > 0 {
		options = append(options, server.WithMaxRunningCalls(s.running))
	}
	if s.connections > 0 {
		options = append(options, server.WithMaxConnections(s.connections))
	}
	return options
}

// serve serves until standard input ends. It prints its address, and that of its port for
// gRPC, on standard output, and logs to standard error. For each line that it reads it
// prints how many bytes of its heap are in use.
func (s *serving) serve() error {
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	registry, err := action.NewRegistry(authn.Schemes{"session": authn.AuthenticatorFunc(sessions)},
		action.WithRecorder(event.LogRecorder(logger)))
	if err != nil {
		return err
	}
	if err := abusev1action.RegisterAbuseService(registry, s.service()); err != nil {
		return err
	}
	var listeners [2]net.Listener
	for i := range listeners {
		if listeners[i], err = new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0"); err != nil {
			return err
		}
	}
	listener := listeners[0]
	srv, err := server.New(registry, append(s.options(logger), server.WithGRPC(grpcserver.On(listeners[1])))...)
	if err != nil {
		return err
	}
	if _, err := fmt.Printf("%s\n%s\n", listener.Addr(), listeners[1].Addr()); err != nil {
		return errors.Join(err, listener.Close())
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer cancel()
		printHeaps()
	}()
	return srv.Serve(ctx, listener)
}

// printHeaps prints, for each line that it reads, how many bytes of the heap are in use.
// It returns when the program that drives this one ends.
func printHeaps() {
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		runtime.GC()
		runtime.GC() // what pools hold is free after the second
		var memory runtime.MemStats
		runtime.ReadMemStats(&memory)
		fmt.Println(memory.HeapAlloc)
	}
}
