package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// listen listens on a TCP address. The error says in one line what is wrong and how
// to mend it.
func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	// An empty address would be every address of the machine, on some port.
	_, _, err := net.SplitHostPort(address)
	if err == nil {
		var listener net.Listener
		if listener, err = config.Listen(ctx, "tcp", address); err == nil {
			return listener, nil
		}
	}
	problem, mend := err.Error(), "choose another -addr, such as 127.0.0.1:0"
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		problem, mend = "the port is in use", "stop what listens there, or "+mend
	case errors.Is(err, syscall.EACCES):
		problem = "the port is not for everybody"
	}
	return nil, fmt.Errorf("cannot listen on %q: %s: %s", address, problem, mend)
}

// loopback reports whether only this machine can reach an address. What is no TCP
// address is taken to be open to others.
func loopback(address net.Addr) bool {
	tcp, ok := address.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}

// hostOf returns the IP address of a TCP address.
func hostOf(address net.Addr) string {
	host, _, _ := net.SplitHostPort(address.String())
	return host
}

// urlOf returns the URL at which this machine can reach an address.
func urlOf(address net.Addr) string {
	tcp, ok := address.(*net.TCPAddr)
	if ok && tcp.IP.IsUnspecified() {
		return "http://" + net.JoinHostPort("localhost", strconv.Itoa(tcp.Port))
	}
	return "http://" + address.String()
}
