package server

import (
	"bytes"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// A new connection takes the place of an idle one whose client reads nothing, and neither
// the next to be accepted nor the memory of the idle one waits for that client.
func TestEvictionDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		places := unlimited()
		places.most = 1
		accept := func() (server *gathered, client net.Conn) {
			client, accepted := net.Pipe()
			connection, err := gatherWrites(one{accepted}, places, time.Hour).Accept()
			if err != nil {
				t.Fatal(err)
			}
			return connection.(*gathered), client
		}
		idle, stuck := accept()
		go func() { _, _ = io.WriteString(stuck, http2Begins) }()
		if _, err := io.ReadFull(idle, make([]byte, len(http2Begins))); err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(idle, "being written")
		synctest.Wait()
		_, _ = idle.Write(bytes.Repeat([]byte("x"), mostGathered)) // so that a writer waits
		idle.top = idle
		idle.idleSince.Store(1)

		began := time.Now()
		next, client := accept()
		if waited := time.Since(began); waited > 0 {
			t.Errorf("the next connection was accepted after %v", waited)
		}
		time.Sleep(2*lingerTimeout + time.Millisecond)
		synctest.Wait()
		if _, err := stuck.Write([]byte("x")); err == nil {
			t.Error("the idle connection is still open")
		}
		if len(places.open) != 1 {
			t.Errorf("%d connections count", len(places.open))
		}
		_, _ = client.Close(), next.Close()
	})
}
