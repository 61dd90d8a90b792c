package grpcserver

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"

	"google.golang.org/grpc/credentials"

	"github.com/sallyport-rpc/sallyport/internal/wire"
	"github.com/sallyport-rpc/sallyport/server/internal/port"
)

// A handshake makes a connection ready for HTTP/2, with TLS or without, and tells grpc
// which connection it is.
type handshake struct {
	credentials.TransportCredentials // of TLS; nil is cleartext

	log *slog.Logger
}

func newHandshake(config *tls.Config, host port.Host) *handshake {
	made := &handshake{log: host.Log()}
	if config != nil {
		made.TransportCredentials = credentials.NewTLS(config)
	}
	return made
}

// mostError is how much of the error of a handshake is logged: it quotes lists that the
// client made.
const mostError = 256

var errForeign = errors.New("grpcserver: a connection did not come from its listener")

// ServerHandshake implements [credentials.TransportCredentials].
func (h *handshake) ServerHandshake(conn net.Conn) (net.Conn, credentials.AuthInfo, error) {
	known, ok := conn.(*connection)
	if !ok {
		return nil, nil, errForeign
	}
	if h.TransportCredentials == nil {
		return conn, known, nil
	}
	encrypted, info, err := h.TransportCredentials.ServerHandshake(conn)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			h.log.LogAttrs(context.Background(), slog.LevelWarn, "TLS handshake failed",
				slog.String("address", known.address), slog.String("error", wire.Shorten(err.Error(), mostError)))
		}
		return nil, nil, err
	}
	if secured, ok := info.(credentials.TLSInfo); ok {
		known.state = &secured.State
	}
	return encrypted, known, nil
}

// Info implements [credentials.TransportCredentials].
func (h *handshake) Info() credentials.ProtocolInfo {
	if h.TransportCredentials == nil {
		return credentials.ProtocolInfo{SecurityProtocol: "insecure"}
	}
	return h.TransportCredentials.Info()
}

// Clone implements [credentials.TransportCredentials].
func (h *handshake) Clone() credentials.TransportCredentials { return h }
