package mtls_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/mtls"
	"github.com/sallyport-rpc/sallyport/server"
)

// workloadRoles are the roles of the workloads that may call.
type workloadRoles map[string]string

func (w workloadRoles) lookup(_ context.Context, id string) (authn.Details, error) {
	role, ok := w[id]
	if !ok {
		return authn.Details{}, authn.InvalidCredential("workload is unknown")
	}
	return authn.Details{Unscoped: true, Roles: []string{role}}, nil
}

// newServer returns a server whose callers are workloads of one trust domain.
func newServer(roles workloadRoles, own tls.Certificate, authorities *x509.CertPool) (*server.Server, error) {
	workloads, err := mtls.NewSPIFFE(roles.lookup, mtls.TrustDomain{Name: "example.org"})
	if err != nil {
		return nil, err
	}
	registry, err := action.NewRegistry(authn.Schemes{"mtls": workloads})
	if err != nil {
		return nil, err
	}
	return server.New(registry, server.WithTLS(&tls.Config{
		Certificates: []tls.Certificate{own},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    authorities,
	}))
}
