package grpcserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectproto"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/connectivity"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action/event"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/server"
)

// An outcome is all that a client can see of a call, and what operators see of it.
type outcome struct {
	Code            string
	Message         string
	Details         []string
	Header, Trailer map[string][]string
	Responses       []string
	Ran             int64
	Events          []string
}

// An exchange is a call of a test.
type exchange struct {
	procedure string
	header    []string
	// requests are messages, or bytes.
	requests []any
	timeout  time.Duration
	options  []grpc.CallOption
	// script, where it is not nil, drives the stream in place of sending all requests.
	script func(t *testing.T, served *served, stream grpc.ClientStream, cancel context.CancelFunc)
	// events is how many events the call leaves.
	events int
	// gone says that the client leaves at about the time at which the server ends the
	// call: how its end is recorded, and told, is up to which comes first.
	gone bool
}

// patient is a deadline that passes while a handler runs, on a busy machine too.
const patient = 3 * time.Second

const (
	unaryService  = "/test.v1.UnaryService/"
	streamService = "/test.v1.StreamService/"
)

var (
	alice    = []string{"authorization", "Bearer alice editor"}
	shapeOf  = map[string]grpc.StreamDesc{"Watch": {ServerStreams: true}, "Colle": {ClientStreams: true}, "ChatE": {ClientStreams: true, ServerStreams: true}, "ChatO": {ClientStreams: true, ServerStreams: true}}
	sound    = &testv1.Request{Owner: "alice"}
	others   = &testv1.Request{Owner: "bob"}
	unsound  = &testv1.Request{Owner: "alice", First: 101, Tags: []string{"a", "a"}}
	waiting  = &testv1.Request{Owner: "alice", When: &testv1.Request_Word{Word: "wait"}}
	detailed = func(code connect.Code, text string) error {
		detail, _ := connectproto.NewErrorDetail(&errdetails.ErrorInfo{Reason: "WHY", Domain: "test"})
		return connect.NewError(code, text).WithDetail(detail)
	}
)

func word(text string) *testv1.Request {
	return &testv1.Request{Owner: "alice", When: &testv1.Request_Word{Word: text}}
}

