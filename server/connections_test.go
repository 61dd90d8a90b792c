package server_test

import (
	"encoding/binary"
	"io"
	"math"
	"net"
	"net/netip"
	"testing"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/server"
)

// An idle client of HTTP/2 is told before its connection is closed. A call that it begins
// meanwhile is served, and the connection is closed after it.
func TestIdleClientIsTold(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		t.Run(map[bool]string{false: "idle", true: "a late call"}[late], func(t *testing.T) {
			t.Parallel()
			served := serve(t, &directory{}, server.WithIdleTimeout(short))
			frames := served.dialFrames(t)
			told, err := frames.next(frameGoAway)
			if err != nil {
				t.Fatal(err)
			}
			if last, code := binary.BigEndian.Uint32(told.payload), binary.BigEndian.Uint32(told.payload[4:]); last != math.MaxInt32 || code != 0 {
				t.Errorf("told that stream %d is the last, with code %d", last, code)
			}
			if late {
				frames.send(frame{kind: frameHeaders, flags: flagEndHeaders, stream: 1, payload: served.post(listUsers)})
				frames.send(frame{kind: frameData, flags: flagEndStream, stream: 1, payload: make([]byte, envelopeBytes)})
				if got, err := frames.next(frameHeaders); err != nil || got.payload[0] != statusOK {
					t.Errorf("the late call: %+v, %v", got, err)
				}
			}
			hungUp(t, frames.Conn)
		})
	}
}

// A connection that is used now and then is not idle.
func TestUsedIsNotIdle(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithIdleTimeout(4*time.Second))
	frames := served.dialFrames(t)
	for call := range 6 {
		time.Sleep(time.Second)
		stream := uint32(2*call + 1)
		frames.send(frame{kind: frameHeaders, flags: flagEndHeaders, stream: stream, payload: served.post(listUsers)})
		frames.send(frame{kind: frameData, flags: flagEndStream, stream: stream, payload: make([]byte, envelopeBytes)})
		if got, err := frames.next(frameHeaders, frameGoAway); err != nil || got.kind == frameGoAway {
			t.Fatalf("call %d: %+v, %v", call, got, err)
		}
	}
}

// dialFrom connects to the server from an address of this machine.
func (s *served) dialFrom(t *testing.T, address string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr(address), 0))}
	conn, err := dialer.DialContext(t.Context(), "tcp", s.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	if s.all != nil {
		return &lateTLS{Conn: conn, roots: s.roots}
	}
	return conn
}

// busy begins a call on a connection and leaves it there.
func busy(t *testing.T, conn net.Conn) net.Conn {
	t.Helper()
	if _, err := io.WriteString(conn, "POST "+listUsers+" HTTP/1.1\r\n"); err != nil {
		t.Fatal(err)
	}
	return conn
}

// isOpen reports whether the server answers a request on a connection.
func isOpen(conn net.Conn) bool {
	if _, err := io.WriteString(conn, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		return false
	}
	answer := make([]byte, len("HTTP/1.1 404 "))
	_, err := io.ReadFull(conn, answer)
	return err == nil
}

// One address does not get what is left for others, and gets it back when its
// connections end.
func TestMaxConnections(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithMaxConnections(8))
	var greedy []net.Conn
	for range 4 {
		greedy = append(greedy, busy(t, served.dialFrom(t, "127.0.0.2")))
	}
	if isOpen(served.dialFrom(t, "127.0.0.2")) {
		t.Error("an address has more than half of the connections")
	}
	refused := served.takeRefused()
	for begin := time.Now(); len(refused) == 0 && time.Since(begin) < soon; time.Sleep(time.Millisecond) {
		refused = served.takeRefused()
	}
	if len(refused) != 1 || refused[0].Code != connect.CodeResourceExhausted ||
		refused[0].Peer.Address != netip.MustParseAddr("127.0.0.2") {
		t.Errorf("recorded %+v", refused)
	}
	other := served.dialFrom(t, "127.0.0.3")
	if !isOpen(other) {
		t.Error("another address finds no room")
	}
	greedy[0].Close()
	for begin := time.Now(); !isOpen(served.dialFrom(t, "127.0.0.2")); time.Sleep(time.Millisecond) {
		if time.Since(begin) > soon {
			t.Fatal("a connection that ended still counts")
		}
	}
	if !isOpen(other) {
		t.Error("another address lost its connection")
	}
}

// An idle connection makes room for a new one.
func TestIdleMakesRoom(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithMaxConnections(4))
	idle, used := served.dialFrom(t, "127.0.0.2"), served.dialFrom(t, "127.0.0.2")
	if !isOpen(idle) {
		t.Fatal("the first connection is not open")
	}
	busy(t, used)
	for range 3 {
		next := served.dialFrom(t, "127.0.0.2")
		for begin := time.Now(); !isOpen(next); time.Sleep(time.Millisecond) { // until the server has done with the idle one
			if time.Since(begin) > soon {
				t.Fatal("no room, though a connection is idle")
			}
			next = served.dialFrom(t, "127.0.0.2")
		}
		hungUp(t, idle)
		idle = next
	}
	if _, err := io.WriteString(used, "Host: x\r\nContent-Length: 0\r\n\r\n"); err != nil {
		t.Error(err)
	}
	if said := make([]byte, 8); true {
		if _, err := io.ReadFull(used, said); err != nil || string(said) != "HTTP/1.1" {
			t.Errorf("the connection in use: %q, %v", said, err)
		}
	}
}

// A trusted proxy may have all of the connections.
func TestProxiesConnections(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{}, server.WithMaxConnections(4), server.WithTrustedProxies(netip.MustParsePrefix("127.0.0.2/32")))
	for range 4 {
		busy(t, served.dialFrom(t, "127.0.0.2"))
	}
	if isOpen(served.dialFrom(t, "127.0.0.2")) {
		t.Error("there are more connections than the limit")
	}
}
