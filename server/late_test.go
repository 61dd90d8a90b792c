package server_test

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// latest is the environment variable that has the server of each test read and record
// late, by a random time up to its value, as on a machine with much else to do. A test
// that takes for granted that the server has read what was written, or has recorded what
// it answered, fails then.
const latest = "SALLYPORT_TEST_LATE"

// lateness is the value of the variable, 0 without it.
var lateness = sync.OnceValue(func() time.Duration {
	value := os.Getenv(latest)
	most, err := time.ParseDuration(value)
	if value != "" && (err != nil || most <= 0) {
		panic(latest + "=" + value + " is no time")
	}
	return most
})

// beLate waits if the server is to be late.
func beLate() {
	if most := lateness(); most > 0 {
		time.Sleep(rand.N(most))
	}
}

// late returns the listener, or one whose connections are late.
func late(listener net.Listener) net.Listener {
	if lateness() == 0 {
		return listener
	}
	return lateListener{listener}
}

type lateListener struct{ net.Listener }

func (l lateListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &lateConn{Conn: conn}, nil
}

type lateConn struct {
	net.Conn

	reads atomic.Int32
}

// Read returns late what came in first. What is large is not held up all the way.
func (c *lateConn) Read(data []byte) (int, error) {
	n, err := c.Conn.Read(data)
	if c.reads.Add(1) <= 20 {
		beLate()
	}
	return n, err
}

// CloseWrite is for net/http, which asks a connection for it.
func (c *lateConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}
