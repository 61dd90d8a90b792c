package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"
)

// listen listens on a TCP address.
func listen(ctx context.Context, address string) (net.Listener, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", address)
	if err != nil {
		return nil, listenError(address, err)
	}
	return listener, nil
}

// listenError says what is wrong with an address and what to do.
func listenError(address string, err error) error {
	// The text of these repeats the address and names the operation.
	if wrapped, ok := errors.AsType[*net.OpError](err); ok {
		err = wrapped.Err
	}
	if wrapped, ok := errors.AsType[*os.SyscallError](err); ok {
		err = wrapped.Err
	}
	_, port, _ := net.SplitHostPort(address)
	number, _ := strconv.Atoi(port)
	var fix string
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		fix = ": stop the program that listens there, or use another port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		fix = ": use an address of this machine"
	case errors.Is(err, fs.ErrPermission) && number < 1024:
		fix = ": ports below 1024 need elevated privileges"
	}
	return fmt.Errorf("server: listen on %s: %w%s", address, err, fix)
}
