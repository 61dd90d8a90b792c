package server

import (
	"net"
	"time"
)

// A deadline is by when one direction of a connection must be done. net/http and the
// limits of a request set it several times for each call on HTTP/1, and each time costs
// the network a timer, so the network learns of it only when that can make a difference.
// The zero Time is never.
type deadline struct {
	wanted time.Time // as it was set last
	armed  time.Time // as the network has it
}

// differs reports whether the network has another deadline than it should.
func (d *deadline) differs() bool { return !d.armed.Equal(d.wanted) }

// isEarlier reports whether the deadline is before the one that the network has.
func (d *deadline) isEarlier() bool {
	return !d.wanted.IsZero() && (d.armed.IsZero() || d.wanted.Before(d.armed))
}

// hasPassed reports whether it is too late.
func (d *deadline) hasPassed() bool { return !d.wanted.IsZero() && !time.Now().Before(d.wanted) }

// tell tells the network.
func (d *deadline) tell(set func(time.Time) error) error {
	d.armed = d.wanted
	return set(d.wanted)
}

// receive reads from the network. The network learns of the read deadline before, if it
// was set since.
func (c *gathered) receive(data []byte) (int, error) {
	if err := c.beginRead(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(data)
	c.mu.Lock()
	c.reads--
	c.mu.Unlock()
	return n, err
}

// A receiver is a connection whose bytes are read as they come from the network.
type receiver struct{ *gathered }

// Read implements [io.Reader].
func (r receiver) Read(data []byte) (int, error) { return r.receive(data) }

func (c *gathered) beginRead() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads++
	if c.closed || !c.reading.differs() {
		return nil // a closed connection has the deadline that ends its reads
	}
	if err := c.reading.tell(c.Conn.SetReadDeadline); err != nil {
		c.reads--
		return err
	}
	return nil
}

// SetReadDeadline implements [net.Conn]. The network learns of it at once if something
// reads, and else when something does.
func (c *gathered) SetReadDeadline(at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.reading.wanted = at
	if c.reads == 0 || !c.reading.differs() {
		return nil
	}
	return c.reading.tell(c.Conn.SetReadDeadline)
}

// transmit writes to the network until the write deadline. The network may have an
// earlier one, from the call before: then it learns of the later one when that passes.
func (c *gathered) transmit(data []byte) (n int, err error) {
	for {
		written, err := c.Conn.Write(data[n:])
		n += written
		if n == len(data) || !isTimeout(err) || !c.mayWriteOn() {
			return n, err
		}
	}
}

// mayWriteOn reports whether the deadline that has passed was not the one that was set
// last, and tells the network of that one.
func (c *gathered) mayWriteOn() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.closed && !c.writing.hasPassed() && c.writing.tell(c.Conn.SetWriteDeadline) == nil
}

// SetWriteDeadline implements [net.Conn]. On HTTP/2 the timeout of the listener holds.
func (c *gathered) SetWriteDeadline(at time.Time) error {
	if c.gathers.Load() {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return net.ErrClosed
	}
	c.writing.wanted = at
	if !c.writing.isEarlier() {
		return nil
	}
	return c.writing.tell(c.Conn.SetWriteDeadline)
}

// SetDeadline implements [net.Conn].
func (c *gathered) SetDeadline(at time.Time) error {
	if err := c.SetReadDeadline(at); err != nil {
		return err
	}
	return c.SetWriteDeadline(at)
}
