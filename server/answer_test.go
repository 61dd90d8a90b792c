package server_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

const (
	// mostAnswer is how many bytes an answer that refuses a call may have, headers and
	// trailers included; mostLog how many may be logged for it.
	mostAnswer = 16 << 10
	mostLog    = 4 << 10
)

// A refusedCall is what came back of a call that was refused.
type refusedCall struct {
	code    connect.Code
	bytes   int // of the whole answer
	headers http.Header
	text    string
}

// A wayIn sends one message, as it is, without a client's checks.
type wayIn struct {
	name string
	http int
	make func(url, kind string, packed bool, message []byte) *http.Request
}

func waysIn() []wayIn {
	enveloped := func(protocol, encoding string) func(string, string, bool, []byte) *http.Request {
		return func(url, kind string, packed bool, message []byte) *http.Request {
			prefix := make([]byte, 5)
			if packed {
				prefix[0] = 1
			}
			binary.BigEndian.PutUint32(prefix[1:], uint32(len(message)))
			request, _ := http.NewRequest(http.MethodPost, url, bytes.NewReader(slices.Concat(prefix, message)))
			request.Header.Set("Content-Type", protocol+"+"+kind)
			if packed {
				request.Header.Set(encoding, "gzip")
			}
			return request
		}
	}
	return []wayIn{
		{"Connect", 1, func(url, kind string, packed bool, message []byte) *http.Request {
			request, _ := http.NewRequest(http.MethodPost, url, bytes.NewReader(message))
			request.Header.Set("Content-Type", "application/"+kind)
			if packed {
				request.Header.Set("Content-Encoding", "gzip")
			}
			return request
		}},
		{"Connect GET", 1, func(target, kind string, packed bool, message []byte) *http.Request {
			query := url.Values{"connect": {"v1"}, "encoding": {kind}, "base64": {"1"}, "message": {base64.RawURLEncoding.EncodeToString(message)}}
			if packed {
				query.Set("compression", "gzip")
			}
			request, _ := http.NewRequest(http.MethodGet, target+"?"+query.Encode(), nil)
			return request
		}},
		{"gRPC", 2, enveloped("application/grpc", "Grpc-Encoding")},
		{"gRPC-Web", 1, enveloped("application/grpc-web", "Grpc-Encoding")},
	}
}

// refusal makes a call and takes its answer apart.
func (s *served) refusal(t *testing.T, way wayIn, request *http.Request) refusedCall {
	t.Helper()
	response, err := s.client(t, way.http).Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	call := refusedCall{bytes: len(body), headers: response.Header, text: string(body)}
	for _, headers := range []http.Header{response.Header, response.Trailer} {
		for name, values := range headers {
			for _, value := range values {
				call.bytes += len(name) + len(value) + len(": \r\n")
			}
		}
		if status, err := strconv.ParseUint(headers.Get("Grpc-Status"), 10, 32); err == nil {
			call.code, call.text = connect.Code(status), headers.Get("Grpc-Message")
		}
	}
	if response.Header.Get("Content-Type") == "application/json" {
		var answer struct {
			Code connect.Code `json:"code"`
		}
		_ = json.Unmarshal(body, &answer)
		call.code = answer.Code
	}
	return call
}

func pack(data []byte) []byte {
	var packed bytes.Buffer
	writer, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	_, _ = writer.Write(data)
	_ = writer.Close()
	return packed.Bytes()
}

