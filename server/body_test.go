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
		for name, reader := range map[string]io.Reader{
			"one byte at a time": iotest.OneByteReader(bytes.NewReader(data)),
			"the end with data":  iotest.DataErrReader(iotest.OneByteReader(bytes.NewReader(data))),
		} {
			stream := &envelopes{
				body:  &body{ReadCloser: io.NopCloser(reader)},
				limit: limit,
			}
			got, err := io.ReadAll(stream)
			if !bytes.Equal(got, want) || large != errors.Is(err, errLarge) {
				t.Errorf("%s: read %v with %v, want %v, too large: %t", name, got, err, want, large)
			}
		}
		// In one piece, what was read with the prefix comes along.
		stream := &envelopes{
			body:  &body{ReadCloser: io.NopCloser(bytes.NewReader(data))},
			limit: limit,
		}
		if _, err := io.ReadAll(stream); large != errors.Is(err, errLarge) {
			t.Errorf("in one piece: %v, too large: %t", err, large)
		}
	})
}
