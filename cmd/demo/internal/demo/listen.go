package demo

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// listen listens on a TCP address. The error says in one line what is wrong and how to fix
// it.
func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	// An empty address would be every address of the machine, on some port.
	_, port, err := net.SplitHostPort(address)
	if err == nil {
		var listener net.Listener
		if listener, err = config.Listen(ctx, "tcp", address); err == nil {
			return listener, nil
		}
	}
	problem, fix := line(err), "choose another -addr, such as 127.0.0.1:0"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		problem, fix = "the port is in use", "stop the program that listens there, or "+fix
	case errors.Is(err, syscall.EACCES):
		problem, fix = "permission denied", "port "+port+" needs elevated privileges: "+fix
	}
	return nil, fmt.Errorf("listen on %q: %s: %s", address, problem, fix)
}

// loopback reports whether only this machine can reach an address. An address that is not
// one of TCP counts as open to others.
func loopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// hostsOf returns the hosts that a demo on an address answers for: the names of this
// machine and those given. It returns nil, which is every host, where others can reach the
// address and none is given.
func hostsOf(address net.Addr, given []string) []string {
	private := loopback(address)
	if !private && len(given) == 0 {
		return nil
	}
	hosts := append([]string{"localhost", "127.0.0.1", "::1"}, given...)
	if tcp, ok := address.(*net.TCPAddr); ok && !tcp.IP.IsUnspecified() {
		hosts = append(hosts, tcp.IP.String())
	}
	return hosts
}

// urlOf returns the URL at which this machine can reach an address.
func urlOf(address net.Addr) string {
	tcp, ok := address.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return "http://" + net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return "http://" + address.String()
}
