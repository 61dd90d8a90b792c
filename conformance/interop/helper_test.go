package interop_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"testing"
	"time"

	"google.golang.org/grpc/grpclog"
)

// failed is what a case of the interop client panics with, here, that fails.
type failed string

// A judge is the log of gRPC. The interop client tells it why a case fails, and would
// end the process after that, with all other cases.
type judge struct{ grpclog.LoggerV2 }

func (judge) Fatal(args ...any)                 { panic(failed(fmt.Sprint(args...))) }
func (judge) Fatalln(args ...any)               { panic(failed(fmt.Sprintln(args...))) }
func (judge) Fatalf(format string, args ...any) { panic(failed(fmt.Sprintf(format, args...))) }

// judged fails the test where a case has failed. It is deferred.
func judged(t *testing.T) {
	switch recovered := recover().(type) {
	case nil:
	case failed:
		t.Error(string(recovered))
	default:
		panic(recovered)
	}
}

func TestMain(m *testing.M) {
	grpclog.SetLoggerV2(judge{grpclog.NewLoggerV2(io.Discard, io.Discard, io.Discard)})
	os.Exit(m.Run())
}

// certify makes a certificate for this machine, and the roots that vouch for it.
func certify(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}, roots
}
