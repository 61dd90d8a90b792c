package mtls_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/mtls"
)

func TestNewSPIFFERefuses(t *testing.T) {
	t.Parallel()
	none := func() []*x509.Certificate { return nil }
	for name, test := range map[string]struct {
		lookup  mtls.Lookup
		domains []mtls.TrustDomain
		want    []string
	}{
		"sound":             {anyWorkload, []mtls.TrustDomain{{Name: "example.org"}}, nil},
		"several":           {anyWorkload, []mtls.TrustDomain{{Name: "example.org", Authorities: none}, {Name: "a_b-c.1", Authorities: none}}, nil},
		"longest":           {anyWorkload, []mtls.TrustDomain{{Name: strings.Repeat("a", 255)}}, nil},
		"nothing":           {nil, nil, []string{"lookup", "trust domain is required"}},
		"no name":           {anyWorkload, []mtls.TrustDomain{{}}, []string{`"" is not a trust domain`}},
		"in upper case":     {anyWorkload, []mtls.TrustDomain{{Name: "Example.org"}}, []string{`"Example.org" is not a trust domain`}},
		"an ID":             {anyWorkload, []mtls.TrustDomain{{Name: "spiffe://example.org"}}, []string{"not a trust domain"}},
		"with a path":       {anyWorkload, []mtls.TrustDomain{{Name: "example.org/a"}}, []string{"not a trust domain"}},
		"with a port":       {anyWorkload, []mtls.TrustDomain{{Name: "example.org:1"}}, []string{"not a trust domain"}},
		"a pattern":         {anyWorkload, []mtls.TrustDomain{{Name: "*"}}, []string{"not a trust domain"}},
		"too long":          {anyWorkload, []mtls.TrustDomain{{Name: strings.Repeat("a", 256)}}, []string{"not a trust domain"}},
		"twice":             {anyWorkload, []mtls.TrustDomain{{"a", none}, {"a", none}}, []string{"twice"}},
		"one for another":   {anyWorkload, []mtls.TrustDomain{{"a", none}, {"b", nil}}, []string{`"b" is one of several`}},
		"all that is wrong": {nil, []mtls.TrustDomain{{"A", none}, {"b", nil}}, []string{"lookup", `"A" is no`, `"b" is one of`}},
	} {
		authenticator, err := mtls.NewSPIFFE(test.lookup, test.domains...)
		if (err == nil) != (test.want == nil) || (authenticator != nil) != (err == nil) {
			t.Errorf("%s: %v, %v", name, authenticator, err)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q is not in: %v", name, want, err)
			}
		}
	}
}

// parsed is a certificate as TLS could have parsed it, with the given extensions.
func parsed(extensions ...pkix.Extension) []*x509.Certificate {
	return []*x509.Certificate{{NotAfter: time.Now().Add(time.Hour), Extensions: extensions}}
}

func TestSPIFFEIDs(t *testing.T) {
	t.Parallel()
	authenticator := newSPIFFE(t)
	const domain = "spiffe://example.org"
	longest := domain + "/" + strings.Repeat("a", 2048-len(domain)-1)
	for uri, good := range map[string]bool{
		domain + "/billing":         true,
		domain + "/Billing/v1.2_a-": true,
		domain + "/...":             true,
		longest:                     true,

		longest + "a":                      false,
		domain:                             false,
		domain + "/":                       false,
		domain + "//billing":               false,
		domain + "/billing/":               false,
		domain + "/a//b":                   false,
		domain + "/./a":                    false,
		domain + "/a/..":                   false,
		domain + "/a/../b":                 false,
		domain + "/a?":                     false,
		domain + "/a?b=c":                  false,
		domain + "/a#":                     false,
		domain + "/a#b":                    false,
		domain + "?a":                      false,
		domain + "#a":                      false,
		domain + "/%61":                    false,
		domain + "/a%2fb":                  false,
		domain + "/a b":                    false,
		domain + "/é":                      false,
		domain + "/a\x00":                  false,
		domain + "/a\n":                    false,
		domain + "/a*":                     false,
		domain + "/a:b":                    false,
		domain + "/a@b":                    false,
		domain + `\a`:                      false,
		domain + ":443/a":                  false,
		domain + ":/a":                     false,
		domain + "./a":                     false,
		"spiffe://user@example.org/a":      false,
		"spiffe://user:pw@example.org/a":   false,
		"spiffe://@example.org/a":          false,
		"spiffe://Example.org/a":           false,
		"spiffe://EXAMPLE.ORG/a":           false,
		"spiffe://exampl%65.org/a":         false,
		"spiffe://xn--example.org/a":       false,
		"spiffe://[::1]/a":                 false,
		"spiffe:///a":                      false,
		"spiffe://":                        false,
		"spiffe:/example.org/a":            false,
		"spiffe:example.org/a":             false,
		"spiffe:////example.org/a":         false,
		"SPIFFE://example.org/a":           false,
		"Spiffe://example.org/a":           false,
		"https://example.org/a":            false,
		"spiffes://example.org/a":          false,
		"\tspiffe://example.org/a":         false,
		"//example.org/a":                  false,
		"example.org/a":                    false,
		"urn:spiffe:example.org":           false,
		"":                                 false,
		"spiffe://other.org/example.org/a": false,
		"spiffe://example.org.evil.com/a":  false,
		"spiffe://evil-example.org/a":      false,
	} {
		want := "invalid"
		if good {
			want = uri
		}
		principal, err := over(t, authenticator, verified(parsed(names(uri))))
		if got := outcome(principal, err); got != want {
			t.Errorf("%.80q: %.80s", uri, got)
		}
		if err != nil && len(uri) > 10 && strings.Contains(err.Error(), uri) {
			t.Errorf("the error repeats what a stranger wrote: %.80v", err)
		}
	}
}

