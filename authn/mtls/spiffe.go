package mtls

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"github.com/spiffe/go-spiffe/v2/spiffeid"

	"github.com/sallyport-rpc/sallyport/authn"
)

// A TrustDomain is a SPIFFE trust domain whose workloads may call.
type TrustDomain struct {
	// Required. Name is the trust domain, such as "example.org".
	Name string
	// Authorities returns the certificates that may name workloads of this domain now:
	// those of its SPIFFE bundle, which are among the server's ClientCAs. It runs at
	// every call and must be safe for concurrent use. Without any, no workload is let in.
	//
	// A nil function means all of ClientCAs, and is refused where there are several
	// domains: the authority of one could name workloads of another.
	Authorities func() []*x509.Certificate
}

// A Lookup returns what is known of a workload now: roles, claims and so on. The id
// is a SPIFFE ID of one of the trust domains, such as "spiffe://example.org/billing". A
// Lookup runs at every call.
//
// For a workload that may not call it returns an error made by
// [authn.InvalidCredential]; after any other error the call ends as unavailable.
type Lookup func(ctx context.Context, id string) (authn.Details, error)

// NewSPIFFE returns an Authenticator of workloads with X.509-SVIDs, whose principals
// have their SPIFFE ID for an id. It takes certificates of the given trust domains, of
// which there must be one at least, with exactly one URI among their names and that a
// SPIFFE ID with a path, which cannot sign others. The error names everything that is
// wrong with the arguments.
func NewSPIFFE(lookup Lookup, domains ...TrustDomain) (*Authenticator, error) {
	var errs []error
	if lookup == nil {
		errs = append(errs, errors.New("mtls: a lookup is required"))
	}
	if len(domains) == 0 {
		errs = append(errs, errors.New("mtls: a trust domain is required"))
	}
	known := make(map[string]TrustDomain, len(domains))
	for _, domain := range domains {
		// It also takes the ID of a trust domain for its name, or of a workload.
		parsed, err := spiffeid.TrustDomainFromString(domain.Name)
		if err != nil || parsed.Name() != domain.Name || len(domain.Name) > longestTrustDomain {
			errs = append(errs, fmt.Errorf("mtls: %q is not a trust domain", domain.Name))
		}
		if _, twice := known[domain.Name]; twice {
			errs = append(errs, fmt.Errorf("mtls: trust domain %q is there twice", domain.Name))
		}
		if len(domains) > 1 && domain.Authorities == nil {
			errs = append(errs, fmt.Errorf("mtls: trust domain %q is one of several and has no authorities of its own", domain.Name))
		}
		known[domain.Name] = domain
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return New(workloads{lookup, known}.identify)
}

// workloads is the [Mapping] of SPIFFE.
type workloads struct {
	lookup  Lookup
	domains map[string]TrustDomain
}

func (w workloads) identify(ctx context.Context, chain []*x509.Certificate) (string, authn.Details, error) {
	id, err := spiffeID(chain[0])
	if err != nil {
		return "", authn.Details{}, authn.InvalidCredential(err.Error())
	}
	domain, ok := w.domains[id.TrustDomain().Name()]
	if !ok {
		return "", authn.Details{}, authn.InvalidCredential("client certificate is of another trust domain")
	}
	if domain.Authorities != nil && !slices.ContainsFunc(domain.Authorities(), chain[len(chain)-1].Equal) {
		return "", authn.Details{}, authn.InvalidCredential("client certificate is of an authority that may not speak for its trust domain")
	}
	details, err := w.lookup(ctx, id.String())
	return id.String(), details, err
}
