// Package mtls authenticates programs by the client certificate of their TLS
// connection.
//
//	workloads, err := mtls.NewSPIFFE(lookup, mtls.TrustDomain{Name: "example.org"})
//	registry, err := action.NewRegistry(authn.Schemes{"mtls": workloads})
//	srv, err := server.New(registry, server.WithTLS(&tls.Config{
//		Certificates: certificates,
//		ClientAuth:   tls.VerifyClientCertIfGiven, // or RequireAndVerifyClientCert
//		ClientCAs:    authorities,
//	}))
//
// It is TLS that verifies: ClientAuth must be one of the two above, and ClientCAs must
// hold the authorities that may name callers and no others; without any, Go trusts
// those of the machine. A certificate that was presented and not verified, as happens
// with the other modes and where VerifyPeerCertificate does the work, is refused. So is
// one that has expired since the handshake, or an issuer of it that has. Go looks up no
// revocation lists: certificates should be short-lived, and what a caller may do comes
// from [Lookup] or [Mapping] at every call, so one that it no longer knows is refused at
// the next call, however old the connection is.
//
// A connection whose certificate is refused, or is about to expire, is closed after the
// answer: a client that has renewed its certificate shows it over the next connection.
//
// The principal is named by the certificate's one SPIFFE ID ([NewSPIFFE]) or by a
// function ([New]).
// Only the connection itself counts, as package server reports it ([authn.PeerFrom]).
// X-Forwarded-Client-Cert and its kin are headers that any client can send, and are
// ignored: behind a proxy that ends TLS, callers are the proxy.
//
// A client may send requests for any host over a connection that it made for one, so
// where GetConfigForClient chooses ClientCAs by the server's name, a certificate that
// is good for one name comes in at all of them. The chain says which authority signed:
// [TrustDomain.Authorities] says which may speak for a trust domain, and a [Mapping]
// sees the whole chain.
//
// The handshake proves who is calling, and TLS does not say when it was. An action
// with a max_age that names this scheme is refused at registration.
package mtls
