package server

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

// A server that cannot listen says why in one line, and what to do.
func TestListenErrors(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	for address, want := range map[string]string{
		taken.Addr().String(): "address already in use: stop the program that listens there, or use another port",
		"192.0.2.1:8080":      "cannot assign requested address: use an address of this machine",
		"127.0.0.1:99999":     "address 99999: invalid port",
	} {
		listener, err := listen(t.Context(), address)
		if listener != nil || err == nil || err.Error() != fmt.Sprintf("server: listen on %s: %s", address, want) {
			t.Errorf("%v", err)
		}
	}
	// The tests may run as a user who has every privilege.
	denied := &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", syscall.EACCES)}
	for address, want := range map[string]string{
		"127.0.0.1:80":   "server: listen on 127.0.0.1:80: permission denied: ports below 1024 need elevated privileges",
		"127.0.0.1:8080": "server: listen on 127.0.0.1:8080: permission denied",
	} {
		if got := listenError(address, denied).Error(); got != want {
			t.Errorf("got %q", got)
		}
	}
	if listener, err := listen(t.Context(), "127.0.0.1:0"); err != nil {
		t.Error(err)
	} else {
		listener.Close()
	}
}

func TestAddressRange(t *testing.T) {
	t.Parallel()
	for address, refused := range map[string]bool{
		"": true, "localhost": true, "127.0.0.1": true, "::1:80": true,
		":8080": false, "localhost:8080": false, "[::1]:8080": false,
	} {
		if _, err := newSettings([]Option{WithAddress(address)}); (err != nil) != refused ||
			err != nil && !strings.Contains(err.Error(), "is not HOST:PORT") {
			t.Errorf("%q: %v", address, err)
		}
	}
}
