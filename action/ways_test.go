package action_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/action"
)

// waysTo serves a registry over real connections and in process. It returns clients by the ways
// in, and what dials the address.
func waysTo(t *testing.T, registry *action.Registry) (ways map[string]*connect.Client, dials *http.Client, address string) {
	t.Helper()
	server := connect.NewServer()
	server.Register(must(registry.Methods())...)
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
	dials = &http.Client{Transport: transport}
	over := func(options ...connecthttp.Option) *connect.Client {
		return connect.NewClient(connecthttp.NewTransport(dials, listener.URL, options...))
	}
	return map[string]*connect.Client{
		"connect": over(), "connect-json": over(connecthttp.WithProtoJSON()), "grpc": over(connecthttp.WithGRPC()),
		"grpc-web": over(connecthttp.WithGRPCWeb()), "in-process": connect.NewClient(must(registry.InProcess())),
	}, dials, listener.URL
}
