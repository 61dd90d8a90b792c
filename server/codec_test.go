package server_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
	"github.com/sallyport-rpc/sallyport/internal/declare/declaretest"
	"github.com/sallyport-rpc/sallyport/server"
)

// A message may make as many elements as it likes up to the limit, and not one more,
// in each encoding and on every way in.
func TestElements(t *testing.T) {
	t.Parallel()
	const limit = 1000
	registry, records := newRegistry(t)
	handled := &counted{}
	if err := declaretest.Register(t, registry, actiongen.Service[nested]{
		Descriptor: describe(t, "NestedService",
			method("Value", "google.protobuf.Value", connect.StreamTypeUnary), method("Any", "google.protobuf.Any", connect.StreamTypeUnary)),
		Methods: []actiongen.Method[nested]{actiongen.Unary("Value", nested.Value), actiongen.Unary("Any", nested.Any)},
	}, nested(handled)); err != nil {
		t.Fatal(err)
	}
	served := start(t, registry, server.WithMaxMessageElements(limit))
	// A Value that is a list makes a ListValue, and a Value for each element.
	message := func(kind string, elements int) []byte {
		list := &structpb.ListValue{}
		for range elements - 1 {
			list.Values = append(list.Values, structpb.NewBoolValue(true))
		}
		if kind == "json" {
			return []byte("[" + strings.TrimSuffix(strings.Repeat("true,", elements-1), ",") + "]")
		}
		data, err := proto.Marshal(structpb.NewListValue(list))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	for _, way := range waysIn() {
		if way.name == "Connect GET" {
			continue // the actions here may have side effects
		}
		for _, kind := range []string{"proto", "json"} {
			for _, packed := range []bool{false, true} {
				for _, elements := range []int{limit, limit + 1} {
					name := fmt.Sprintf("%s, %s, packed %t, %d elements", way.name, kind, packed, elements)
					body := message(kind, elements)
					if packed {
						body = pack(body)
					}
					before := handled.values
					records.take()
					call := served.refusal(t, way, way.make(served.url+"/described.v1.NestedService/Value", kind, packed, body))
					want, ran := connect.Code(0), 1
					if elements > limit {
						want, ran = connect.CodeResourceExhausted, 0
					}
					if call.code != want || handled.values-before != ran {
						t.Errorf("%s: code %v, the handler ran %d times: %s", name, call.code, handled.values-before, call.text)
					}
					if got := len(records.take()); got != 1 {
						t.Errorf("%s: %d decisions recorded", name, got)
					}
					if call.headers.Get("Retry-After") != "" {
						t.Errorf("%s: a caller is asked to come again with what will never do", name)
					}
				}
			}
		}
	}
}

// counted counts what reaches it. It is for calls one after the other.
type counted struct {
	nothing

	values int
}

func (c *counted) Value(ctx context.Context, call *action.AnonymousCall[structpb.Value]) (*structpb.Value, error) {
	c.values++
	return c.nothing.Value(ctx, call)
}

// A server that is told to refuses fields that a type does not have, and else leaves
// them alone.
func TestUnknownFields(t *testing.T) {
	t.Parallel()
	for _, treatment := range []server.UnknownFields{server.Ignore, server.Refuse} {
		served := serve(t, &directory{}, server.WithUnknownFields(treatment))
		for name, test := range map[string]struct {
			kind, message string
			unknown       bool
		}{
			"JSON":                      {"json", `{"pageSize": 1}`, false},
			"JSON, unknown":             {"json", `{"pageSize": 1, "x": 1}`, true},
			"binary":                    {"proto", "\x08\x01", false},
			"binary, unknown":           {"proto", "\x08\x01\xa2\x1f\x01x", true},
			"binary, another wire type": {"proto", "\x0a\x01x", true},
		} {
			way := waysIn()[0]
			request := way.make(served.url+demov1client.AccountServiceListUsersProcedure, test.kind, false, []byte(test.message))
			request.Header.Set("Authorization", "Bearer admin")
			before := served.handled.Load()
			call := served.refusal(t, way, request)
			refuse := test.unknown && treatment == server.Refuse
			if (call.code == connect.CodeInvalidArgument) != refuse || (served.handled.Load() > before) == refuse {
				t.Errorf("%s, treatment %d: code %v: %s", name, treatment, call.code, call.text)
			}
		}
	}
}

// A duration outside its own definition is invalid, in JSON and in binary, whatever the
// field's own rules say; one within it passes.
func TestDurationOutsideItsDefinition(t *testing.T) {
	t.Parallel()
	served := serve(t, &directory{})
	const text = `{"name": "backup", "lifetime": "%s", "scopes": ["users.read"]}`
	binary := func(seconds int64, nanos int32) string {
		message, err := proto.Marshal(&demov1.CreateApiKeyRequest{
			Name: "backup", Scopes: []string{"users.read"}, Lifetime: &durationpb.Duration{Seconds: seconds, Nanos: nanos},
		})
		if err != nil {
			t.Fatal(err)
		}
		return string(message)
	}
	for name, test := range map[string]struct {
		kind, message string
		invalid       bool
	}{
		"JSON":                       {"json", fmt.Sprintf(text, "3600s"), false},
		"JSON, longer than any":      {"json", fmt.Sprintf(text, "315576000001s"), true},
		"JSON, parts too small":      {"json", fmt.Sprintf(text, "3600.0000000001s"), true},
		"binary":                     {"proto", binary(3600, 999_999_999), false},
		"binary, a second of nanos":  {"proto", binary(3600, 1_000_000_000), true},
		"binary, of two signs":       {"proto", binary(3600, -1), true},
		"binary, longer than any":    {"proto", binary(315_576_000_001, 0), true},
		"binary, the largest number": {"proto", binary(math.MaxInt64, math.MaxInt32), true},
	} {
		way := waysIn()[0]
		request := way.make(served.url+demov1client.AccountServiceCreateApiKeyProcedure, test.kind, false, []byte(test.message))
		request.Header.Set("Authorization", "Bearer admin")
		before := served.handled.Load()
		call := served.refusal(t, way, request)
		if (call.code == connect.CodeInvalidArgument) != test.invalid || (served.handled.Load() > before) == test.invalid {
			t.Errorf("%s: code %v: %s", name, call.code, call.text)
		}
	}
}

// until is a body of which nothing comes before the context ends.
func until(ctx context.Context) io.Reader {
	reader, writer := io.Pipe()
	context.AfterFunc(ctx, func() { writer.CloseWithError(ctx.Err()) })
	return reader
}

// When the calls that are read have no room, one more is shed with a hint when to
// come again, and what they held is free when they end.
func TestPendingIsShed(t *testing.T) {
	t.Parallel()
	const least = 16 << 20
	served := serve(t, &directory{}, server.WithMaxPendingBytes(least), server.WithMaxMessageBytes(2<<20), server.WithReadTimeout(long))
	procedure := served.url + demov1client.AccountServiceListUsersProcedure
	client := served.client(t, 1)
	// Each holds half of a message, in a buffer of twice that, and sends no more. One
	// message that is decompressed has six MiB set aside, and one address half of the rest.
	// One that comes while a call below has the room is shed itself, and comes again.
	const each = 1 << 20
	ctx, leave := context.WithCancel(t.Context())
	var holding sync.WaitGroup
	for range (least - 6<<20) / 2 / (2 * each) {
		holding.Go(func() {
			for ctx.Err() == nil {
				half := io.MultiReader(bytes.NewReader(make([]byte, each)), until(ctx))
				request, _ := http.NewRequestWithContext(ctx, http.MethodPost, procedure, half)
				request.Header.Set("Content-Type", "application/proto")
				if response, err := client.Do(request); err == nil {
					response.Body.Close()
				}
			}
		})
	}
	for _, way := range waysIn() {
		if way.name == "Connect GET" {
			continue // its message is too small
		}
		// What was written is read in the server's own time; until then a call is refused
		// for what it is.
		var call refusedCall
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); {
			call = served.refusal(t, way, way.make(procedure, "proto", false, make([]byte, each)))
			if call.code == connect.CodeResourceExhausted {
				break
			}
		}
		if call.code != connect.CodeResourceExhausted || call.headers.Get("Retry-After") != "1" {
			t.Errorf("%s: code %v, Retry-After %q: %s", way.name, call.code, call.headers.Get("Retry-After"), call.text)
		}
	}
	leave()
	holding.Wait()
	for range 100 {
		way := waysIn()[0]
		request := way.make(procedure, "proto", false, append([]byte{0xa2, 0x1f, 0x80, 0x80, 0x40}, make([]byte, 1<<20)...))
		request.Header.Set("Authorization", "Bearer admin")
		if call := served.refusal(t, way, request); call.code == 0 {
			return
		}
	}
	t.Error("what ended calls held is not free")
}