// What a decoder says of a request quotes it. The answer is short all the same.
func TestAnswerDoesNotEcho(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{})
	long := strings.Repeat("9", 3<<20)
	for name, test := range map[string]struct{ kind, message string }{
		"a number":            {"json", `{"pageSize": ` + long + `}`},
		"a text for a number": {"json", `{"pageSize": "` + long + `"}`},
		"a name":              {"json", `{"` + long + ` : 1}`},
		"brackets":            {"json", `{"pageSize": "` + strings.Repeat("<", 1<<20) + `"}`},
		"no UTF-8":            {"json", `{"pageSize": "` + strings.Repeat("\xff", 1<<20) + `"}`},
		"no JSON":             {"json", strings.Repeat("x", 3<<20)},
		"no protobuf":         {"proto", strings.Repeat("\x0f", 3<<20)},
	} {
		for _, way := range waysIn() {
			for _, packed := range []bool{false, true} {
				message := []byte(test.message)
				if packed {
					message = pack(message)
				}
				if way.name == "Connect GET" && len(message) > 40<<10 {
					continue // larger than a header may be
				}
				served.log.take()
				served.take()
				url := served.url + demov1client.AccountServiceListUsersProcedure
				call := served.refusal(t, way, way.make(url, test.kind, packed, message))
				if call.code != connect.CodeInvalidArgument {
					t.Errorf("%s, %s, packed %t: code %v: %.200s", name, way.name, packed, call.code, call.text)
				}
				if call.bytes > mostAnswer {
					t.Errorf("%s, %s, packed %t: %d bytes came back", name, way.name, packed, call.bytes)
				}
				if logged := len(served.log.take()); logged > mostLog {
					t.Errorf("%s, %s, packed %t: %d bytes were logged", name, way.name, packed, logged)
				}
				decisions := served.take()
				if len(decisions) != 1 || len(decisions[0].Reason) > mostLog {
					t.Errorf("%s, %s, packed %t: recorded %.300v", name, way.name, packed, decisions)
				}
			}
		}
	}
	if served.handled.Load() != 0 {
		t.Error("a handler ran")
	}
}

// What connect repeats of a request's head is short as well.
func TestHeadIsNotEchoed(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{})
	procedure := served.url + demov1client.AccountServiceListUsersProcedure
	long := strings.Repeat("<", 20<<10)
	for _, way := range waysIn() {
		for _, name := range quotedHeaders() {
			request := way.make(procedure, "proto", false, nil)
			request.Header.Set(name, long)
			call := served.refusal(t, way, request)
			if call.code != connect.CodeInvalidArgument || call.bytes > mostAnswer {
				t.Errorf("%s, %s: code %v, %d bytes", way.name, name, call.code, call.bytes)
			}
		}
		// The nearest neighbour: an unknown compression with a short name.
		if way.name == "gRPC" {
			request := way.make(procedure, "proto", false, nil)
			request.Header.Set("Grpc-Encoding", "zstd")
			if call := served.refusal(t, way, request); call.code != connect.CodeUnimplemented {
				t.Errorf("%s, an unknown compression: %v", way.name, call.code)
			}
		}
		// A content type that no procedure knows, for one that is not there.
		request := way.make(served.url+"/demo.v1.AccountService/None", "proto", false, nil)
		request.Header.Set("Content-Type", "application/grpc+"+long)
		if call := served.refusal(t, way, request); call.bytes > mostAnswer {
			t.Errorf("%s, a long content type: %d bytes", way.name, call.bytes)
		}
	}
	for _, name := range []string{"compression", "encoding", "connect"} {
		query := url.Values{"connect": {"v1"}, "encoding": {"json"}, "message": {"{}"}}
		query.Set(name, long)
		request, _ := http.NewRequest(http.MethodGet, procedure+"?"+query.Encode(), nil)
		call := served.refusal(t, waysIn()[1], request)
		if call.code != connect.CodeInvalidArgument || call.bytes > mostAnswer {
			t.Errorf("GET, %s: code %v, %d bytes", name, call.code, call.bytes)
		}
	}
	if served.handled.Load() != 0 {
		t.Error("a handler ran")
	}
}

func quotedHeaders() []string {
	return []string{
		"Content-Encoding", "Connect-Content-Encoding", "Grpc-Encoding",
		"Connect-Timeout-Ms", "Grpc-Timeout", "Connect-Protocol-Version",
	}
}

