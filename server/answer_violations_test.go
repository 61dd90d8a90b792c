package server_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/event"
	"github.com/sallyport-rpc/sallyport/authn"
	abusev1 "github.com/sallyport-rpc/sallyport/gen/test/abuse/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/abuse/v1/abusev1action"
	"github.com/sallyport-rpc/sallyport/gen/test/abuse/v1/abusev1client"
)

// spender is the service that strangers can make dear.
type spender struct {
	abusev1action.AbuseServiceHandler

	spent int
}

func (s *spender) Spend(context.Context, *action.Call[abusev1.SpendRequest]) (*abusev1.SpendResponse, error) {
	s.spent++
	return &abusev1.SpendResponse{}, nil
}

func serveSpender(t *testing.T) (*served, *spender, *records) {
	t.Helper()
	spender, records := &spender{}, &records{}
	registry, err := action.NewRegistry(authn.Schemes{"session": authn.AuthenticatorFunc(byRole)}, action.WithRecorder(records))
	if err != nil {
		t.Fatal(err)
	}
	if err := abusev1action.RegisterAbuseService(registry, spender); err != nil {
		t.Fatal(err)
	}
	return start(t, registry), spender, records
}

// mostTrailers is how many bytes of trailers implementations of gRPC take.
const mostTrailers = 8 << 10

// A request that breaks rules is answered with the first of them, in a size that every
// client takes. A request that breaks none passes.
func TestViolationsOnTheWire(t *testing.T) {
	t.Parallel()
	served, spender, records := serveSpender(t)
	const uuid = "5f0c3a4e-7d4b-4a39-9c35-1b4f0e6f9d11"
	for broken, told := range map[int]int{0: 0, 1: 1, 20: 20, 21: 20, 1000: 20, 90_000: 1} {
		request := &abusev1.SpendRequest{}
		for range broken {
			request.Ids = append(request.Ids, strings.Repeat("<", 30))
		}
		if broken == 0 {
			request.Ids = []string{uuid}
		}
		body, err := proto.Marshal(request)
		if err != nil {
			t.Fatal(err)
		}
		for _, way := range waysIn() {
			if way.name == "Connect GET" && len(pack(body)) > 40<<10 {
				continue
			}
			records.take()
			before := spender.spent
			send := way.make(served.url+"/test.abuse.v1.AbuseService/Spend", "proto", true, pack(body))
			send.Header.Set("Authorization", "Bearer admin")
			call := served.refusal(t, way, send)
			name := fmt.Sprintf("%s, %d broken", way.name, broken)
			if (call.code == connect.CodeInvalidArgument) != (broken > 0) || (spender.spent > before) != (broken == 0) {
				t.Errorf("%s: code %v, the handler ran %d times", name, call.code, spender.spent-before)
			}
			if call.bytes > mostAnswer || way.http == 2 && call.bytes > mostTrailers {
				t.Errorf("%s: %d bytes came back", name, call.bytes)
			}
			if decisions := records.take(); len(decisions) != 1 || len(decisions[0].Reason) > mostLog {
				t.Errorf("%s: recorded %.300v", name, decisions)
			}
		}
		if broken == 0 {
			continue
		}
		for name, options := range map[string][]connecthttp.Option{
			"Connect": nil, "gRPC": {connecthttp.WithGRPC()}, "gRPC-Web": {connecthttp.WithGRPCWeb()},
		} {
			client := abusev1client.NewAbuseServiceClient(connect.NewClient(connecthttp.NewTransport(served.client(t, 2), served.url, options...)))
			_, err := client.Spend(t.Context(), request)
			if got := toldViolations(t, err); got != told {
				t.Errorf("%s, %d broken: %d are told, want %d: %v", name, broken, got, told, err)
			}
			if more := strings.Contains(fmt.Sprint(err), "there may be more"); more != (broken > told) {
				t.Errorf("%s, %d broken: the text says that there are more: %t", name, broken, more)
			}
		}
	}
}

// toldViolations returns how many violations an error tells.
func toldViolations(t *testing.T, err error) int {
	t.Helper()
	public, ok := errors.AsType[*connect.Error](err)
	if !ok {
		t.Fatalf("%T: %v", err, err)
	}
	for _, detail := range public.Details() {
		message, err := connectproto.ErrorDetailToAny(detail).UnmarshalNew()
		if err != nil {
			t.Fatal(err)
		}
		if violations, ok := message.(*validate.Violations); ok {
			return len(violations.GetViolations())
		}
	}
	return 0
}

// What ends a stream is short as well, in each shape and protocol.
func TestStreamAnswerDoesNotEcho(t *testing.T) {
	t.Parallel()
	served, records := serveStreams(t, 0)
	message := pack([]byte(strings.Repeat("9", 3<<20))) // no text
	envelope := append(binary.BigEndian.AppendUint32([]byte{1}, uint32(len(message))), message...)
	for shape := range shapes {
		for protocol, encoding := range map[string]string{
			"application/connect+json": "Connect-Content-Encoding", "application/grpc+json": "Grpc-Encoding", "application/grpc-web+json": "Grpc-Encoding",
		} {
			records.take()
			request, err := http.NewRequest(http.MethodPost, served.url+"/described.v1.StreamService/"+shape, bytes.NewReader(envelope))
			if err != nil {
				t.Fatal(err)
			}
			request.Header.Set("Content-Type", protocol)
			request.Header.Set(encoding, "gzip")
			response, err := served.client(t, 2).Do(request)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			response.Body.Close()
			if err != nil {
				t.Fatal(err)
			}
			size := len(body)
			said := string(body)
			for _, headers := range []http.Header{response.Header, response.Trailer} {
				for name, values := range headers {
					for _, value := range values {
						size += len(name) + len(value) + len(": \r\n")
						said += " " + name + "=" + value //nolint:perfsprint // a few headers
					}
				}
			}
			if size > mostAnswer {
				t.Errorf("%s, %s: %d bytes came back", shape, protocol, size)
			}
			if !strings.Contains(said, "invalid_argument") && !strings.Contains(strings.ToLower(said), "grpc-status=3") && !strings.Contains(said, "grpc-status: 3") {
				t.Errorf("%s, %s: %.300s", shape, protocol, said)
			}
			if decisions := records.take(); len(decisions) == 0 || decisions[0].Outcome != event.Deny && len(decisions) < 2 {
				t.Errorf("%s, %s: recorded %.300v", shape, protocol, decisions)
			}
		}
	}
}