// exchanges are the calls that are the same by both ways in.
func exchanges(t *testing.T) map[string]exchange {
	t.Helper()
	many := &testv1.Request{Owner: "alice"}
	for i := range 2000 {
		many.Tags = append(many.Tags, strconv.Itoa(i))
	}
	var violated []string
	for i := range 90 {
		violated = append(violated, strings.Repeat(string(rune('a'+i%26)), 30)+strconv.Itoa(i))
	}
	large := &testv1.Request{Owner: "alice", Lookup: strings.Repeat("x", 1<<20)}
	gzipEncoding := []grpc.CallOption{grpc.UseCompressor("gzip")}
	return map[string]exchange{
		"allowed":                  {procedure: unaryService + "Own", header: alice, requests: []any{sound}, events: 2},
		"anonymous":                {procedure: unaryService + "Public", requests: []any{sound}, events: 2},
		"allowed, compressed":      {procedure: unaryService + "Own", header: alice, requests: []any{sound}, options: gzipEncoding, events: 2},
		"denied":                   {procedure: unaryService + "Own", header: alice, requests: []any{others}, events: 1},
		"concealed":                {procedure: unaryService + "Concealed", header: alice, requests: []any{sound}, events: 1},
		"unauthenticated":          {procedure: unaryService + "Own", requests: []any{sound}, events: 1},
		"two credentials":          {procedure: unaryService + "Own", header: append(slices.Clone(alice), alice...), requests: []any{sound}, events: 1},
		"invalid":                  {procedure: unaryService + "Own", header: alice, requests: []any{unsound}, events: 1},
		"many violations":          {procedure: unaryService + "Own", header: alice, requests: []any{&testv1.Request{Tags: violated}}, events: 1},
		"malformed":                {procedure: unaryService + "Own", header: alice, requests: []any{[]byte{0x0a, 0xff}}, events: 1},
		"malformed UTF-8":          {procedure: unaryService + "Own", header: alice, requests: []any{[]byte{0x0a, 0x01, 0xff}}, events: 1},
		"empty":                    {procedure: unaryService + "Own", header: alice, requests: []any{[]byte{}}, events: 1},
		"too large":                {procedure: unaryService + "Own", header: alice, requests: []any{large}, events: 1},
		"too many elements":        {procedure: unaryService + "Own", header: alice, requests: []any{many}, events: 1},
		"gzip bomb":                {procedure: unaryService + "Own", header: alice, requests: []any{make([]byte, 3<<20)}, options: gzipEncoding, events: 1},
		"unknown service":          {procedure: "/test.v1.NoService/Own", header: alice, requests: []any{sound}, events: 1},
		"unknown method":           {procedure: unaryService + "NoMethod", header: alice, requests: []any{sound}, events: 1},
		"other case":               {procedure: unaryService + "own", header: alice, requests: []any{sound}, events: 1},
		"slash at the end":         {procedure: unaryService + "Own/", header: alice, requests: []any{sound}, events: 1},
		"authored error":           {procedure: unaryService + "Anyone", header: alice, requests: []any{word("authored")}, events: 2},
		"authored text":            {procedure: unaryService + "Anyone", header: alice, requests: []any{word("text")}, events: 2},
		"plain error":              {procedure: unaryService + "Anyone", header: alice, requests: []any{word("plain")}, events: 2},
		"remote error":             {procedure: unaryService + "Anyone", header: alice, requests: []any{word("remote")}, events: 2},
		"no answer":                {procedure: unaryService + "Anyone", header: alice, requests: []any{word("nothing")}, events: 2},
		"panic":                    {procedure: unaryService + "Anyone", header: alice, requests: []any{word("panic")}, events: 2},
		"metadata":                 {procedure: unaryService + "Anyone", header: append([]string{"x-one", "1", "x-one", "2", "x-raw-bin", "\x00\xff"}, alice...), requests: []any{word("metadata")}, events: 2},
		"metadata with an error":   {procedure: unaryService + "Anyone", header: alice, requests: []any{word("metadata error")}, events: 2},
		"large answer":             {procedure: unaryService + "Anyone", header: alice, requests: []any{word("large")}, events: 2},
		"large answer, compressed": {procedure: unaryService + "Anyone", header: alice, requests: []any{word("large")}, options: gzipEncoding, events: 2},
		"deadline":                 {procedure: unaryService + "Anyone", header: alice, requests: []any{word("wait")}, timeout: patient, events: 2, gone: true},

		"watch":                    {procedure: streamService + "WatchFirst", header: alice, requests: []any{sound}, events: 2},
		"watch that fails":         {procedure: streamService + "WatchFirst", header: alice, requests: []any{word("fail")}, events: 2},
		"watch, denied":            {procedure: streamService + "WatchFirst", header: alice, requests: []any{others}, events: 1},
		"watch, unauthenticated":   {procedure: streamService + "WatchFirst", requests: []any{sound}, events: 1},
		"watch, invalid":           {procedure: streamService + "WatchFirst", header: alice, requests: []any{unsound}, events: 1},
		"collect":                  {procedure: streamService + "CollectEvery", header: alice, requests: []any{sound, word("b"), word("c")}, events: 2},
		"collect nothing":          {procedure: streamService + "CollectEvery", header: alice, events: 1},
		"collect, denied later":    {procedure: streamService + "CollectEvery", header: alice, requests: []any{sound, others}, events: 3},
		"collect, unauthenticated": {procedure: streamService + "CollectEvery", requests: []any{sound}, events: 1},
		"chat":                     {procedure: streamService + "ChatEvery", header: alice, requests: []any{word("a"), word("b"), word("c")}, events: 2},
		"chat, compressed":         {procedure: streamService + "ChatEvery", header: alice, requests: []any{word("a"), word("b")}, options: gzipEncoding, events: 2},
		"chat, denied later":       {procedure: streamService + "ChatEvery", header: alice, requests: []any{word("a"), others}, events: 3},
		"chat, malformed later":    {procedure: streamService + "ChatEvery", header: alice, requests: []any{word("a"), []byte{0x0a, 0xff}}, events: 3},
		"chat, unauthenticated":    {procedure: streamService + "ChatOpen", requests: []any{sound}, events: 1},
		"chat, role missing":       {procedure: streamService + "ChatOpen", header: []string{"authorization", "Bearer bob viewer"}, requests: []any{sound}, events: 1},
		"chat, revoked":            {procedure: streamService + "ChatOpen", header: []string{"authorization", "Bearer carol editor"}, script: revoke("carol"), events: 3},
		"watch, revoked":           {procedure: streamService + "WatchFirst", header: []string{"authorization", "Bearer alice viewer"}, script: revokeWatch, events: 3},
		"watch, cancelled":         {procedure: streamService + "WatchFirst", header: alice, script: cancelWatch, events: 2, gone: true},
		"watch, deadline":          {procedure: streamService + "WatchFirst", header: alice, requests: []any{waiting}, timeout: patient, events: 2, gone: true},
	}
}

