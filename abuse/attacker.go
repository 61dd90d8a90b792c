package main

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// An attacker attacks over one connection, and counts.
type attacker struct {
	ctx     context.Context //nolint:containedctx // it is the attack's
	calls   context.Context //nolint:containedctx // that of its calls, which are waited for
	from    *net.TCPAddr
	address string
	url     string
	counts  *counts
}

// counts are what all connections of an attack sent and got.
type counts struct {
	calls    atomic.Int64
	answered atomic.Int64
	sent     atomic.Int64
	received atomic.Int64
	largest  atomic.Int64 // answer
	failed   atomic.Pointer[error]
}

// on reports whether the attack goes on.
func (a *attacker) on() bool { return a.ctx.Err() == nil }

// fail notes what went wrong with the attack itself.
func (a *attacker) fail(err error) {
	if a.on() {
		a.counts.failed.CompareAndSwap(nil, &err)
	}
}

// from returns the address that a connection of an attack comes from, each from one of
// its own: the server gives one address no more than it leaves to others. What calls
// beside them comes from 127.0.0.1.
func from(connection int) *net.TCPAddr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 1, byte(1+connection%250))} //nolint:gosec // it is below 256
}

// dial opens a connection whose bytes are counted.
func (a *attacker) dial() (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: a.from}
	conn, err := dialer.DialContext(a.calls, "tcp", a.address)
	if err != nil {
		return nil, err
	}
	return &countedConn{conn, a.counts}, nil
}

// client returns a client with one connection, of one version of HTTP.
func (a *attacker) client(major int) *http.Client {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(major == 1)
	protocols.SetUnencryptedHTTP2(major == 2)
	transport := &http.Transport{
		Protocols:          protocols,
		MaxConnsPerHost:    1,
		DisableCompression: true,
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return a.dial() },
	}
	context.AfterFunc(a.calls, transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// do makes a call and reads its answer. A call that the server ends is no failure of
// the attack.
func (a *attacker) do(client *http.Client, request *http.Request) {
	a.counts.calls.Add(1)
	response, err := client.Do(request)
	if err != nil {
		return
	}
	size, err := io.Copy(io.Discard, response.Body)
	err = errors.Join(err, response.Body.Close())
	for _, headers := range []http.Header{response.Header, response.Trailer} {
		for name, values := range headers {
			for _, value := range values {
				size += int64(len(name) + len(value) + len(": \r\n"))
			}
		}
	}
	a.counts.noteSize(size)
	if err == nil {
		a.counts.answered.Add(1)
	}
}

// noteSize keeps the size of the largest answer.
func (c *counts) noteSize(size int64) {
	for {
		largest := c.largest.Load()
		if size <= largest || c.largest.CompareAndSwap(largest, size) {
			return
		}
	}
}

// A countedConn counts the bytes of a connection.
type countedConn struct {
	net.Conn

	counts *counts
}

// Read reads some of what came.
func (c *countedConn) Read(data []byte) (int, error) {
	n, err := c.Conn.Read(data)
	c.counts.received.Add(int64(n))
	return n, err
}

// Write sends.
func (c *countedConn) Write(data []byte) (int, error) {
	n, err := c.Conn.Write(data)
	c.counts.sent.Add(int64(n))
	return n, err
}
