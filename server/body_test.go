package server

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"testing"
	"testing/iotest"
)

// FuzzEnvelopes holds that a stream is read as it is, however it comes in parts, up
// to the first message that is larger than the limit.
func FuzzEnvelopes(f *testing.F) {
	const limit = 8
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0, 0, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9})
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
