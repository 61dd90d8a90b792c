package server_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"testing"
)

// The frames of HTTP/2 (RFC 9113, section 6) that the tests need, and two of its
// error codes (section 7).
const (
	frameData        = 0x0
	frameHeaders     = 0x1
	frameReset       = 0x3
	frameSettings    = 0x4
	frameGoAway      = 0x7
	frameContinue    = 0x9
	flagEndStream    = 0x1
	flagEndHeaders   = 0x4
	flagAcknowledge  = 0x1
	codeProtocol     = 0x1
	codeRefused      = 0x7
	settingWindow    = 0x4
	statusOK         = 0x88 // ":status: 200" in HPACK's static table
	framePrefixBytes = 9
)

// A frame is a frame of HTTP/2.
type frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

// frames writes and reads HTTP/2 as no client of Go's would.
type frames struct {
	t *testing.T
	net.Conn
}

// dialFrames connects with prior knowledge. The settings are pairs of a name and a
// value.
func (s *served) dialFrames(t *testing.T, settings ...uint32) frames {
	t.Helper()
	frames := frames{t, s.dial(t)}
	if _, err := frames.Write([]byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	var payload []byte
	for i := 0; i < len(settings); i += 2 {
		payload = binary.BigEndian.AppendUint16(payload, uint16(settings[i]))
		payload = binary.BigEndian.AppendUint32(payload, settings[i+1])
	}
	frames.send(frame{kind: frameSettings, payload: payload})
	return frames
}

func (f frames) try(frame frame) error {
	size := len(frame.payload)
	raw := []byte{byte(size >> 16), byte(size >> 8), byte(size), frame.kind, frame.flags}
	raw = binary.BigEndian.AppendUint32(raw, frame.stream)
	_, err := f.Write(append(raw, frame.payload...))
	return err
}

func (f frames) send(frame frame) {
	f.t.Helper()
	if err := f.try(frame); err != nil {
		f.t.Fatal(err)
	}
}

// next returns the next frame of the wanted kinds. Settings are acknowledged on the
// way.
func (f frames) next(kinds ...byte) (frame, error) {
	for {
		var prefix [framePrefixBytes]byte
		if _, err := io.ReadFull(f.Conn, prefix[:]); err != nil {
			return frame{}, fmt.Errorf("no frame: %w", err)
		}
		got := frame{kind: prefix[3], flags: prefix[4], stream: binary.BigEndian.Uint32(prefix[5:])}
		got.payload = make([]byte, int(prefix[0])<<16|int(prefix[1])<<8|int(prefix[2]))
		if _, err := io.ReadFull(f.Conn, got.payload); err != nil {
			return frame{}, fmt.Errorf("no payload: %w", err)
		}
		if got.kind == frameSettings && got.flags&flagAcknowledge == 0 {
			if err := f.try(frame{kind: frameSettings, flags: flagAcknowledge}); err != nil {
				return frame{}, err
			}
		}
		if bytes.IndexByte(kinds, got.kind) >= 0 {
			return got, nil
		}
	}
}

// header encodes header fields, given as names and values, without compression.
func header(fields ...string) []byte {
	var block []byte
	for i := 0; i < len(fields); i += 2 {
		block = append(block, 0) // a literal that is not put into the table
		for _, text := range fields[i : i+2] {
			block = append(integer(block, len(text)), text...)
		}
	}
	return block
}

// integer appends a number as HPACK writes it with a prefix of seven bits.
func integer(block []byte, number int) []byte {
	const full = 1<<7 - 1
	if number < full {
		return append(block, byte(number))
	}
	block = append(block, full)
	for number -= full; number >= 1<<7; number >>= 7 {
		block = append(block, byte(number)|1<<7)
	}
	return append(block, byte(number))
}

// post is the header of a call by gRPC.
func (s *served) post(path string, more ...string) []byte {
	return header(append([]string{":method", "POST", ":scheme", "http", ":path", path, ":authority", s.address,
		"content-type", "application/grpc", "te", "trailers", "authorization", "Bearer admin"}, more...)...)
}