// revoke sends a message and takes the answer, has the caller revoked, and waits for the
// end without a further message.
func revoke(id string) func(*testing.T, *served, grpc.ClientStream, context.CancelFunc) {
	return func(t *testing.T, served *served, stream grpc.ClientStream, _ context.CancelFunc) {
		t.Helper()
		if err := stream.SendMsg(word("a")); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(&testv1.Response{}); err != nil {
			t.Fatal(err)
		}
		served.tokens.revoked.Store(id, true)
		served.registry.Recheck(id)
		t.Cleanup(func() { served.tokens.revoked.Delete(id) })
	}
}

func startWatch(t *testing.T, stream grpc.ClientStream) {
	t.Helper()
	if err := errors.Join(stream.SendMsg(waiting), stream.CloseSend()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := stream.RecvMsg(&testv1.Response{}); err != nil {
			t.Fatal(err)
		}
	}
}

func revokeWatch(t *testing.T, served *served, stream grpc.ClientStream, _ context.CancelFunc) {
	t.Helper()
	startWatch(t, stream)
	served.tokens.revoked.Store("alice", true)
	served.registry.Recheck("alice")
}

func cancelWatch(t *testing.T, _ *served, stream grpc.ClientStream, cancel context.CancelFunc) {
	t.Helper()
	startWatch(t, stream)
	cancel()
}

// answer is the handler of Anyone in these tests.
func answer(ctx context.Context, info *connect.CallInfo, request *testv1.Request) (*testv1.Response, error) {
	switch request.GetWord() {
	case "authored":
		return nil, detailed(connect.CodeFailedPrecondition, "not now")
	case "text":
		return nil, connect.NewError(connect.CodeAborted, "100 % \u00fc\n\"quoted\"")
	case "plain":
		return nil, errors.New("a password is in here")
	case "remote":
		return nil, connect.NewError(connect.CodeNotFound, "of another server").WithRemote()
	case "nothing":
		return nil, nil //nolint:nilnil // it is the fault that is tested
	case "panic":
		panic("a password is in here")
	case "metadata", "metadata error":
		header, trailer := info.ResponseHeader(), info.ResponseTrailer()
		header.SetValues("X-Seen", info.RequestHeader().Values("X-One"))
		header.Set("X-Raw-Bin", info.RequestHeader().Get("X-Raw-Bin"))
		header.Set("X-Host", strings.Split(info.RequestHeader().Get("Host"), ":")[0])
		trailer.Set("X-Last", "z")
		trailer.Set("X-Last-Bin", connect.EncodeBinaryHeader([]byte{1, 0, 2}))
		trailer.Set("X-Broken", "a\r\nb")
		if request.GetWord() == "metadata error" {
			return nil, detailed(connect.CodeNotFound, "with metadata")
		}
	case "large":
		return &testv1.Response{Owners: []string{strings.Repeat("x", 500_000)}}, nil
	case "wait":
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return &testv1.Response{Owners: []string{request.GetOwner()}}, nil
}

// TestParity makes the same calls by net/http's port and by the gRPC port of one server,
// and compares everything that a client and an operator can see. Allowed differences:
//
//   - the header has Date, Content-Length, Trailer and Grpc-Accept-Encoding on net/http
//     alone, and an error without
//     metadata has no header of its own on the gRPC port, so that Content-Type is among
//     the trailers;
//   - an event of a refusal before the gate says the HTTP status on net/http alone;
//   - of a message that is too large, net/http may not know the size.
func TestParity(t *testing.T) {
	t.Parallel()
	for name, exchange := range exchanges(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served := serve(t, &handlers{unary: answer}, server.WithMaxMessageBytes(1<<20), server.WithMaxMessageElements(1000))
			before := exchange.call(t, served, dial(t, served.address, nil))
			served.tokens.revoked.Clear()
			native := exchange.call(t, served, dial(t, served.native, nil))
			if diff := cmp.Diff(before, native, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("net/http (-) and the gRPC port (+) differ:\n%s", diff)
			}
			if testing.Verbose() {
				t.Logf("%+v", native)
			}
		})
	}
}