// Malformed is invalid_argument on every way in, and says nothing of Go.
func TestMalformed(t *testing.T) { //nolint:tparallel // they share one server
	t.Parallel()
	served := serve(t, &directory{})
	procedure := served.url + demov1client.AccountServiceListUsersProcedure
	get := func(query string) *http.Request {
		request, _ := http.NewRequest(http.MethodGet, procedure+"?"+query, nil)
		return request
	}
	ways := waysIn()
	post, grpc, web := ways[0], ways[2], ways[3]
	cut := func(way wayIn, off int) *http.Request {
		request := way.make(procedure, "proto", false, []byte{0x08, 0x01})
		body, _ := io.ReadAll(request.Body)
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body[:len(body)-off])), int64(len(body)-off)
		return request
	}
	for name, test := range map[string]struct {
		way     wayIn
		request *http.Request
		fine    bool
	}{
		"GET":                          {ways[1], get("connect=v1&encoding=json&message=%7B%7D"), true},
		"GET, base64":                  {ways[1], get("connect=v1&encoding=proto&base64=1&message=CAE"), true},
		"GET, padded base64":           {ways[1], get("connect=v1&encoding=proto&base64=1&message=CAE%3D"), true},
		"GET, bad base64":              {ways[1], get("connect=v1&encoding=proto&base64=1&message=!!!"), false},
		"GET, base64 cut off":          {ways[1], get("connect=v1&encoding=proto&base64=1&message=CAEAA"), false},
		"GET, two messages":            {ways[1], get("connect=v1&encoding=json&message=%7B%7D&message=%7B%7D"), false},
		"GET, two encodings":           {ways[1], get("connect=v1&encoding=json&encoding=proto&message=%7B%7D"), false},
		"GET, two of another":          {ways[1], get("connect=v1&encoding=json&message=%7B%7D&x=1&x=2"), false},
		"GET, a bad escape":            {ways[1], get("connect=v1&encoding=json&message=%7B%7D&x=%zz"), false},
		"GET, a semicolon":             {ways[1], get("connect=v1&encoding=json&message=%7B%7D;x=1"), false},
		"GET, bad gzip":                {ways[1], get("connect=v1&encoding=proto&base64=1&compression=gzip&message=CAE"), false},
		"gzip":                         {post, post.make(procedure, "proto", true, pack([]byte{0x08, 0x01})), true},
		"bad gzip":                     {post, post.make(procedure, "proto", true, []byte("no gzip")), false},
		"gzip cut off":                 {post, post.make(procedure, "proto", true, pack([]byte{0x08, 0x01})[:20]), false},
		"gzip with a bad checksum":     {post, post.make(procedure, "proto", true, append(pack([]byte{0x08, 0x01})[:22], "checksum"...)), false},
		"bad gzip in gRPC":             {grpc, grpc.make(procedure, "proto", true, []byte("no gzip")), false},
		"an envelope":                  {grpc, cut(grpc, 0), true},
		"an envelope cut off":          {grpc, cut(grpc, 1), false},
		"a prefix cut off":             {grpc, cut(grpc, 4), false},
		"an envelope cut off, Web":     {web, cut(web, 1), false},
		"a prefix cut off, Web":        {web, cut(web, 4), false},
		"nothing at all, JSON":         {post, post.make(procedure, "json", false, nil), false},
		"nothing at all, binary":       {post, post.make(procedure, "proto", false, nil), true},
		"JSON of another shape":        {post, post.make(procedure, "json", false, []byte(`[]`)), false},
		"a field of another wire type": {post, post.make(procedure, "proto", false, []byte{0x0b}), false},
	} {
		t.Run(name, func(t *testing.T) {
			test.request.Header.Set("Authorization", "Bearer admin")
			served.take()
			before := served.handled.Load()
			call := served.refusal(t, test.way, test.request)
			if ran := served.handled.Load() > before; ran != test.fine {
				t.Errorf("the handler ran: %t", ran)
			}
			if test.fine {
				if call.code != 0 {
					t.Errorf("code %v: %s", call.code, call.text)
				}
				return
			}
			if call.code != connect.CodeInvalidArgument {
				t.Errorf("code %v: %s", call.code, call.text)
			}
			for _, leak := range []string{"illegal base64", "EOF", "flate:", "http:", "0x"} {
				if strings.Contains(call.text, leak) {
					t.Errorf("the answer has %q: %s", leak, call.text)
				}
			}
		})
	}
}
