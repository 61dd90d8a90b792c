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

// A Mapping returns the principal that a verified chain of certificates names, and what
// is known of it now. The chain begins with the caller's certificate and ends with one of
// ClientCAs; a Mapping must not change it. It runs at every call. Where TLS found
// several chains for a certificate, it is asked about one after the other, until one
// is good.
//
// It should read of a certificate what the authority vouches for and little else: the
// common name of an authority that is not your own means nothing.
//
// For a chain that names no principal, or one that is gone or disabled, it returns an
// error made by [authn.InvalidCredential], or an empty id; after any other error the call
// ends as unavailable. AuthenticatedAt of the details is ignored; ExpiresAt holds where it
// comes before the chain's own.
type Mapping func(ctx context.Context, chain []*x509.Certificate) (id string, details authn.Details, err error)

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
	errNoID       = authn.InvalidCredential("client certificate names no principal")
)

// Authenticate finds out whose client certificate the call's connection has. See the
// package for what is refused, and [authn.Authenticator] for the errors. A call that
// came without TLS or without a certificate has no credential, and neither has one whose
// server does not say what is at the other end ([authn.PeerFrom]).
func (a *Authenticator) Authenticate(ctx context.Context, _ *connect.CallInfo) (*authn.Principal, error) {
	peer, ok := authn.PeerFrom(ctx)
	if !ok || peer.TLS == nil || len(peer.TLS.PeerCertificates) == 0 {
		return nil, authn.ErrNoCredential
	}
	principal, err := a.authenticate(ctx, peer.TLS.VerifiedChains, time.Now())
	if peer.Connection != nil && (errors.Is(err, authn.ErrInvalidCredential) || endsSoon(peer.TLS.VerifiedChains, time.Now())) {
		// The client may have a newer certificate, which it can show over a new connection
		// alone.
		peer.Connection.CloseAfterAnswer()
	}
	return principal, err
}

func (a *Authenticator) authenticate(ctx context.Context, chains [][]*x509.Certificate, now time.Time) (*authn.Principal, error) {
	if len(chains) == 0 {
		return nil, errUnverified
	}
	refused := errExpired
	for _, chain := range chains {
		expires := expiry(chain)
		if !now.Before(expires) {
			continue
		}
		id, details, err := a.mapping(ctx, chain)
		if err == nil && id == "" {
			err = errNoID
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

// A connection is closed when its certificate is about to expire, so that a client
// which has renewed in time is never refused: in the last fiftieth of the certificate's
// life, at most half a minute.
const (
	lastPart    = 50
	longestPart = 30 * time.Second
)

// endsSoon reports whether every chain of a connection is in its last part.
func endsSoon(chains [][]*x509.Certificate, now time.Time) bool {
	for _, chain := range chains {
		if len(chain) == 0 {
			continue
		}
		expires := expiry(chain)
		if now.Before(expires.Add(-min(expires.Sub(chain[0].NotBefore)/lastPart, longestPart))) {
			return false
		}
	}
	return true
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
