package server_test

import (
	"crypto/tls"
	"strconv"
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/server"
)

// A TLS handshake that fails leaves one short line, however long the list was that the
// client sent: the error quotes it.
func TestFailedHandshakeLeavesShortLine(t *testing.T) {
	t.Parallel()
	certificate, _ := certify(t)
	served := serve(t, &directory{}, server.WithTLS(&tls.Config{Certificates: []tls.Certificate{certificate}}))
	var protocols []string
	for i := range 240 {
		protocols = append(protocols, strconv.Itoa(i)+strings.Repeat("\x01", 250))
	}
	conn := tls.Client(served.dial(t), &tls.Config{InsecureSkipVerify: true, NextProtos: protocols})
	if err := conn.HandshakeContext(t.Context()); err == nil {
		t.Error("the handshake succeeded")
	}
	if err := served.stop(); err != nil {
		t.Error(err)
	}
	log := served.log.take()
	if !strings.Contains(log, "TLS handshake error") || !strings.Contains(log, "unsupported application protocols") || len(log) > 3000 {
		t.Errorf("%d bytes: %.300s", len(log), log)
	}
}
