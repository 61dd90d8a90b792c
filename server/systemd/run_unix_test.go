//go:build unix

package systemd_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/server"
	"github.com/sallyport-rpc/sallyport/server/grpcserver"
	"github.com/sallyport-rpc/sallyport/server/systemd"
)

// TestMain is the service when a test starts the test's program as systemd would.
func TestMain(m *testing.M) {
	if os.Getenv("SYSTEMD_TEST_SERVICE") == "" {
		os.Exit(m.Run())
	}
	if err := service(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// service serves no actions until it is asked to stop.
func service() error {
	registry, err := action.NewRegistry(nil)
	if err != nil {
		return err
	}
	options := []server.Option{server.WithAddress(os.Getenv("SYSTEMD_TEST_SERVICE"))}
	if address := os.Getenv("SYSTEMD_TEST_GRPC"); address != "" {
		options = append(options, server.WithGRPC(grpcserver.New(address)))
	}
	srv, err := server.New(registry, options...)
	if err != nil {
		return err
	}
	ctx, stop := server.SignalContext(context.Background())
	defer stop()
	return systemd.Run(ctx, srv)
}

// A unit is a service that was started as systemd starts one.
type unit struct {
	command *exec.Cmd
	notices *net.UnixConn
	said    *strings.Builder
}

// startUnit starts the service with these sockets.
func startUnit(t *testing.T, address string, sockets ...*os.File) *unit {
	t.Helper()
	return startUnitWithGRPC(t, address, "", sockets...)
}

// startUnitWithGRPC starts the service with these sockets and a port for gRPC, unless its
// address is empty.
func startUnitWithGRPC(t *testing.T, address, forGRPC string, sockets ...*os.File) *unit {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	notices, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { notices.Close() })
	// LISTEN_PID is the process's own, which is known only in it.
	command := exec.Command("sh", "-c", `LISTEN_PID=$$ exec "$0"`, os.Args[0])
	command.Env = append(os.Environ(), "SYSTEMD_TEST_SERVICE="+address, "SYSTEMD_TEST_GRPC="+forGRPC, "NOTIFY_SOCKET="+path)
	if len(sockets) > 0 {
		command.Env = append(command.Env, fmt.Sprintf("LISTEN_FDS=%d", len(sockets)))
		command.ExtraFiles = sockets
	}
	said := &strings.Builder{}
	command.Stderr = said
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	return &unit{command, notices, said}
}

// notice returns the next notice, or why there is none.
func (u *unit) notice(t *testing.T) string {
	t.Helper()
	if err := u.notices.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	buffer := make([]byte, 100)
	n, err := u.notices.Read(buffer)
	if err != nil {
		return err.Error()
	}
	return string(buffer[:n])
}

// socket returns a socket that listens, as systemd passes it, and its address.
func socket(t *testing.T) (*os.File, string) {
	t.Helper()
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	file, err := listener.File()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	return file, listener.Addr().String()
}

// answers fails the test unless a server answers at an address.
func answers(t *testing.T, address string) {
	t.Helper()
	response, err := http.Get("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	response.Body.Close()
	if response.StatusCode != http.StatusNotFound {
		t.Errorf("status %d", response.StatusCode)
	}
}

// stops asks the service to stop and fails the test unless it tells so and ends well.
func (u *unit) stops(t *testing.T) {
	t.Helper()
	if err := u.command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := u.notice(t); got != "STOPPING=1" {
		t.Errorf("at the end it told %q", got)
	}
	if err := u.command.Wait(); err != nil {
		t.Errorf("%v: %s", err, u.said)
	}
}

// A client that connects before the service is there is served on the socket that was
// passed.
func TestPassedSocket(t *testing.T) {
	t.Parallel()
	file, address := socket(t)
	early, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	if _, err := io.WriteString(early, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	unit := startUnit(t, "127.0.0.1:1", file) // an address that it could not listen on
	if got := unit.notice(t); got != "READY=1" {
		t.Fatalf("it told %q: %s", got, unit.said)
	}
	if status, err := bufio.NewReader(early).ReadString('\n'); err != nil || !strings.HasPrefix(status, "HTTP/1.1 404") {
		t.Errorf("the early client got %q, %v", status, err)
	}
	answers(t, address)
	unit.stops(t)
}

// Without a passed socket the service listens itself, and is ready when it does.
func TestNoPassedSocket(t *testing.T) {
	t.Parallel()
	file, address := socket(t)
	file.Close() // the port is free
	unit := startUnit(t, address)
	if got := unit.notice(t); got != "READY=1" {
		t.Fatalf("it told %q: %s", got, unit.said)
	}
	answers(t, address)
	unit.stops(t)
}

// A service is ready when it listens on its port for gRPC too.
func TestReadyForGRPC(t *testing.T) {
	t.Parallel()
	file, address := socket(t)
	free, forGRPC := socket(t)
	free.Close()
	unit := startUnitWithGRPC(t, "127.0.0.1:1", forGRPC, file)
	if got := unit.notice(t); got != "READY=1" {
		t.Fatalf("it told %q: %s", got, unit.said)
	}
	conn, err := net.Dial("tcp", forGRPC)
	if err != nil {
		t.Fatalf("it said that it is ready, and on its port for gRPC: %v", err)
	}
	conn.Close()
	answers(t, address)
	unit.stops(t)
}

// A service that cannot listen on its port for gRPC ends with an error and is never ready.
func TestNeverReadyForGRPC(t *testing.T) {
	t.Parallel()
	file, _ := socket(t)
	taken, forGRPC := socket(t)
	defer taken.Close()
	unit := startUnitWithGRPC(t, "127.0.0.1:1", forGRPC, file)
	err := unit.command.Wait()
	if err == nil || !strings.Contains(unit.said.String(), "listen on "+forGRPC) {
		t.Errorf("it ended with %v: %s", err, unit.said)
	}
	if err := unit.notices.SetReadDeadline(time.Now().Add(time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	// What it sent is there, since it has ended.
	if n, err := unit.notices.Read(make([]byte, 100)); err == nil {
		t.Errorf("it sent a notice of %d bytes", n)
	}
}

// What was passed must be one socket of streams.
func TestWrongSockets(t *testing.T) { //nolint:paralleltest // see below
	first, _ := socket(t)
	second, _ := socket(t)
	packets, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer packets.Close()
	datagrams, err := packets.File()
	if err != nil {
		t.Fatal(err)
	}
	defer datagrams.Close()
	for name, test := range map[string]struct {
		sockets []*os.File
		want    string
	}{
		"two":       {[]*os.File{first, second}, "2 sockets were passed"},
		"datagrams": {[]*os.File{datagrams}, "none that listens for streams"},
	} {
		t.Run(name, func(t *testing.T) { //nolint:paralleltest // the sockets are closed after it
			unit := startUnit(t, "127.0.0.1:0", test.sockets...)
			if err := unit.command.Wait(); err == nil || !strings.Contains(unit.said.String(), test.want) {
				t.Errorf("%v: %s", err, unit.said)
			}
		})
	}
}

// Without systemd the service runs as any other.
func TestWithoutSystemd(t *testing.T) {
	t.Parallel()
	registry, err := action.NewRegistry(nil)
	if err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(registry, server.WithAddress("127.0.0.1:0"))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := systemd.Run(ctx, srv); err != nil {
		t.Error(err)
	}
}
