package server_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1action"
	"github.com/sallyport-rpc/sallyport/server"
)

// What cannot hold is refused, all of it at once.
func TestNewRefuses(t *testing.T) {
	t.Parallel()
	certificate, _ := certify(t)
	certificates := []tls.Certificate{certificate}
	tests := map[string]struct {
		options []server.Option
		want    []string
	}{
		"no size": {[]server.Option{server.WithMaxMessageBytes(0), server.WithMaxHeaderBytes(-1), server.WithMaxConcurrentStreams(0),
			server.WithMaxConnections(0), server.WithMaxRunningCalls(-1)}, []string{
			"server: message size of 0 is not between 1 and 1073741824",
			"server: header size of -1 is not between 1 and 1073741824",
			"server: number of concurrent streams of 0 is not between 1 and 2147483647",
			"server: number of connections of 0 is not between 1 and 2147483647",
			"server: number of running calls of -1 is not between 1 and 2147483647",
		}},
		"every size": {[]server.Option{server.WithMaxMessageBytes(1<<30 + 1)}, []string{
			"server: message size of 1073741825 is not between 1 and 1073741824",
		}},
		"no time": {[]server.Option{
			server.WithHeaderTimeout(0), server.WithReadTimeout(-1), server.WithWriteTimeout(0), server.WithIdleTimeout(0),
			server.WithPingInterval(0), server.WithShutdownTimeout(0),
		}, []string{
			"server: header timeout of 0s is not above zero",
			"server: read timeout of -1ns is not above zero",
			"server: write timeout of 0s is not above zero",
			"server: idle timeout of 0s is not above zero",
			"server: ping interval of 0s is not above zero",
			"server: shutdown timeout of 0s is not above zero",
		}},
		"no logger": {[]server.Option{server.WithLogger(nil)}, []string{"server: the logger is nil"}},
		"no TLS":    {[]server.Option{server.WithTLS(nil)}, []string{"server: the TLS configuration has no certificate to show"}},
		"no certificate, old TLS": {[]server.Option{server.WithTLS(&tls.Config{MinVersion: tls.VersionTLS11})}, []string{
			"server: the TLS configuration has no certificate to show",
			"server: the TLS configuration allows versions below 1.2",
		}},
		"an empty certificate": {[]server.Option{server.WithTLS(&tls.Config{Certificates: []tls.Certificate{{}}})}, []string{
			"server: the TLS configuration has no certificate to show",
		}},
		"a certificate without its key": {[]server.Option{server.WithTLS(&tls.Config{Certificates: []tls.Certificate{{Certificate: certificate.Certificate}}})}, []string{
			"server: the TLS configuration has no certificate to show",
		}},
		"no version": {[]server.Option{server.WithTLS(&tls.Config{Certificates: certificates, MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS12})}, []string{
			"server: the TLS configuration allows no version of TLS: MaxVersion is below MinVersion or 1.2",
		}},
		"no new version": {[]server.Option{server.WithTLS(&tls.Config{Certificates: certificates, MaxVersion: tls.VersionTLS11})}, []string{
			"server: the TLS configuration allows no version of TLS: MaxVersion is below MinVersion or 1.2",
		}},
		"very old TLS": {[]server.Option{server.WithTLS(&tls.Config{Certificates: certificates, MinVersion: 0x0300})}, []string{
			"server: the TLS configuration allows versions below 1.2",
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, _ := newRegistry(t)
			srv, err := server.New(registry, test.options...)
			if err == nil || srv != nil {
				t.Fatalf("got %v and %v", srv, err)
			}
			if diff := cmp.Diff(test.want, strings.Split(err.Error(), "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// The one version that is left is served, and so are certificates that a function gives.
func TestNewTakesTLS(t *testing.T) {
	t.Parallel()
	certificate, _ := certify(t)
	certificates := []tls.Certificate{certificate}
	for name, config := range map[string]*tls.Config{
		"1.2":            {Certificates: certificates, MaxVersion: tls.VersionTLS12},
		"1.3":            {Certificates: certificates, MinVersion: tls.VersionTLS13, MaxVersion: tls.VersionTLS13},
		"one is enough":  {Certificates: []tls.Certificate{{}, certificate}},
		"GetCertificate": {GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &certificate, nil }},
	} {
		registry, _ := newRegistry(t)
		if _, err := server.New(registry, server.WithTLS(config)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A registry that refused anything is not served, and neither is none.
func TestNewRefusesTheRegistry(t *testing.T) {
	t.Parallel()
	refused, err := action.NewRegistry(nil) // without the scheme that the service names
	if err != nil {
		t.Fatal(err)
	}
	if err := demov1action.RegisterAccountService(refused, &directory{}); err == nil {
		t.Fatal("the service was registered")
	}
	_, err = server.New(refused, server.WithIdleTimeout(0))
	if refusals, ok := errors.AsType[*action.RefusalError](err); !ok || len(refusals.Refusals) == 0 {
		t.Errorf("got %v", err)
	}
	if err == nil || !strings.Contains(err.Error(), "idle timeout") {
		t.Errorf("the option's fault is not in %v", err)
	}
	if _, err := server.New(new(action.Registry)); err == nil {
		t.Error("a registry that was not made by NewRegistry is served")
	}
	if _, err := server.New(nil); err == nil {
		t.Error("no registry is served")
	}
}

// A registry that is served takes no more.
func TestNewSeals(t *testing.T) {
	t.Parallel()
	registry, _ := newRegistry(t)
	if _, err := server.New(registry); err != nil {
		t.Fatal(err)
	}
	if err := demov1action.RegisterAccountService(registry, &directory{}); err == nil {
		t.Error("it took a service")
	}
}

// TLS below 1.2 is refused, by the configuration for one client as well.
func TestOldTLS(t *testing.T) {
	t.Parallel()
	certificate, roots := certify(t)
	own := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS10}
	config := &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		switch hello.ServerName {
		case "old.example":
			return own, nil
		case "none.example":
			return &tls.Config{Certificates: own.Certificates, MaxVersion: tls.VersionTLS11}, nil
		case "fails.example":
			return nil, io.ErrUnexpectedEOF
		}
		return nil, nil //nolint:nilnil // it stands for the outer configuration
	}, Certificates: []tls.Certificate{certificate}}
	served := serve(t, &directory{}, server.WithTLS(config))
	for _, test := range []struct {
		name    string
		version uint16
		want    bool
	}{
		{"new.example", tls.VersionTLS13, true},
		{"new.example", tls.VersionTLS12, true},
		{"new.example", tls.VersionTLS11, false},
		{"new.example", tls.VersionTLS10, false},
		{"old.example", tls.VersionTLS13, false},
		{"old.example", tls.VersionTLS10, false},
		{"none.example", tls.VersionTLS13, false},
		{"none.example", tls.VersionTLS11, false},
		{"fails.example", tls.VersionTLS13, false},
	} {
		conn := tls.Client(served.dial(t), &tls.Config{
			ServerName: test.name, InsecureSkipVerify: true, MinVersion: test.version, MaxVersion: test.version,
		})
		err := conn.HandshakeContext(t.Context())
		if err == nil { // in TLS 1.3 the server's no comes afterwards
			_, err = conn.Write([]byte("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n"))
		}
		if err == nil {
			_, err = conn.Read(make([]byte, 1))
		}
		if (err == nil) != test.want {
			t.Errorf("%s with %s: %v", test.name, tls.VersionName(test.version), err)
		}
	}
	if config.MinVersion != 0 {
		t.Error("the caller's configuration was changed")
	}
	served.roots = roots
	if _, code, err := curlPost(served.client(t, 2), "https://"+served.address, "Bearer admin", &demov1.ListUsersRequest{}); err != nil || code != 0 {
		t.Errorf("HTTP/2: code %d, %v", code, err)
	}
}

// A handler in another HTTP server still has its limits on messages.
func TestHandlerElsewhere(t *testing.T) {
	t.Parallel()
	registry, records := newRegistry(t)
	directory := &directory{}
	if err := demov1action.RegisterAccountService(registry, directory); err != nil {
		t.Fatal(err)
	}
	srv, err := server.New(registry, server.WithMaxMessageBytes(10))
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := within(t, srv.Handler())
	for body, want := range map[string]int{"{}": http.StatusOK, "{         }": http.StatusTooManyRequests} {
		if status, answer := elsewhere.send(t, elsewhere.client(t, 1), listUsers, strings.NewReader(body)); status != want {
			t.Errorf("%q: status %d: %s", body, status, answer)
		}
	}
	if got := len(records.take()); got != 2 || directory.handled.Load() != 1 {
		t.Errorf("%d decisions, and the handler ran %d times", got, directory.handled.Load())
	}
}