func TestNamesOfCertificates(t *testing.T) {
	t.Parallel()
	authenticator := newSPIFFE(t)
	const id = "spiffe://example.org/billing"
	sound := names(id)
	for name, test := range map[string]struct {
		chain []*x509.Certificate
		want  string
	}{
		"sound":                     {parsed(sound), id},
		"no extension":              {parsed(), "invalid"},
		"empty extension":           {parsed(pkix.Extension{Id: sound.Id}), "invalid"},
		"cut short":                 {parsed(pkix.Extension{Id: sound.Id, Value: sound.Value[:len(sound.Value)-1]}), "invalid"},
		"something after it":        {parsed(pkix.Extension{Id: sound.Id, Value: append(slices.Clip(sound.Value), 5, 0)}), "invalid"},
		"no sequence":               {parsed(pkix.Extension{Id: sound.Id, Value: []byte{4, 2, 0x86, 0}}), "invalid"},
		"two extensions":            {parsed(sound, sound), "invalid"},
		"two extensions, one empty": {parsed(sound, names()), id},
		"of the issuer":             {parsed(pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 18}, Value: sound.Value}), "invalid"},
		"no URI":                    {parsed(names()), "invalid"},
		"two URIs":                  {parsed(names(id, "https://example.org")), "invalid"},
	} {
		if got := outcome(over(t, authenticator, verified(test.chain))); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
	for name, edit := range map[string]func(*x509.Certificate){
		"an authority":          func(c *x509.Certificate) { c.IsCA = true },
		"a signer of others":    func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign },
		"a signer of CRLs":      func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign },
		"a signer of documents": func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature },
	} {
		chain, want := parsed(sound), "invalid"
		edit(chain[0])
		if name == "a signer of documents" {
			want = id
		}
		if got := outcome(over(t, authenticator, verified(chain))); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// Operators read why a certificate was refused, whichever of the checks it fails.
func TestReasons(t *testing.T) {
	t.Parallel()
	root := sign(t, nil, authority).certificate
	none := mtls.TrustDomain{Name: "example.org", Authorities: func() []*x509.Certificate { return nil }}
	const id = "spiffe://example.org/billing"
	for _, test := range []struct {
		authenticator *mtls.Authenticator
		state         *tls.ConnectionState
		want          string
	}{
		{newSPIFFE(t), &tls.ConnectionState{PeerCertificates: parsed(names(id))}, "presented and not verified"},
		{newSPIFFE(t), verified(parsed(names(id, "https://example.org"))), "has 2 URIs as names in place of one"},
		{newSPIFFE(t), verified(parsed()), "has 0 URIs"},
		{newSPIFFE(t), verified(parsed(pkix.Extension{Id: names().Id, Value: []byte{4, 2, 0x86, 0}})), "unreadable names"},
		{newSPIFFE(t), verified(parsed(names("https://example.org"))), "has no SPIFFE ID: "},
		{newSPIFFE(t), verified(parsed(names("spiffe://example.org/" + strings.Repeat("a", 2048)))), "too long"},
		{newSPIFFE(t), verified(parsed(names("spiffe://" + strings.Repeat("a", 255) + "/x"))), "another trust domain"},
		{newSPIFFE(t), verified(parsed(names("spiffe://" + strings.Repeat("a", 256) + "/x"))), "too long"},
		{newSPIFFE(t), verified(parsed(names("spiffe://example.org"))), "names a trust domain and no workload"},
		{newSPIFFE(t), verified(parsed(names("spiffe://example.com/x"))), "another trust domain"},
		{newSPIFFE(t, none), verified(append(parsed(names(id)), root)), "may not speak for its trust domain"},
		{newSPIFFE(t), verified([]*x509.Certificate{{NotAfter: time.Now().Add(time.Hour), IsCA: true}}), "may sign other certificates"},
	} {
		if _, err := over(t, test.authenticator, test.state); !errors.Is(err, authn.ErrInvalidCredential) || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v, want %q", err, test.want)
		}
	}
}

