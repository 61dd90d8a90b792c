package mtls

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
)

// withURI is a certificate with one URI among its names.
func withURI(tb testing.TB, uri string) *x509.Certificate {
	tb.Helper()
	value, err := asn1.Marshal([]asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: uriName, Bytes: []byte(uri)}})
	if err != nil {
		tb.Fatal(err)
	}
	return &x509.Certificate{Extensions: []pkix.Extension{{Id: subjectAltName, Value: value}}}
}

const billing = "spiffe://example.org/billing"

// sound says in its own words what a SPIFFE ID of a workload is.
func sound(id string) bool {
	const lower, digits, marks = "abcdefghijklmnopqrstuvwxyz", "0123456789", "-._"
	rest, ok := strings.CutPrefix(id, "spiffe://")
	domain, path, slash := strings.Cut(rest, "/")
	if !ok || !slash || domain == "" || len(domain) > 255 || len(id) > 2048 || strings.Trim(domain, lower+digits+marks) != "" {
		return false
	}
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" || segment == "." || segment == ".." ||
			strings.Trim(segment, lower+strings.ToUpper(lower)+digits+marks) != "" {
			return false
		}
	}
	return true
}

// TestSPIFFEIDNeighbours puts every byte into, for one of and after an ID.
func TestSPIFFEIDNeighbours(t *testing.T) {
	t.Parallel()
	for b := range 256 {
		c := string([]byte{byte(b)})
		for i := range len(billing) + 1 {
			for _, altered := range []string{billing[:i] + c + billing[i:], billing[:i] + c + billing[min(i+1, len(billing)):]} {
				id, err := spiffeID(withURI(t, altered))
				if (err == nil) != sound(altered) || err == nil && id.String() != altered {
					t.Errorf("%q: %v, %v", altered, id, err)
				}
			}
		}
	}
}

func FuzzSPIFFEID(f *testing.F) {
	for _, id := range []string{billing, "spiffe://a/b", "spiffe://a", "SPIFFE://a/b#", ""} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		id, err := spiffeID(withURI(t, uri))
		if (err == nil) != sound(uri) || err == nil && id.String() != uri {
			t.Errorf("%q: %v, %v", uri, id, err)
		}
	})
}

func FuzzNames(f *testing.F) {
	f.Add(withURI(f, billing).Extensions[0].Value)
	f.Add([]byte{0x30, 0x80, 0, 0})
	f.Fuzz(func(t *testing.T, value []byte) {
		uris, err := uriNames(&x509.Certificate{Extensions: []pkix.Extension{{Id: subjectAltName, Value: value}}})
		if err != nil && uris != nil {
			t.Errorf("%v beside %v", uris, err)
		}
	})
}
