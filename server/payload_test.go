package server_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
	"github.com/sallyport-rpc/sallyport/server"
)

const getUser = demov1client.AccountServiceGetUserProcedure

// send sends one message and returns the status and the body of the answer.
func (s *served) send(t *testing.T, client *http.Client, path string, body io.Reader, headers ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequest(http.MethodPost, s.url+path, body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Authorization", "Bearer admin")
	for i := 0; i < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if status := response.Trailer.Get("Grpc-Status"); status != "" {
		return response.StatusCode, "grpc-status " + status + ": " + response.Trailer.Get("Grpc-Message")
	}
	return response.StatusCode, string(answer)
}

// JSON that says two things, or nothing, is invalid.
func TestAmbiguousJSON(t *testing.T) {
	t.Parallel()
	const id = `"5f0c3a4e-7d4b-4a39-9c35-1b4f0e6f9d11"`
	served := serve(t, &directory{})
	client := served.client(t, 1)
	for body, want := range map[string]int{
		`{"userId":` + id + `}`:                      http.StatusOK,
		`{"user_id":` + id + `}`:                     http.StatusOK,
		`{"userId":` + id + `,"userId":` + id + `}`:  http.StatusBadRequest,
		`{"userId":` + id + `,"user_id":` + id + `}`: http.StatusBadRequest,
		`{"user_id":"x","userId":` + id + `}`:        http.StatusBadRequest,
		`{"userId":"x","user\u0049d":` + id + `}`:    http.StatusBadRequest,
		`{"userId":null}`:                            http.StatusBadRequest,
		`{"userId":` + id + `,"user_id":null}`:       http.StatusBadRequest,
		`{"userId":[` + id + `]}`:                    http.StatusBadRequest,
		`{"userId":{}}`:                              http.StatusBadRequest,
		`{"userId":1}`:                               http.StatusBadRequest,
		`{"USERID":` + id + `}`:                      http.StatusBadRequest,
		`{}`:                                         http.StatusBadRequest,
		`[]`:                                         http.StatusBadRequest,
		`null`:                                       http.StatusBadRequest,
		``:                                           http.StatusBadRequest,
		`{"userId":` + id + ``:                       http.StatusBadRequest,
		`{"userId":` + id + `}{"userId":` + id + `}`:   http.StatusBadRequest,
		`{"userId":` + id + `} x`:                      http.StatusBadRequest,
		`{"userId":` + id + `,}`:                       http.StatusBadRequest,
		`{'userId':` + id + `}`:                        http.StatusBadRequest,
		`{"userId":"\ud800"}`:                          http.StatusBadRequest,
		"{\"userId\":\"\xff\"}":                        http.StatusBadRequest,
		"\xef\xbb\xbf{\"userId\":" + id + "}":          http.StatusBadRequest,
		"{\"userId\":" + id + "}\x00":                  http.StatusBadRequest,
		`{"userId":` + id + `,"unknown":"is ignored"}`: http.StatusOK,
	} {
		before := served.handled.Load()
		status, answer := served.send(t, client, getUser, strings.NewReader(body))
		if status != want {
			t.Errorf("%q: status %d, want %d: %s", body, status, want, answer)
		}
		if ran := served.handled.Load() > before; ran != (want == http.StatusOK) {
			t.Errorf("%q: the handler ran: %t", body, ran)
		}
		if want == http.StatusBadRequest && !strings.Contains(answer, `"invalid_argument"`) {
			t.Errorf("%q: %s", body, answer)
		}
		if got := len(served.take()); got != 1 {
			t.Errorf("%q: %d decisions recorded, want 1", body, got)
		}
	}
}

type nested interface {
	Value(ctx context.Context, call *action.AnonymousCall[structpb.Value]) (*structpb.Value, error)
	Any(ctx context.Context, call *action.AnonymousCall[anypb.Any]) (*anypb.Any, error)
}

type nothing struct{}

func (nothing) Value(context.Context, *action.AnonymousCall[structpb.Value]) (*structpb.Value, error) {
	return structpb.NewNullValue(), nil
}

func (nothing) Any(context.Context, *action.AnonymousCall[anypb.Any]) (*anypb.Any, error) {
	return &anypb.Any{}, nil
}

// serveNested serves a service whose requests may lie within themselves.
func serveNested(t *testing.T) (*served, *records) {
	t.Helper()
	registry, records := newRegistry(t)
	if err := declaretest.Register(t, registry, actiongen.Service[nested]{
		Descriptor: describe(t, "NestedService",
			method("Value", "google.protobuf.Value", connect.StreamTypeUnary), method("Any", "google.protobuf.Any", connect.StreamTypeUnary)),
		Methods: []actiongen.Method[nested]{actiongen.Unary("Value", nested.Value), actiongen.Unary("Any", nested.Any)},
	}, nested(nothing{})); err != nil {
		t.Fatal(err)
	}
	return start(t, registry), records
}

// Nesting is bounded, in each encoding and where fields are skipped as well.
func TestNesting(t *testing.T) {
	t.Parallel()
	lists := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	// In binary each list takes two messages, a Value and a ListValue.
	binaryLists := func(depth int) string {
		value := structpb.NewNullValue()
		for range depth {
			value = structpb.NewListValue(&structpb.ListValue{Values: []*structpb.Value{value}})
		}
		message, err := proto.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return string(message)
	}
	anys := func(depth, padding int) string {
		const kind = `,"@type":"type.googleapis.com/google.protobuf.`
		return strings.Repeat(`{"value":`, depth) + `{"value":{"x":"` + strings.Repeat("x", padding) + `"}` + kind + `Empty"}` +
			strings.Repeat(kind+`Any"}`, depth)
	}
	tests := []struct {
		name, path, kind, body string
		want                   int
	}{
		{"deep", "Value", "json", lists(99), 200},
		{"too deep", "Value", "json", lists(101), 400},
		{"far too deep", "Value", "json", lists(2 << 20), 400},
		{"never closed", "Value", "json", strings.Repeat("[", 4<<20), 400},
		{"too deep objects", "Value", "json", strings.Repeat(`{"x":`, 100) + "1" + strings.Repeat("}", 100), 400},
		{"skipped", "Any", "json", `{"@type":"type.googleapis.com/google.protobuf.Empty","value":{"x":` + lists(50) + `}}`, 200},
		{"skipped too deep", "Any", "json", `{"@type":"type.googleapis.com/google.protobuf.Empty","value":{"x":` + lists(1<<20) + `}}`, 400},
		{"packed Any", "Any", "json", anys(3, 0), 200},
		{"deep Any", "Any", "json", anys(90, 0), 400},
		{"far too deep Any", "Any", "json", anys(9000, 3<<20), 400},
		{"deep", "Value", "proto", binaryLists(49), 200},
		{"too deep", "Value", "proto", binaryLists(51), 400},
		{"far too deep", "Value", "proto", binaryLists(4000), 400},
		{"groups", "Value", "proto", strings.Repeat("\x7b", 1<<20), 400},
	}
	served, records := serveNested(t)
	client := served.client(t, 1)
	for _, test := range tests {
		begin := time.Now()
		status, answer := served.send(t, client, "/described.v1.NestedService/"+test.path,
			strings.NewReader(test.body), "Content-Type", "application/"+test.kind)
		if status != test.want {
			t.Errorf("%s in %s: status %d, want %d: %.200s", test.name, test.kind, status, test.want, answer)
		}
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s in %s: it took %v", test.name, test.kind, took)
		}
		if got := len(records.take()); got != 1 {
			t.Errorf("%s in %s: %d decisions recorded, want 1", test.name, test.kind, got)
		}
	}
}

