package grpcserver_test

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/sallyport-rpc/sallyport/server"
)

// The frames of HTTP/2 (RFC 9113, section 6) that these tests send and look for.
const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameGoAway = 0, 1, 3, 4, 6, 7

	flagEndStream, flagEndHeaders = 1, 4
)

// A rawConn is a connection of a client that does as it likes.
type rawConn struct {
	net.Conn

	t *testing.T
}

// dialRaw begins HTTP/2 on the gRPC port. The server may send so much on a stream.
func (s *served) dialRaw(t *testing.T, window uint32) *rawConn {
	t.Helper()
	conn, err := net.Dial("tcp", s.native)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(soon)); err != nil {
		t.Fatal(err)
	}
	raw := &rawConn{conn, t}
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	raw.send(frameSettings, 0, 0, binary.BigEndian.AppendUint32([]byte{0, 4}, window))
	return raw
}

// try sends a frame.
func (r *rawConn) try(kind, flags byte, stream uint32, payload []byte) error {
	head := binary.BigEndian.AppendUint32(nil, uint32(len(payload)))[1:]
	head = binary.BigEndian.AppendUint32(append(head, kind, flags), stream)
	_, err := r.Write(append(head, payload...))
	return err
}

func (r *rawConn) send(kind, flags byte, stream uint32, payload []byte) {
	r.t.Helper()
	if err := r.try(kind, flags, stream, payload); err != nil {
		r.t.Fatal(err)
	}
}

// next returns the next frame of one of these kinds.
func (r *rawConn) next(kinds ...byte) (kind byte, stream uint32, payload []byte, err error) {
	for {
		var head [9]byte
		if _, err := io.ReadFull(r, head[:]); err != nil {
			return 0, 0, nil, err
		}
		payload := make([]byte, binary.BigEndian.Uint32(append([]byte{0}, head[:3]...)))
		if _, err := io.ReadFull(r, payload); err != nil {
			return 0, 0, nil, err
		}
		if slices.Contains(kinds, head[3]) {
			return head[3], binary.BigEndian.Uint32(head[5:]), payload, nil
		}
	}
}

// fields encodes header fields without compression (RFC 7541, section 6.2.2).
func fields(pairs ...string) []byte {
	var block []byte
	for i, text := range pairs {
		if i%2 == 0 {
			block = append(block, 0)
		}
		if len(text) < 127 {
			block = append(block, byte(len(text)))
		} else {
			block = append(block, 127)
			rest := len(text) - 127
			for ; rest >= 128; rest >>= 7 {
				block = append(block, byte(rest)|128)
			}
			block = append(block, byte(rest))
		}
		block = append(block, text...)
	}
	return block
}

// head is the header of a call.
func head(procedure string, header ...string) []byte {
	return fields(append([]string{":method", "POST", ":scheme", "http", ":path", procedure, ":authority", "x", "content-type", "application/grpc", "te", "trailers"}, header...)...)
}

// tryOpen begins a call and sends its one message.
func (r *rawConn) tryOpen(stream uint32, procedure string, message []byte, header ...string) error {
	return errors.Join(
		r.try(frameHeaders, flagEndHeaders, stream, head(procedure, header...)),
		r.try(frameData, flagEndStream, stream, message))
}

func (r *rawConn) open(stream uint32, procedure string, message []byte, header ...string) {
	r.t.Helper()
	if err := r.tryOpen(stream, procedure, message, header...); err != nil {
		r.t.Fatal(err)
	}
}

// framed puts gRPC's prefix before a message.
func framed(flags byte, message []byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(message))), message...)
}

// TestRawParity sends what no client of gRPC sends, by both ports, and compares the code
// and the message of the answer, and what is recorded.
func TestRawParity(t *testing.T) {
	t.Parallel()
	message := encode(t, sound)
	var packed bytes.Buffer
	writer := gzip.NewWriter(&packed)
	_, _ = writer.Write(message)
	_ = writer.Close()
	broken := slices.Clone(packed.Bytes())
	broken[len(broken)-6] ^= 0xff
	gzipped := map[string]string{"Grpc-Encoding": "gzip"}
	for name, test := range map[string]struct {
		body   []byte
		header map[string]string
	}{
		"sound":                        {framed(0, message), nil},
		"identity":                     {framed(0, message), map[string]string{"Grpc-Encoding": "identity"}},
		"compressed":                   {framed(1, packed.Bytes()), gzipped},
		"not compressed, though named": {framed(0, message), gzipped},
		"nothing":                      {nil, nil},
		"two messages":                 {append(framed(0, message), framed(0, message)...), nil},
		"prefix cut":                   {framed(0, message)[:3], nil},
		"message cut":                  {framed(0, message)[:8], nil},
		"second prefix cut":            {append(framed(0, message), 0, 0), nil},
		"4 GiB promised":               {[]byte{0, 0xff, 0xff, 0xff, 0xff, 1}, nil},
		"one byte too large":           {framed(0, make([]byte, 1<<20+1)), nil},
		"unknown flags":                {framed(2, message), nil},
		"trailer of gRPC-Web":          {framed(128, message), nil},
		"compressed by nothing":        {framed(1, message), nil},
		"broken gzip":                  {framed(1, broken), gzipped},
		"no gzip":                      {framed(1, message), gzipped},
		"cut gzip":                     {framed(1, packed.Bytes()[:12]), gzipped},
		"long name of a compression":   {framed(0, message), map[string]string{"Grpc-Encoding": "identity"}},
		"JSON":                         {framed(0, []byte(`{"owner":"alice"}`)), map[string]string{"Content-Type": "application/grpc+json"}},
		"JSON that is none":            {framed(0, message), map[string]string{"Content-Type": "application/grpc+json"}},
		"JSON of no length":            {framed(0, nil), map[string]string{"Content-Type": "application/grpc+json"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := serve(t, &handlers{unary: answer}, server.WithMaxMessageBytes(1<<20))
			before := served.post(t, served.address, test.body, test.header)
			native := served.post(t, served.native, test.body, test.header)
			if diff := cmp.Diff(before, native, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("net/http (-) and the gRPC port (+) differ:\n%s", diff)
			}
		})
	}
}

// post sends a body as gRPC and returns what is seen of the answer.
func (s *served) post(t *testing.T, address string, body []byte, header map[string]string) outcome {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DisableCompression: true}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+address+unaryService+"Own", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/grpc")
	request.Header.Set("TE", "trailers")
	request.Header.Set("Authorization", "Bearer alice editor")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	ran := s.ran.Load()
	response, err := (&http.Client{Transport: transport, Timeout: soon}).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answered, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := outcome{Code: response.Trailer.Get("Grpc-Status"), Message: response.Trailer.Get("Grpc-Message")}
	if got.Code == "" { // an answer without a message
		got.Code, got.Message = response.Header.Get("Grpc-Status"), response.Header.Get("Grpc-Message")
	}
	if len(answered) > 0 {
		got.Responses = []string{string(answered)}
	}
	if strings.Contains(got.Message, "larger than configured max") {
		got.Message = "larger than configured max" // net/http's port may not know the size
	}
	events := 1
	if got.Code == "0" {
		events = 2
	}
	for _, kept := range s.take(t, events) {
		got.Events = append(got.Events, kept.Kind.String()+" "+kept.Code.String()+" "+kept.Reason)
	}
	got.Ran = s.ran.Load() - ran
	return got
}
