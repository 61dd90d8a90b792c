package main

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/protobuf/proto"

	abusev1 "github.com/sallyport-rpc/sallyport/gen/test/abuse/v1"
)

const (
	spend = "/test.abuse.v1.AbuseService/Spend"
	flood = "/test.abuse.v1.AbuseService/Flood"
)

// An attack is one way to make a server spend.
type attack struct {
	name string
	// connect attacks over one connection until the attack's context ends.
	connect func(*attacker)
	// unanswered says that the attack waits for no answer.
	unanswered bool
	// native says that the attack comes by the port for gRPC.
	native bool
}

// attacks returns all of them. Each sends the largest message that there may be, or as
// many elements.
func attacks() []attack {
	const most = 4 << 20
	long := strings.Repeat("9", most-100)
	number := pack([]byte(`{"number": ` + long + `}`))
	empty := bytes.Repeat([]byte{0x22, 0x00}, most/2) // items: {}
	many := &abusev1.SpendRequest{}
	for range 99_000 {
		many.Items = append(many.Items, &abusev1.Item{})
	}
	ids := bytes.Repeat([]byte{0x12, 0x01, 'x'}, 99_000)
	fewIDs := bytes.Repeat([]byte{0x1a, 0x01, 'x'}, 99_000)
	spans := &abusev1.SpendRequest{}
	for i := range int64(99_000) {
		spans.Spans = append(spans.Spans, &abusev1.Span{From: 2 * i, To: 2*i + 1})
	}
	objects := []byte(`{"items": [` + strings.TrimSuffix(strings.Repeat("{},", most/3-10), ",") + `]}`)
	email := marshal(&abusev1.SpendRequest{Email: strings.Repeat("a@", most/2-10)})
	return []attack{
		{name: "echo, JSON", connect: posts("json", number)},
		{name: "echo, GET", connect: gets("json", number)},
		{name: "echo, gRPC trailers", connect: calls("grpc+json", number)},
		{name: "echo, gRPC-Web", connect: calls("grpc-web+json", number)},
		{name: "violations", connect: posts("proto", pack(ids))},
		{name: "violations, gRPC", connect: calls("grpc+proto", pack(ids))},
		{name: "violations, max_items", connect: posts("proto", pack(fewIDs))},
		{name: "elements, binary", connect: posts("proto", pack(empty))},
		{name: "elements, JSON", connect: posts("json", pack(objects))},
		{name: "elements, within", connect: posts("proto", pack(marshal(many)))},
		{name: "cost, CEL", connect: posts("proto", pack(marshal(spans)))},
		{name: "cost, pattern", connect: posts("proto", pack(email))},
		{name: "no gzip", connect: posts("proto", make([]byte, 1000))},
		{name: "250 streams at once", connect: streams(pack(empty))},
		{name: "bodies held", connect: holds(most), unanswered: true},
		{name: "nothing read", connect: floods("application/connect+proto"), unanswered: true},
		{name: "violations, gRPC's port", connect: calls("grpc+proto", pack(ids)), native: true},
		{name: "elements, gRPC's port", connect: calls("grpc+proto", pack(empty)), native: true},
		{name: "250 streams, gRPC's port", connect: streams(pack(empty)), native: true},
		{name: "nothing read, gRPC's port", connect: floods("application/grpc"), unanswered: true, native: true},
	}
}

func marshal(message proto.Message) []byte {
	data, err := proto.Marshal(message)
	if err != nil {
		panic(err) // the message is our own
	}
	return data
}

func pack(data []byte) []byte {
	var packed bytes.Buffer
	writer, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = writer.Write(data)
	}
	if err == nil {
		err = writer.Close()
	}
	if err != nil {
		panic(err) // it is written to memory
	}
	return packed.Bytes()
}

// posts sends a compressed message by the Connect protocol, one after the other.
func posts(kind string, packed []byte) func(*attacker) {
	return func(a *attacker) {
		client := a.client(1)
		for a.on() {
			request, _ := http.NewRequestWithContext(a.calls, http.MethodPost, a.url+spend, bytes.NewReader(packed))
			request.Header.Set("Content-Type", "application/"+kind)
			request.Header.Set("Content-Encoding", "gzip")
			a.do(client, request)
		}
	}
}

// gets sends a compressed message in a URL, as an image in a page could.
func gets(kind string, packed []byte) func(*attacker) {
	query := url.Values{"connect": {"v1"}, "encoding": {kind}, "base64": {"1"}, "compression": {"gzip"},
		"message": {base64.RawURLEncoding.EncodeToString(packed)}}
	return func(a *attacker) {
		client := a.client(1)
		for a.on() {
			request, _ := http.NewRequestWithContext(a.calls, http.MethodGet, a.url+spend+"?"+query.Encode(), nil)
			a.do(client, request)
		}
	}
}

