package actiontest

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"connectrpc.com/connect/v2/connectinprocess"
	"connectrpc.com/connect/v2/connectproto"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
)

// inProcess is the name of the way in that has no connection.
const inProcess = "in-process"

// A way is one way in to the actions of a registry.
type way struct {
	name   string
	get    bool // only for actions without side effects
	json   bool // what has no JSON form is not sent
	client *connect.Client
}

// sends reports whether the way can send a call.
func (w way) sends(call planned) bool {
	if w.name == inProcess {
		return call.malformed == 0 // nothing is decoded there
	}
	return !w.json || !slices.ContainsFunc(call.requests, func(request proto.Message) bool {
		_, err := protojson.Marshal(request) // such as a mask of all fields
		return err != nil
	})
}

func (w way) serves(spec connect.Spec) bool {
	return !w.get || (spec.StreamType == connect.StreamTypeUnary && spec.IdempotencyLevel == connect.IdempotencyNoSideEffects)
}

// fromAddress says of a call which address it comes from.
func fromAddress(next connect.ServerFunc) connect.ServerFunc {
	return func(ctx context.Context, spec connect.Spec, stream connect.ServerStream) error {
		return next(authn.WithPeer(ctx, &authn.Peer{Address: netip.AddrFrom4([4]byte{192, 0, 2, 1})}), spec, stream)
	}
}

// waysIn serves methods over real connections and in process until the test ends.
func waysIn(t *testing.T, methods []connect.Method) []way {
	t.Helper()
	server := connect.NewServer(fromAddress)
	server.Register(methods...)
	within := connect.NewServer()
	within.Register(methods...)
	mux := http.NewServeMux()
	connecthttp.Mount(mux, server)
	listener := httptest.NewUnstartedServer(mux)
	listener.Config.Protocols = new(http.Protocols)
	listener.Config.Protocols.SetHTTP1(true)
	listener.Config.Protocols.SetUnencryptedHTTP2(true)
	listener.Start()
	t.Cleanup(listener.Close)

	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	over := func(options ...connecthttp.Option) *connect.Client {
		options = append([]connecthttp.Option{connecthttp.WithCodecs(
			spoiling{StableCodec: connectproto.NewBinaryCodec()}, spoiling{StableCodec: connectproto.NewJSONCodec()},
		)}, options...)
		return connect.NewClient(connecthttp.NewTransport(&http.Client{Transport: transport}, listener.URL, options...))
	}
	return []way{
		{name: "connect", client: over()},
		{name: "connect-json", json: true, client: over(connecthttp.WithProtoJSON())},
		{name: "connect-get", get: true, json: true, client: over(connecthttp.WithHTTPGet(), connecthttp.WithProtoJSON())},
		{name: "grpc", client: over(connecthttp.WithGRPC())},
		{name: "grpc-web", client: over(connecthttp.WithGRPCWeb())},
		{name: inProcess, client: connect.NewClient(connectinprocess.New(within))},
	}
}