func gzipped(t *testing.T, data string) string {
	t.Helper()
	var buffer bytes.Buffer
	writer := gzip.NewWriter(&buffer)
	if _, err := io.WriteString(writer, data); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return buffer.String()
}

// bomb returns megabytes of nothing. It is made of many parts, which gzip allows,
// because compressing that much takes a while.
func bomb(t *testing.T, megabytes int) string {
	t.Helper()
	return strings.Repeat(gzipped(t, strings.Repeat("\x00", 1<<20)), megabytes)
}

func envelope(flags byte, size uint32, data string) string {
	prefix := binary.BigEndian.AppendUint32([]byte{flags}, size)
	return string(prefix) + data
}

// A message larger than the limit ends its call, on the wire as well as inside of
// its compression, and with any size that it claims.
func TestMessageSize(t *testing.T) {
	t.Parallel()
	const limit = 1 << 10
	exact := `{"pageToken":"` + strings.Repeat("x", limit-len(`{"pageToken":""}`)) + `"}`
	same, more, bomb := gzipped(t, exact), gzipped(t, exact+" "), bomb(t, 100)
	tests := []struct {
		name, kind, encoding, body string
		// stage is where the call ended. A message of the right size breaks a rule.
		stage event.Stage
	}{
		{"exact", "application/json", "", exact, event.StageValidate},
		{"one more", "application/json", "", exact + " ", event.StageDecode},
		{"far more", "application/json", "", exact + strings.Repeat(" ", 8<<20), event.StageDecode},
		{"exact, compressed", "application/json", "gzip", same, event.StageValidate},
		{"one more, compressed", "application/json", "gzip", more, event.StageDecode},
		{"bomb", "application/json", "gzip", bomb, event.StageDecode},
		{"gRPC, exact", "application/grpc+json", "", envelope(0, limit, exact), event.StageValidate},
		{"gRPC, one more", "application/grpc+json", "", envelope(0, limit+1, exact+" "), event.StageDecode},
		{"gRPC, 4 GiB said", "application/grpc+json", "", envelope(0, 1<<32-1, exact), event.StageDecode},
		{"gRPC, 4 GiB said and some sent", "application/grpc+json", "", envelope(0, 1<<32-1, strings.Repeat(" ", 8<<20)), event.StageDecode},
		{"gRPC, exact, compressed", "application/grpc+json", "gzip", envelope(1, uint32(len(same)), same), event.StageValidate},
		{"gRPC, one more, compressed", "application/grpc+json", "gzip", envelope(1, uint32(len(more)), more), event.StageDecode},
		{"gRPC, bomb", "application/grpc+json", "gzip", envelope(1, uint32(len(bomb)), bomb), event.StageDecode},
		{"gRPC, two messages", "application/grpc+json", "", envelope(0, 2, "{}") + envelope(0, 2, "{}"), event.StageDecode},
		{"gRPC, less than said", "application/grpc+json", "", envelope(0, 9, "{}"), event.StageDecode},
		{"gRPC-Web, 4 GiB said", "application/grpc-web+json", "", envelope(0, 1<<32-1, exact), event.StageDecode},
	}
	served := serve(t, &directory{}, server.WithMaxMessageBytes(limit))
	for _, major := range []int{1, 2} {
		client := served.client(t, major)
		for _, test := range tests {
			name := fmt.Sprintf("%s on HTTP/%d", test.name, major)
			request, err := http.NewRequest(http.MethodPost, served.url+listUsers, strings.NewReader(test.body))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Authorization", "Bearer admin")
			request.Header.Set("Content-Type", test.kind)
			request.Header.Set("Content-Encoding", test.encoding)
			request.Header.Set("Grpc-Encoding", test.encoding)
			// The server may hang up while there is more to send. What counts is what
			// it decided.
			if response, err := client.Do(request); err == nil {
				response.Body.Close()
			}
			decisions := served.take()
			if len(decisions) != 1 || decisions[0].Stage != test.stage || decisions[0].Outcome != event.Deny {
				t.Fatalf("%s: decided %+v, want one denial at %v", name, decisions, test.stage)
			}
			large := strings.Contains(test.name, "4 GiB") || strings.Contains(test.name, "more") || strings.Contains(test.name, "bomb")
			if got := decisions[0].Code; large && got != connect.CodeResourceExhausted {
				t.Errorf("%s: the code is %v", name, got)
			}
		}
	}
	if got := served.handled.Load(); got != 0 {
		t.Errorf("the handler ran %d times", got)
	}
}

// What a bomb or a prefix promises is not what is allocated. Not parallel, because
// it counts bytes.
//
//nolint:paralleltest // it counts what the process allocates
func TestNoAllocationAheadOfData(t *testing.T) {
	served := serve(t, &directory{})
	client := served.client(t, 1)
	bomb := bomb(t, 1<<10)
	for name, send := range map[string]func() (int, string){
		"prefix": func() (int, string) {
			return served.send(t, client, listUsers, strings.NewReader(envelope(0, 4<<20, "{}")), "Content-Type", "application/grpc")
		},
		"bomb": func() (int, string) {
			return served.send(t, client, listUsers, strings.NewReader(bomb), "Content-Encoding", "gzip")
		},
	} {
		limit := uint64(1 << 20)
		if name == "bomb" {
			limit = 64 << 20 // 4 MiB of it, in buffers that double
		}
		send() // connections and pools
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, answer := send()
		runtime.ReadMemStats(&after)
		if spent := after.TotalAlloc - before.TotalAlloc; spent > limit {
			t.Errorf("%s: %d bytes were allocated: %s", name, spent, answer)
		}
	}
}
