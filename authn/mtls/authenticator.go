package mtls

import (
	"context"
	"crypto/x509"
	"errors"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// An Authenticator authenticates callers by their client certificates. Make one with
// [New] or [NewSPIFFE]. It is safe for concurrent use and holds no state.
type Authenticator struct{ mapping Mapping }

var _ authn.Authenticator = (*Authenticator)(nil)

// A Mapping tells whom a verified chain of certificates names, and what is known of
// them now. The chain begins with the caller's certificate and ends with one of
// ClientCAs; a Mapping must not change it. It runs at every call. Where TLS found
// several chains for a certificate, it is asked about one after the other, until one
// is good.
//
// Of a certificate, it should read what the authority vouches for and little else: the
// common name of an authority that is not one's own means nothing.
//
// For a chain that names nobody, or somebody who is gone or disabled, it returns an
// error made by [authn.InvalidCredential], or an empty id; any other error means that
// nobody can tell, and the call ends as unavailable. AuthenticatedAt of the claims is
// ignored; ExpiresAt holds where it comes before the chain's own.
type Mapping func(ctx context.Context, chain []*x509.Certificate) (id string, claims authn.Details, err error)

// New returns an Authenticator that asks mapping whose certificate it is.
func New(mapping Mapping) (*Authenticator, error) {
	if mapping == nil {
		return nil, errors.New("mtls: a mapping is required")
	}
	return &Authenticator{mapping}, nil
}

// Reasons for operators.
var (
	errUnverified = authn.InvalidCredential("client certificate was presented and not verified")
	errExpired    = authn.InvalidCredential("client certificate, or an issuer of it, has expired since the handshake")
	errNobody     = authn.InvalidCredential("client certificate names nobody")
)

// Authenticate finds out whose client certificate the call's connection has. See the
// package for what is refused, and [authn.Authenticator] for the errors. A call that
// came without TLS or without a certificate has no credential, and neither has one whose
// server does not say who is at the other end ([authn.PeerFrom]).
func (a *Authenticator) Authenticate(ctx context.Context, _ *connect.CallInfo) (*authn.Principal, error) {
	peer, ok := authn.PeerFrom(ctx)
	if !ok || peer.TLS == nil || len(peer.TLS.PeerCertificates) == 0 {
		return nil, authn.ErrNoCredential
	}
	state := peer.TLS
	if len(state.VerifiedChains) == 0 {
		return nil, errUnverified
	}
	now, refused := time.Now(), errExpired
	for _, chain := range state.VerifiedChains {
		expires := expiry(chain)
		if !now.Before(expires) {
			continue
		}
		id, details, err := a.mapping(ctx, chain)
		if err == nil && id == "" {
			err = errNobody
		}
		if err != nil {
			refused = authn.FromLookup(ctx, "map a certificate", err)
			if errors.Is(refused, authn.ErrInvalidCredential) && !errors.Is(refused, authn.ErrUnavailable) {
				continue
			}
			return nil, refused
		}
		details.AuthenticatedAt = time.Time{}
		details.EndBy(expires)
		return authn.NewPrincipal(id, details), nil
	}
	return nil, refused
}

// expiry returns when the first certificate of a chain expires. A chain without any
// has expired.
func expiry(chain []*x509.Certificate) time.Time {
	var first time.Time
	for _, certificate := range chain {
		if first.IsZero() || certificate.NotAfter.Before(first) {
			first = certificate.NotAfter
		}
	}
	return first
}
