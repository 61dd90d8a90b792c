package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/netip"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/mtls"
	conformancev1 "github.com/sallyport-rpc/sallyport/conformance/gen/connectrpc/conformance/v1"
)

// known is what is known of all callers that could be authenticated.
var known = authn.Details{Unscoped: true}

// callers returns what the scheme "caller" stands for on the server that is wanted:
// client certificates where the suite's client has one, and nothing else then.
func callers(wanted *conformancev1.ServerCompatRequest) (authn.Authenticator, error) {
	if len(wanted.GetClientTlsCert()) == 0 {
		return authn.AuthenticatorFunc(byAddress), nil
	}
	return mtls.New(func(_ context.Context, chain []*x509.Certificate) (string, authn.Details, error) {
		// The one certificate that newTLS trusts is the client's own, name and all.
		return chain[0].Subject.CommonName, known, nil
	})
}

// byAddress knows a caller by its address, which no other process of this machine has.
func byAddress(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	address, err := netip.ParseAddrPort(call.PeerAddr)
	if err != nil {
		return nil, fmt.Errorf("the caller's address: %w", err)
	}
	if !address.Addr().IsLoopback() {
		return nil, authn.InvalidCredential("not from this machine")
	}
	return authn.NewPrincipal(address.Addr().String(), known), nil
}

// newTLS returns the certificate to show, and whose certificates to ask for.
func newTLS(wanted *conformancev1.ServerCompatRequest) (*tls.Config, error) {
	certificate, err := tls.X509KeyPair(wanted.GetServerCreds().GetCert(), wanted.GetServerCreds().GetKey())
	if err != nil {
		return nil, fmt.Errorf("the server's certificate: %w", err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	if trusted := wanted.GetClientTlsCert(); len(trusted) > 0 {
		config.ClientCAs = x509.NewCertPool()
		if !config.ClientCAs.AppendCertsFromPEM(trusted) {
			return nil, errors.New("the clients' certificates cannot be read")
		}
		config.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return config, nil
}
