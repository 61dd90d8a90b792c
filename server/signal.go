package server

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// SignalContext returns a context that ends at the first SIGINT or SIGTERM, and when
// parent does: it is for [Server.Run] and [Server.Serve], which then shut down. A second
// signal does not wait for that; it ends the process at once, as without this function.
//
//	ctx, stop := server.SignalContext(context.Background())
//	defer stop()
//	err := srv.Run(ctx)
//
// stop ends the context and gives the signals back.
func SignalContext(parent context.Context) (ctx context.Context, stop context.CancelFunc) {
	ctx, cancel := context.WithCancel(parent)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		select {
		case <-signals:
		case <-ctx.Done():
		}
		signal.Stop(signals) // before ctx ends, so that no later signal is lost here
		cancel()
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel()
	}
}