// calls sends a compressed message by gRPC or gRPC-Web.
func calls(protocol string, packed []byte) func(*attacker) {
	return func(a *attacker) {
		client := a.client(2)
		for a.on() {
			a.do(client, a.enveloped(protocol, packed))
		}
	}
}

// streams sends a compressed message on as many streams of one connection as there may
// be at a time.
func streams(packed []byte) func(*attacker) {
	return func(a *attacker) {
		client := a.client(2)
		const most = 250
		places := make(chan struct{}, most)
		for a.on() {
			places <- struct{}{}
			go func() {
				defer func() { <-places }()
				a.do(client, a.enveloped("grpc+proto", packed))
			}()
		}
		for range most {
			places <- struct{}{}
		}
	}
}

// holds sends all of a large message but its end, on several streams, and waits.
func holds(size int) func(*attacker) {
	return func(a *attacker) {
		client := a.client(2)
		const most = 100
		done := make(chan struct{}, most)
		for range most {
			go func() {
				defer func() { done <- struct{}{} }()
				body := &held{left: size - 10, until: a.ctx.Done()}
				request, _ := http.NewRequestWithContext(a.ctx, http.MethodPost, a.url+spend, body)
				request.Header.Set("Content-Type", "application/proto")
				a.do(client, request)
			}()
		}
		for range most {
			<-done
		}
	}
}

// held is a body that does not end.
type held struct {
	left  int
	until <-chan struct{}
}

// Read returns zeros, and then waits.
func (h *held) Read(data []byte) (int, error) {
	if h.left == 0 {
		<-h.until
		return 0, http.ErrBodyReadAfterClose
	}
	n := min(len(data), h.left)
	h.left -= n
	return n, nil
}

// enveloped returns a call by gRPC or gRPC-Web with a compressed message.
func (a *attacker) enveloped(protocol string, packed []byte) *http.Request {
	body := binary.BigEndian.AppendUint32([]byte{1}, uint32(len(packed))) //nolint:gosec // a few kilobytes
	request, _ := http.NewRequestWithContext(a.calls, http.MethodPost, a.url+spend, bytes.NewReader(append(body, packed...)))
	request.Header.Set("Content-Type", "application/"+protocol)
	request.Header.Set("Grpc-Encoding", "gzip")
	return request
}

// floods opens as many streams as there may be on one connection, as one principal,
// and reads nothing. It writes HTTP/2 by hand: a client of Go's would read.
func floods(contentType string) func(*attacker) {
	return func(a *attacker) { a.flood(contentType) }
}

func (a *attacker) flood(contentType string) {
	conn, err := a.dial()
	if err != nil {
		a.fail(err)
		return
	}
	defer func() { _ = conn.Close() }()
	frames := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	// A stream may send this much before it waits for the client.
	const window = 64 << 10
	frames = appendFrame(frames, 4, 0, 0, binary.BigEndian.AppendUint32([]byte{0, 4}, window))
	message := make([]byte, 5) // an envelope without content
	for i := range uint32(250) {
		var headers []byte
		for _, field := range [][2]string{
			{":method", "POST"}, {":scheme", "http"}, {":authority", "abuse"}, {":path", flood},
			{"content-type", contentType}, {"authorization", "Bearer auditor"},
		} {
			headers = appendField(headers, field[0], field[1])
		}
		stream := 2*i + 1
		frames = appendFrame(frames, 1, 4, stream, headers)
		frames = appendFrame(frames, 0, 1, stream, message)
	}
	if _, err := conn.Write(frames); err != nil {
		a.fail(fmt.Errorf("open streams: %w", err))
		return
	}
	a.counts.calls.Add(250)
	<-a.ctx.Done()
}

// appendFrame appends a frame of HTTP/2 (RFC 9113, section 4.1).
func appendFrame(frames []byte, kind, flags byte, stream uint32, payload []byte) []byte {
	size := binary.BigEndian.AppendUint32(nil, uint32(len(payload))) //nolint:gosec // a frame of ours is short
	frames = append(append(frames, size[1:]...), kind, flags)
	return append(binary.BigEndian.AppendUint32(frames, stream), payload...)
}

// appendField appends a header field that is in no table (RFC 7541, section 6.2.2).
// Name and value are shorter than 127 bytes.
func appendField(headers []byte, name, value string) []byte {
	headers = append(headers, 0, byte(len(name))) //nolint:gosec // said above
	headers = append(headers, name...)
	headers = append(headers, byte(len(value))) //nolint:gosec // said above
	return append(headers, value...)
}
