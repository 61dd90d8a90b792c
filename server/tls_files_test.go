package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/server"
)

// identity is a certificate of its own, in a client's or a server's hands.
type identity struct {
	certificate tls.Certificate
	chain, key  []byte // in PEM
}

func newIdentity(tb testing.TB, serial int64) identity {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		tb.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	made := identity{
		chain: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		key:   pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}),
	}
	if made.certificate, err = tls.X509KeyPair(made.chain, made.key); err != nil {
		tb.Fatal(err)
	}
	return made
}

// put replaces a file, as a deployment does: beside it, and renamed.
func put(tb testing.TB, path string, content []byte) {
	tb.Helper()
	if err := os.WriteFile(path+".new", content, 0o600); err != nil {
		tb.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		tb.Fatal(err)
	}
}

// tlsClient is a client of one connection at a time.
func tlsClient(t *testing.T, identity identity, sessions tls.ClientSessionCache) *http.Client {
	t.Helper()
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{
		InsecureSkipVerify: true, Certificates: []tls.Certificate{identity.certificate}, ClientSessionCache: sessions, MinVersion: tls.VersionTLS12,
	}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// shownBy returns the serial number of the certificate that a server shows, and whether
// the session was resumed.
func shownBy(client *http.Client, url string) (serial int64, resumed bool, err error) {
	response, err := client.Get(url + "/nothing")
	if err != nil {
		return 0, false, err
	}
	defer response.Body.Close()
	return response.TLS.PeerCertificates[0].SerialNumber.Int64(), response.TLS.DidResume, nil
}

// TestTLSFiles replaces the certificate and the client CA of a server while a connection
// is open.
func TestTLSFiles(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	files := server.TLSFiles{
		Certificate: filepath.Join(folder, "tls.crt"), Key: filepath.Join(folder, "tls.key"), ClientCAs: filepath.Join(folder, "ca.crt"),
		Interval: 10 * time.Millisecond,
	}
	first, second, old, fresh := newIdentity(t, 1), newIdentity(t, 2), newIdentity(t, 3), newIdentity(t, 4)
	put(t, files.Certificate, first.chain)
	put(t, files.Key, first.key)
	put(t, files.ClientCAs, old.chain)
	served := serve(t, &directory{}, server.WithTLSFiles(files))
	url := "https://" + served.address

	sessions := tls.NewLRUClientSessionCache(4)
	open := tlsClient(t, old, nil)
	if serial, _, err := shownBy(open, url); err != nil || serial != 1 {
		t.Fatalf("got %d, %v", serial, err)
	}
	for range 2 { // a session of the old client, which is resumed
		if _, _, err := shownBy(tlsClient(t, old, sessions), url); err != nil {
			t.Fatal(err)
		}
	}
	if _, resumed, err := shownBy(tlsClient(t, old, sessions), url); err != nil || !resumed {
		t.Errorf("a session is not resumed while nothing changes: %v", err)
	}
	if _, _, err := shownBy(tlsClient(t, fresh, nil), url); err == nil {
		t.Fatal("a client of another CA was let in")
	}

	// Half replaced, and broken: the old ones stay.
	put(t, files.Certificate, second.chain)
	time.Sleep(2 * files.Interval)
	if serial, _, err := shownBy(tlsClient(t, old, nil), url); err != nil || serial != 1 {
		t.Errorf("with half of the files: %d, %v", serial, err)
	}
	put(t, files.Key, second.key)
	put(t, files.ClientCAs, fresh.chain)
	time.Sleep(2 * files.Interval)
	if serial, _, err := shownBy(tlsClient(t, fresh, nil), url); err != nil || serial != 2 {
		t.Errorf("with the new files: %d, %v", serial, err)
	}
	if _, _, err := shownBy(tlsClient(t, old, nil), url); err == nil {
		t.Error("a client of the old CA is still let in")
	}
	if _, _, err := shownBy(tlsClient(t, old, sessions), url); err == nil {
		t.Error("a session of the old CA is resumed")
	}
	if serial, _, err := shownBy(open, url); err != nil || serial != 1 {
		t.Errorf("the open connection was dropped: %d, %v", serial, err)
	}
	put(t, files.ClientCAs, []byte("no certificate"))
	time.Sleep(2 * files.Interval)
	if serial, _, err := shownBy(tlsClient(t, fresh, nil), url); err != nil || serial != 2 {
		t.Errorf("with a broken CA: %d, %v", serial, err)
	}
}

// TestTLSFilesRefused refuses files before the server listens.
func TestTLSFilesRefused(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	one, other := newIdentity(t, 1), newIdentity(t, 2)
	path := func(name string, content []byte) string {
		put(t, filepath.Join(folder, name), content)
		return filepath.Join(folder, name)
	}
	certificate, key := path("tls.crt", one.chain), path("tls.key", one.key)
	for name, test := range map[string]struct {
		files server.TLSFiles
		taken bool
	}{
		"a pair":        {server.TLSFiles{Certificate: certificate, Key: key}, true},
		"no files":      {server.TLSFiles{}, false},
		"not there":     {server.TLSFiles{Certificate: filepath.Join(folder, "no"), Key: key}, false},
		"of another":    {server.TLSFiles{Certificate: certificate, Key: path("other.key", other.key)}, false},
		"no CA in it":   {server.TLSFiles{Certificate: certificate, Key: key, ClientCAs: path("ca.crt", []byte("x"))}, false},
		"short of time": {server.TLSFiles{Certificate: certificate, Key: key, Interval: time.Millisecond}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			registry, _ := newRegistry(t)
			_, err := server.New(registry, server.WithTLSFiles(test.files))
			if (err == nil) != test.taken {
				t.Errorf("got %v", err)
			}
		})
	}
}
