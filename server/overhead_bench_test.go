package server_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/bench/v1/benchv1action"
	"github.com/sallyport-rpc/sallyport/server"
)

type noting struct{}

func (noting) WriteNote(context.Context, *action.Call[benchv1.WriteNoteRequest]) (*benchv1.WriteNoteResponse, error) {
	return &benchv1.WriteNoteResponse{}, nil
}

// discarding is a response writer that has deadlines, as net/http's have.
type discarding struct{ header http.Header }

func (d discarding) Header() http.Header              { return d.header }
func (d discarding) Write(data []byte) (int, error)   { return len(data), nil }
func (d discarding) WriteHeader(int)                  {}
func (d discarding) Flush()                           {}
func (d discarding) SetReadDeadline(time.Time) error  { return nil }
func (d discarding) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkHandler makes a guarded unary call through the server's handler, and through
// connect's own mount of the same gate.
func BenchmarkHandler(b *testing.B) {
	const id = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6d"
	caller := authn.NewPrincipal(id, authn.Details{Unscoped: true, Roles: []string{"member"}})
	registry, err := action.NewRegistry(authn.Schemes{"session": authn.AuthenticatorFunc(
		func(context.Context, *connect.CallInfo) (*authn.Principal, error) { return caller, nil })})
	if err != nil {
		b.Fatal(err)
	}
	if err := benchv1action.RegisterNoteService(registry, noting{}); err != nil {
		b.Fatal(err)
	}
	srv, err := server.New(registry)
	if err != nil {
		b.Fatal(err)
	}
	methods, err := registry.Methods()
	if err != nil {
		b.Fatal(err)
	}
	dispatch := connect.NewServer()
	dispatch.Register(methods...)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, dispatch, connecthttp.WithReadMaxBytes(4<<20))
	body, err := proto.Marshal(&benchv1.WriteNoteRequest{UserId: id, Text: "Ships on Thursday."})
	if err != nil {
		b.Fatal(err)
	}
	for name, handler := range map[string]http.Handler{"server": srv.Handler(), "connect": mux} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				request, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "http://127.0.0.1/test.bench.v1.NoteService/WriteNote", io.NopCloser(bytes.NewReader(body)))
				if err != nil {
					b.Fatal(err)
				}
				request.ProtoMajor, request.ProtoMinor, request.Proto = 1, 1, "HTTP/1.1"
				request.Header.Set("Content-Type", "application/proto")
				request.RemoteAddr = "127.0.0.1:4000"
				writer := discarding{http.Header{}}
				handler.ServeHTTP(writer, request)
			}
		})
	}
}