// TestFederation has two trust domains, whose authorities speak for their own.
func TestFederation(t *testing.T) {
	t.Parallel()
	oursRoot, theirsRoot := sign(t, nil, authority), sign(t, nil, authority)
	nextRoot := sign(t, nil, authority)
	var ours []*x509.Certificate
	authenticator := newSPIFFE(t,
		mtls.TrustDomain{Name: "ours.example", Authorities: func() []*x509.Certificate { return ours }},
		mtls.TrustDomain{Name: "theirs.example", Authorities: func() []*x509.Certificate { return []*x509.Certificate{nil, theirsRoot.certificate} }},
	)
	ask := func(uri string, roots ...*signer) string {
		var chains [][]*x509.Certificate
		for _, root := range roots {
			chains = append(chains, append(parsed(names(uri)), root.certificate))
		}
		return outcome(over(t, authenticator, verified(chains...)))
	}
	for _, test := range []struct {
		why    string
		ours   []*signer
		uri    string
		roots  []*signer
		wanted bool
	}{
		{"no authorities yet", nil, "spiffe://ours.example/a", []*signer{oursRoot}, false},
		{"our authority", []*signer{oursRoot}, "spiffe://ours.example/a", []*signer{oursRoot}, true},
		{"theirs for us", []*signer{oursRoot}, "spiffe://ours.example/a", []*signer{theirsRoot}, false},
		{"theirs for them", []*signer{oursRoot}, "spiffe://theirs.example/a", []*signer{theirsRoot}, true},
		{"ours for them", []*signer{oursRoot}, "spiffe://theirs.example/a", []*signer{oursRoot}, false},
		{"ours by the second chain", []*signer{oursRoot}, "spiffe://ours.example/a", []*signer{theirsRoot, oursRoot}, true},
		{"a third domain", []*signer{oursRoot}, "spiffe://third.example/a", []*signer{oursRoot}, false},
		{"before the change", []*signer{oursRoot, nextRoot}, "spiffe://ours.example/a", []*signer{oursRoot}, true},
		{"amid the change", []*signer{oursRoot, nextRoot}, "spiffe://ours.example/a", []*signer{nextRoot}, true},
		{"after the change", []*signer{nextRoot}, "spiffe://ours.example/a", []*signer{oursRoot}, false},
		{"after the change, the new", []*signer{nextRoot}, "spiffe://ours.example/a", []*signer{nextRoot}, true},
	} {
		ours = nil
		for _, root := range test.ours {
			ours = append(ours, root.certificate)
		}
		want := "invalid"
		if test.wanted {
			want = test.uri
		}
		if got := ask(test.uri, test.roots...); got != want {
			t.Errorf("%s: %s, want %s", test.why, got, want)
		}
	}
}

func TestLookupDecides(t *testing.T) {
	t.Parallel()
	const id = "spiffe://example.org/billing"
	var claims authn.Details
	var answer error
	authenticator, err := mtls.NewSPIFFE(func(_ context.Context, asked string) (authn.Details, error) {
		if asked != id {
			t.Errorf("asked about %s", asked)
		}
		return claims, answer
	}, mtls.TrustDomain{Name: "example.org"})
	if err != nil {
		t.Fatal(err)
	}
	state := verified(parsed(names(id)))
	for _, test := range []struct {
		roles  []string
		answer error
		want   string
	}{
		{[]string{"biller"}, nil, id},
		{nil, authn.InvalidCredential("retired"), "invalid"},
		{nil, errors.New("connection refused"), "unavailable"},
		{nil, fmt.Errorf("look: %w", authn.ErrNoCredential), "fault"},
		{[]string{"member"}, nil, id},
	} {
		claims, answer = authn.Details{Roles: test.roles}, test.answer
		principal, err := over(t, authenticator, state)
		if got := outcome(principal, err); got != test.want {
			t.Errorf("where Lookup says %v: %s, want %s", test.answer, got, test.want)
		}
		if err == nil {
			if diff := cmp.Diff(test.roles, principal.Roles()); diff != "" {
				t.Error(diff)
			}
		}
	}
}
