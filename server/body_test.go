package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// FuzzEnvelopes holds that a stream is read as it is, however it comes in parts, up
// to the first message that is larger than the limit.
func FuzzEnvelopes(f *testing.F) {
	const limit = 8
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte{0, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9})
	f.Add([]byte{0, 0, 0, 0, 1, 7, 2, 0xff, 0xff, 0xff, 0xff, 1, 2, 3})
	f.Fuzz(func(t *testing.T, data []byte) {
		want, large := data, false
		for at := 0; len(data)-at >= envelopeBytes; {
			size := binary.BigEndian.Uint32(data[at+1:])
			at += envelopeBytes
			if size > limit {
				want, large = data[:at], true
				break
			}
			at += int(size)
			if at > len(data) {
				break
			}
		}
		charge := &charge{budget: newBudget(1 << 20)}
		stream := &envelopes{body: &body{charge: charge, ReadCloser: io.NopCloser(iotest.OneByteReader(bytes.NewReader(data)))}, limit: limit}
		if got, err := io.ReadAll(stream); !bytes.Equal(got, want) || large != errors.Is(err, errLarge) {
			t.Errorf("one byte at a time: read %v with %v, want %v, too large: %t", got, err, want, large)
		}
		// In one piece, what was read together with a prefix comes along.
		stream = &envelopes{body: &body{charge: charge, ReadCloser: io.NopCloser(bytes.NewReader(data))}, limit: limit}
		if got, err := io.ReadAll(stream); !bytes.HasPrefix(got, want) || large != errors.Is(err, errLarge) {
			t.Errorf("in one piece: read %v with %v, want %v, too large: %t", got, err, want, large)
		}
	})
}

// As much is read of a request as a message may have, also where its length says that
// there is less and something has put another body in its place.
func TestBoundBody(t *testing.T) {
	t.Parallel()
	const most = 100
	for name, length := range map[string]int64{"in chunks": -1, "of another length": 3, "of a longer one": most + 100} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, size := range []int{most + envelopeBytes, most + envelopeBytes + 1} {
				request := httptest.NewRequest(http.MethodPost, "/", io.NopCloser(strings.NewReader(strings.Repeat("x", size))))
				request.ContentLength = length
				limits, bounded := limits{messageBytes: most, read: time.Minute}, body{}
				if !limits.boundBody(&bounded, httptest.NewRecorder(), request, nil, false) {
					t.Fatal("there is no body")
				}
				data, err := io.ReadAll(request.Body)
				if fits := size <= most+envelopeBytes; fits != (err == nil) || fits && len(data) != size {
					t.Errorf("of %d bytes %d are read, with %v", size, len(data), err)
				}
				if len(data) > most+envelopeBytes {
					t.Errorf("%d bytes are read", len(data))
				}
			}
		})
	}
}

// Of a request without a body there is nothing to read, and nothing is put in its place.
func TestNoBody(t *testing.T) {
	t.Parallel()
	for name, none := range map[string]io.ReadCloser{"nil": nil, "empty": http.NoBody} {
		request := httptest.NewRequest(http.MethodGet, "/", nil)
		request.Body = none
		limits := limits{messageBytes: 1, read: time.Minute}
		if limits.boundBody(new(body), httptest.NewRecorder(), request, nil, false) || request.Body != none {
			t.Errorf("%s: there is a body: %v", name, request.Body)
		}
	}
}

// What is read of a message is charged until there is no more of it, and what has no room
// is not read.
func TestReadIsCharged(t *testing.T) {
	t.Parallel()
	read := func(limit int64, data string) (held int64, err error) {
		charge := &charge{budget: newBudget(limit)}
		stream := &envelopes{body: &body{charge: charge, ReadCloser: io.NopCloser(strings.NewReader(data))}, limit: 1 << 20}
		_, err = io.ReadAll(stream)
		return charge.held, err
	}
	const begun = "\x00\x00\x00\x00\x05abc"
	if held, err := read(1<<20, begun); err != nil || held != granule {
		t.Errorf("a message that has begun holds %d: %v", held, err)
	}
	// No codec sees a message without content, so what it took is free at once.
	if held, err := read(1<<20, "\x00\x00\x00\x00\x00"); err != nil || held != 0 {
		t.Errorf("a message without content holds %d: %v", held, err)
	}
	if held, err := read(granule, begun); !errors.Is(err, errBusy) || held != 0 {
		t.Errorf("without room %d are held: %v", held, err)
	}
}
