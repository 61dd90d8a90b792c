package main

import (
	"bytes"
	"encoding/binary"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
)

// A way is one way of calling.
type way struct {
	name        string
	contentType string
	grpc        bool
	http1       bool
	json        bool
	user        string // the account that is named: the owner's is allowed
	code        int    // what each answer's gRPC or HTTP status must be
	// messages, if not zero, says that a call is a bidi stream of so many.
	messages int
	// shared says that the server and h2load have two cores between them, and not one each.
	shared bool
}

var ways = []way{
	{name: "Connect proto, HTTP/1.1", contentType: "application/proto", http1: true, user: owner, code: 200},
	{name: "Connect JSON, HTTP/1.1", contentType: "application/json", http1: true, json: true, user: owner, code: 200},
	{name: "Connect proto, HTTP/2", contentType: "application/proto", user: owner, code: 200},
	{name: "gRPC, HTTP/2", contentType: "application/grpc", grpc: true, user: owner},
	{name: "Connect proto, HTTP/1.1, denied", contentType: "application/proto", http1: true, user: other, code: 403},
	{name: "gRPC, HTTP/2, denied", contentType: "application/grpc", grpc: true, user: other, code: 7},
	bidi,
}

// bidi counts each message of a stream as a call.
var bidi = way{name: "gRPC, messages of bidi streams", contentType: "application/grpc", grpc: true, user: owner, messages: 200}

// reaches reports whether a peer can be called so.
func (w way) reaches(p peer) bool {
	switch {
	case w.grpc && p.noGRPC, !w.grpc && p.grpcOnly, w.messages > 0 && !p.streams:
		return false
	case w.user == other && (p.unchecked || p.telemetry):
		return false
	case p.twirp:
		return w.http1
	default:
		return true
	}
}

// procedure is the path that is called.
func (w way) procedure(p peer) string {
	switch {
	case p.twirp:
		return twirpPath
	case w.messages > 0:
		return writeNotes
	default:
		return writeNote
	}
}

// headers are those of a request. Twirp has a name of its own for protobuf.
func (w way) headers(p peer, token string) [][2]string {
	contentType := w.contentType
	if p.twirp && !w.json {
		contentType = "application/protobuf"
	}
	headers := [][2]string{{"Content-Type", contentType}, {"Authorization", token}}
	if w.grpc {
		headers = append(headers, [2]string{"Te", "trailers"})
	}
	return headers
}

// body is a request as it goes over the wire: of a stream, all its messages.
func (w way) body(request *benchv1.WriteNoteRequest) ([]byte, error) {
	if w.json {
		return protojson.Marshal(request)
	}
	message, err := proto.Marshal(request)
	if err != nil || !w.grpc {
		return message, err
	}
	framed := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...) //nolint:gosec // it is short
	return bytes.Repeat(framed, max(1, w.messages)), nil
}

// request is what the way's calls send.
func (w way) request() *benchv1.WriteNoteRequest {
	request := proto.CloneOf(note)
	request.UserId = w.user
	return request
}
