package mtls_test

import (
	"crypto/x509"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/mtls"
)

// BenchmarkAuthenticate authenticates a good certificate, of which TLS has done the
// dear part once for the connection.
func BenchmarkAuthenticate(b *testing.B) {
	root := sign(b, nil, authority)
	leaf := sign(b, sign(b, root, authority), named("spiffe://example.org/billing"))
	state := verified([]*x509.Certificate{leaf.certificate, root.certificate, root.certificate})
	for name, authenticator := range map[string]authn.Authenticator{
		"mapping": newMapped(b, commonName),
		"SPIFFE":  newSPIFFE(b),
		"federation": newSPIFFE(b, mtls.TrustDomain{
			Name: "example.org", Authorities: func() []*x509.Certificate { return []*x509.Certificate{root.certificate} },
		}),
	} {
		b.Run(name, func(b *testing.B) {
			ctx, call := reached(b.Context(), state), new(connect.CallInfo)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := authenticator.Authenticate(ctx, call); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
