package mtls

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"

	"github.com/spiffe/go-spiffe/v2/spiffeid"
)

// Lengths in bytes, by the SPIFFE ID specification, sections 2.1 and 2.3.
const (
	longestTrustDomain = 255
	longestID          = 2048
)

// spiffeID returns the SPIFFE ID of a leaf certificate, by sections 2 and 5.2 of the
// X.509-SVID specification.
func spiffeID(leaf *x509.Certificate) (spiffeid.ID, error) {
	if leaf.IsCA || leaf.KeyUsage&(x509.KeyUsageCertSign|x509.KeyUsageCRLSign) != 0 {
		return spiffeid.ID{}, errors.New("client certificate may sign other certificates")
	}
	uris, err := uriNames(leaf)
	if err != nil {
		return spiffeid.ID{}, err
	}
	if len(uris) != 1 {
		return spiffeid.ID{}, fmt.Errorf("client certificate has %d URIs as names in place of one", len(uris))
	}
	id, err := spiffeid.FromString(uris[0])
	switch {
	case err != nil:
		return spiffeid.ID{}, fmt.Errorf("client certificate has no SPIFFE ID: %w", err)
	case len(uris[0]) > longestID || len(id.TrustDomain().Name()) > longestTrustDomain:
		return spiffeid.ID{}, errors.New("client certificate has no SPIFFE ID: it is too long")
	case id.Path() == "":
		return spiffeid.ID{}, errors.New("client certificate names a trust domain and no workload")
	}
	return id, nil
}

// subjectAltName is the extension of RFC 5280, section 4.2.1.6, in which a URI has the
// tag uriName.
var subjectAltName = asn1.ObjectIdentifier{2, 5, 29, 17}

const uriName = 6

// uriNames returns the URIs among a certificate's names, letter by letter. Those that
// [x509.Certificate.URIs] holds have lost an empty fragment and the scheme's case.
func uriNames(certificate *x509.Certificate) ([]string, error) {
	var uris []string
	for _, extension := range certificate.Extensions {
		if !extension.Id.Equal(subjectAltName) {
			continue
		}
		var names []asn1.RawValue
		if rest, err := asn1.Unmarshal(extension.Value, &names); err != nil || len(rest) > 0 {
			return nil, errors.New("client certificate has unreadable names")
		}
		for _, name := range names {
			if name.Class == asn1.ClassContextSpecific && name.Tag == uriName {
				uris = append(uris, string(name.Bytes))
			}
		}
	}
	return uris, nil
}
