// Package systemd runs a server as a service of systemd: on the socket that systemd
// opened, if there is one, and with a notice when the server is ready and when it stops.
//
//	err := systemd.Run(ctx, srv)
//
// Without systemd it runs the server as [server.Server.Run] does, so that a program needs
// no case for each.
package systemd

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/sallyport-rpc/sallyport/server"
)

// Run serves until ctx ends, as [server.Server.Serve] does. It serves on the socket that
// systemd passed (sd_listen_fds(3)), and listens on the server's address if there is
// none. It fails if there are several, or if the socket is none of streams
// (ListenStream=).
//
// It notifies systemd with READY=1 when clients can connect to every port of the server,
// that for gRPC included, and with STOPPING=1 when ctx ends (sd_notify(3)), which a unit
// of Type=notify waits for. Without a notify socket in the environment it sends no notice.
// A notice that cannot be sent fails the start, since systemd would end the service later,
// and is ignored at the end.
//
// It takes what systemd passed out of the environment, so that child processes do not
// find it. Call it once.
func Run(ctx context.Context, srv *server.Server) error {
	listener, err := passed()
	if err != nil {
		return err
	}
	if listener == nil {
		if listener, err = srv.Listen(ctx); err != nil {
			return err
		}
	}
	var stopping notice
	defer stopping.end()
	return srv.ServeReady(ctx, listener, func() error {
		if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
			return fmt.Errorf("systemd: notify that the service is ready: %w", err)
		}
		stopping.sendAfter(ctx, daemon.SdNotifyStopping)
		return nil
	})
}

// A notice is one that is sent when a context ends. Its zero value sends nothing.
type notice struct {
	cancel func() bool
	sent   chan struct{}
}

// sendAfter has a notice sent when the context ends.
func (n *notice) sendAfter(ctx context.Context, state string) {
	n.sent = make(chan struct{})
	n.cancel = context.AfterFunc(ctx, func() {
		defer close(n.sent)
		_, _ = daemon.SdNotify(true, state)
	})
}

// end returns when the notice is sent, where the context has ended: the program may exit
// right after it. Where the context has not ended, the notice is never sent.
func (n *notice) end() {
	if n.cancel != nil && !n.cancel() {
		<-n.sent
	}
}

// passed returns the socket that systemd passed, or nil if it passed none.
func passed() (net.Listener, error) {
	listeners, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("systemd: the sockets that were passed: %w", err)
	}
	if len(listeners) == 0 {
		return nil, nil //nolint:nilnil // none is no error
	}
	if len(listeners) == 1 && listeners[0] != nil {
		return listeners[0], nil
	}
	for _, listener := range listeners {
		if listener != nil {
			err = errors.Join(err, listener.Close())
		}
	}
	if len(listeners) > 1 {
		return nil, errors.Join(fmt.Errorf("systemd: %d sockets were passed: give the service's .socket unit one ListenStream=", len(listeners)), err)
	}
	return nil, errors.New("systemd: the socket that was passed is none that listens for streams: use ListenStream= in the .socket unit")
}