// call makes the call and returns what is seen of it.
func (e exchange) call(t *testing.T, served *served, conn *grpc.ClientConn) outcome {
	t.Helper()
	ran := served.ran.Load()
	timeout := e.timeout
	if timeout == 0 {
		timeout = soon
	}
	conn.Connect() // so that no time of the call goes by with that
	for state := conn.GetState(); state != connectivity.Ready; state = conn.GetState() {
		if !conn.WaitForStateChange(t.Context(), state) {
			t.Fatal("no connection")
		}
	}
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(t.Context(), e.header...), timeout)
	defer cancel()
	got, header, trailer := outcome{}, metadata.MD{}, metadata.MD{}
	err := e.converse(ctx, t, served, conn, &got, &header, &trailer, cancel)
	got.Header, got.Trailer = header, trailer
	state, _ := status.FromError(err)
	got.Code, got.Message = state.Code().String(), state.Message()
	for _, detail := range state.Details() {
		message, ok := detail.(proto.Message)
		if !ok {
			t.Fatalf("detail %v", detail)
		}
		got.Details = append(got.Details, fmt.Sprintf("%s %x", message.ProtoReflect().Descriptor().FullName(), encode(t, message)))
	}
	if size := len(got.Message) + len(strings.Join(got.Details, ""))/2; size > 16<<10 {
		t.Errorf("a refusal of %d bytes", size)
	}
	for _, name := range []string{"date", "grpc-accept-encoding", "content-type", "content-length", "trailer"} {
		delete(got.Header, name)
		delete(got.Trailer, name)
	}
	if strings.Contains(got.Message, "larger than configured max") {
		got.Message = "larger than configured max"
	}
	for _, kept := range served.take(t, e.events) {
		if e.gone && kept.Kind == event.Ended {
			got.Events = append(got.Events, fmt.Sprintf("%v %v", kept.Kind, kept.Procedure))
			continue
		}
		reason, _, _ := strings.Cut(kept.Reason, ", with HTTP status")
		got.Events = append(got.Events, fmt.Sprintf("%v %v %v %v %v %q %v %q",
			kept.Kind, kept.Outcome, kept.Stage, kept.Procedure, kept.Code, reason, kept.PrincipalID, kept.Peer.Address))
	}
	if e.gone {
		got.Message = "" // it is the client's own, or says how the stream was reset
	}
	got.Ran = served.ran.Load() - ran
	return got
}

// converse sends the requests and takes the responses until the call ends.
func (e exchange) converse(ctx context.Context, t *testing.T, served *served, conn *grpc.ClientConn, got *outcome, header, trailer *metadata.MD, cancel context.CancelFunc) error {
	t.Helper()
	name := strings.TrimPrefix(e.procedure, streamService)
	if name == e.procedure {
		var response testv1.Response
		err := conn.Invoke(ctx, e.procedure, e.requests[0], &response, append(slices.Clone(e.options), grpc.Header(header), grpc.Trailer(trailer))...)
		if err == nil {
			got.Responses = append(got.Responses, response.String())
		}
		return err
	}
	shape := shapeOf[name[:5]]
	stream, err := conn.NewStream(ctx, &shape, e.procedure, e.options...)
	if err != nil {
		return err
	}
	if e.script != nil {
		e.script(t, served, stream, cancel)
	} else {
		for _, request := range e.requests {
			if err := stream.SendMsg(request); err != nil {
				break // RecvMsg says why
			}
		}
		_ = stream.CloseSend()
	}
	for {
		var response testv1.Response
		err := stream.RecvMsg(&response)
		if err != nil {
			*header, _ = stream.Header()
			*trailer = stream.Trailer()
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		got.Responses = append(got.Responses, response.String())
		if !shape.ServerStreams {
			*header, _ = stream.Header()
			*trailer = stream.Trailer()
			return nil
		}
	}
}
