package mtls_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/mtls"
)

// TestCertificatesOverTheWire makes a handshake with each certificate, at servers that
// verify in every way that Go knows.
func TestCertificatesOverTheWire(t *testing.T) {
	t.Parallel()
	const id = "spiffe://example.org/billing"
	root, stranger := sign(t, nil, authority, subject("root")), sign(t, nil, authority, subject("stranger"))
	namesake := sign(t, nil, authority, subject("root")) // by the same name, with another key
	middle := sign(t, root, authority, subject("middle"))
	narrow := sign(t, root, authority, subject("narrow"), func(template *x509.Certificate) {
		template.PermittedURIDomains = []string{"other.org"}
	})
	alone := sign(t, nil, named(id))
	past := func(template *x509.Certificate) { template.NotAfter = time.Now().Add(-time.Minute) }
	future := func(template *x509.Certificate) { template.NotBefore = time.Now().Add(time.Minute) }
	usable := func(usages ...x509.ExtKeyUsage) edit {
		return func(template *x509.Certificate) { template.ExtKeyUsage = usages }
	}
	const byTLS = "refused by TLS"
	for name, test := range map[string]struct {
		shown *signer
		want  string // where TLS verifies
	}{
		"none":                          {nil, "none"},
		"sound":                         {sign(t, root, named(id)), id},
		"sound, through another":        {sign(t, middle, named(id)), id},
		"sound, for both sides":         {sign(t, root, named(id), usable(x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth)), id},
		"sound, for any use":            {sign(t, root, named(id), usable()), id},
		"expired":                       {sign(t, root, named(id), past), byTLS},
		"not yet valid":                 {sign(t, root, named(id), future), byTLS},
		"through an expired one":        {sign(t, sign(t, root, authority, past), named(id)), byTLS},
		"of another authority":          {sign(t, stranger, named(id)), byTLS},
		"of another by the same name":   {sign(t, namesake, named(id)), byTLS},
		"signed by itself":              {alone, byTLS},
		"through one that may not sign": {sign(t, sign(t, root), named(id)), byTLS},
		"through one that may not name": {sign(t, narrow, named(id)), byTLS},
		"of a server":                   {sign(t, root, named(id), usable(x509.ExtKeyUsageServerAuth)), byTLS},
		"of a signer of code":           {sign(t, root, named(id), usable(x509.ExtKeyUsageCodeSigning)), byTLS},

		"two URIs":           {sign(t, root, named(id, "spiffe://example.org/other")), "invalid"},
		"one URI twice":      {sign(t, root, named(id, id)), "invalid"},
		"another URI first":  {sign(t, root, named("https://example.org/", id)), "invalid"},
		"another URI last":   {sign(t, root, named(id, "https://example.org/")), "invalid"},
		"no URI":             {sign(t, root, named()), "invalid"},
		"no names":           {sign(t, root), "invalid"},
		"ID in the subject":  {sign(t, root, subject(id)), "invalid"},
		"other trust domain": {sign(t, root, named("spiffe://other.org/billing")), "invalid"},
		"sub-domain":         {sign(t, root, named("spiffe://a.example.org/billing")), "invalid"},
		"longer domain":      {sign(t, root, named("spiffe://example.organic/billing")), "invalid"},
		"trust domain alone": {sign(t, root, named("spiffe://example.org")), "invalid"},
		"an authority":       {sign(t, root, named(id), authority), "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for mode, want := range map[tls.ClientAuthType]string{
				tls.NoClientCert:               "none",
				tls.RequestClientCert:          "invalid",
				tls.RequireAnyClientCert:       "invalid",
				tls.VerifyClientCertIfGiven:    test.want,
				tls.RequireAndVerifyClientCert: test.want,
			} {
				switch {
				case test.shown == nil && (mode == tls.RequireAnyClientCert || mode == tls.RequireAndVerifyClientCert):
					want = byTLS
				case test.shown == nil:
					want = "none"
				}
				fixture := serve(t, newSPIFFE(t), &tls.Config{ClientAuth: mode, ClientCAs: pool(root)})
				for _, http2 := range []bool{false, true} {
					if got := fixture.call(t, fixture.client(t, test.shown, http2), nil); got != want {
						t.Errorf("%v, HTTP/2 %t: %s, want %s", mode, http2, got, want)
					}
				}
			}
		})
	}
}

func TestEveryProtocol(t *testing.T) {
	t.Parallel()
	const id = "spiffe://example.org/billing"
	root := sign(t, nil, authority)
	ada, bob := sign(t, root, named(id)), sign(t, root, named("spiffe://example.org/other"))
	fixture := serve(t, newSPIFFE(t), &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool(root)})
	for name, options := range map[string][]connecthttp.Option{
		"connect":  nil,
		"GET":      {connecthttp.WithHTTPGet()},
		"grpc":     {connecthttp.WithGRPC()},
		"grpc-web": {connecthttp.WithGRPCWeb()},
	} {
		for _, http2 := range []bool{false, true} {
			if name == "grpc" && !http2 {
				continue
			}
			client := fixture.client(t, ada, http2)
			for range 3 { // one connection
				if got := fixture.call(t, client, nil, options...); got != id {
					t.Errorf("%s, HTTP/2 %t: %s", name, http2, got)
				}
			}
			if info := fixture.seen.Load().TransportInfo.(*connecthttp.ServerInfo); (info.RequestProto() == "HTTP/2.0") != http2 {
				t.Errorf("%s came by %s", name, info.RequestProto())
			}
			if got := fixture.call(t, fixture.client(t, bob, http2), nil, options...); got != "spiffe://example.org/other" {
				t.Errorf("%s, HTTP/2 %t, another caller: %s", name, http2, got)
			}
			if got := fixture.call(t, fixture.client(t, nil, http2), nil, options...); got != "none" {
				t.Errorf("%s, HTTP/2 %t, without a certificate: %s", name, http2, got)
			}
		}
	}
}

// TestForwardedIdentityIsIgnored has callers say who they are.
func TestForwardedIdentityIsIgnored(t *testing.T) {
	t.Parallel()
	const id, claimed = "spiffe://example.org/billing", "spiffe://example.org/admin"
	root := sign(t, nil, authority)
	fixture := serve(t, newSPIFFE(t), &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool(root)})
	for name, value := range map[string]string{
		"X-Forwarded-Client-Cert": "By=spiffe://example.org/proxy;URI=" + claimed,
		"X-Client-Cert":           claimed,
		"X-Ssl-Client-Verify":     "SUCCESS",
		"X-Ssl-Client-S-Dn":       "CN=admin",
		"Ssl-Client-Cert":         claimed,
		"Client-Cert":             ":bm8=:", // RFC 9440
		"Forwarded":               "for=127.0.0.1;proto=https",
		"X-Spiffe-Id":             claimed,
		"Authorization":           "Bearer " + claimed,
	} {
		headers := map[string]string{name: value}
		if got := fixture.call(t, fixture.client(t, nil, true), headers); got != "none" {
			t.Errorf("%s without a certificate: %s", name, got)
		}
		if got := fixture.call(t, fixture.client(t, sign(t, root, named(id)), true), headers); got != id {
			t.Errorf("%s beside a certificate: %s", name, got)
		}
	}
}

func TestWithoutTLS(t *testing.T) {
	t.Parallel()
	fixture := build(newSPIFFE(t))
	fixture.Server = newPlain(t, fixture.mux)
	if got := fixture.call(t, fixture.Client(), nil); got != "none" {
		t.Errorf("got %s", got)
	}
}

// TestResumedSessions comes back with a ticket in place of a certificate.
func TestResumedSessions(t *testing.T) {
	t.Parallel()
	const id = "spiffe://example.org/billing"
	root := sign(t, nil, authority)
	fixture := serve(t, newSPIFFE(t), &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool(root)})
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, shown := range []*signer{sign(t, root, named(id)), nil} {
			client := fixture.client(t, shown, false)
			transport := client.Transport.(*http.Transport)
			transport.DisableKeepAlives = true
			transport.TLSClientConfig.MaxVersion = version
			transport.TLSClientConfig.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			want := id
			if shown == nil {
				want = "none"
			}
			for i := range 3 {
				if got := fixture.call(t, client, nil); got != want {
					t.Errorf("%s, call %d: %s", tls.VersionName(version), i, got)
				}
				state := fixture.seen.Load().TransportInfo.(*connecthttp.ServerInfo).TLS()
				if state.DidResume != (i > 0) || state.Version != version {
					t.Errorf("%s, call %d: resumed: %t", tls.VersionName(state.Version), i, state.DidResume)
				}
			}
		}
	}
}

// TestExpiryWithinAConnection has the handshake happen before a certificate expired,
// by the server's clock.
func TestExpiryWithinAConnection(t *testing.T) {
	t.Parallel()
	const id = "spiffe://example.org/billing"
	late := func(template *x509.Certificate) {
		template.NotAfter = time.Now().Add(-time.Second).Truncate(time.Second)
	}
	root, lateRoot := sign(t, nil, authority), sign(t, nil, authority, late)
	for name, test := range map[string]struct {
		shown *signer
		want  string
	}{
		"good":                  {sign(t, root, named(id)), id},
		"certificate expired":   {sign(t, root, named(id), late), "invalid"},
		"its issuer expired":    {sign(t, sign(t, root, authority, late), named(id)), "invalid"},
		"the authority expired": {sign(t, lateRoot, named(id)), "invalid"},
	} {
		fixture := serve(t, newSPIFFE(t), &tls.Config{
			ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool(root, lateRoot),
			Time: func() time.Time { return time.Now().Add(-time.Minute) },
		})
		for _, http2 := range []bool{false, true} {
			if got := fixture.call(t, fixture.client(t, test.shown, http2), nil); got != test.want {
				t.Errorf("%s, HTTP/2 %t: %s, want %s", name, http2, got, test.want)
			}
		}
	}
}

// TestAnotherNamesAuthorities has one server for two names, each with authorities of
// its own, and a client that uses the connection for one with requests for the other.
func TestAnotherNamesAuthorities(t *testing.T) {
	t.Parallel()
	ours, theirs := sign(t, nil, authority, subject("ours")), sign(t, nil, authority, subject("theirs"))
	authorities := func(signers ...*signer) func() []*x509.Certificate {
		return func() (certificates []*x509.Certificate) {
			for _, signer := range signers {
				certificates = append(certificates, signer.certificate)
			}
			return certificates
		}
	}
	const id = "spiffe://ours.example/billing"
	own := sign(t, nil)
	fixture := serve(t, newSPIFFE(t, mtls.TrustDomain{Name: "ours.example", Authorities: authorities(ours)}), &tls.Config{
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			config := &tls.Config{
				Certificates: []tls.Certificate{own.shown()}, NextProtos: hello.SupportedProtos,
				ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool(theirs),
			}
			if hello.ServerName == "ours.example" {
				config.ClientCAs = pool(ours)
			}
			return config, nil
		},
	})
	for _, test := range []struct {
		server string // of the handshake
		shown  *signer
		want   string
	}{
		{"ours.example", sign(t, ours, named(id)), id},
		{"ours.example", sign(t, theirs, named(id)), "refused by TLS"},
		{"theirs.example", sign(t, theirs, named(id)), "invalid"},
		{"theirs.example", sign(t, ours, named(id)), "refused by TLS"},
	} {
		for _, http2 := range []bool{false, true} {
			client := fixture.client(t, test.shown, http2)
			config := client.Transport.(*http.Transport).TLSClientConfig
			config.ServerName, config.InsecureSkipVerify = test.server, true
			if got := fixture.call(t, client, map[string]string{"Host": "ours.example"}); got != test.want {
				t.Errorf("over a connection for %s, HTTP/2 %t: %s, want %s", test.server, http2, got, test.want)
			}
		}
	}
}

// TestMappingSeesTheAuthority tells callers of one name apart by who named them.
func TestMappingSeesTheAuthority(t *testing.T) {
	t.Parallel()
	staff, devices := sign(t, nil, authority, subject("staff")), sign(t, nil, authority, subject("devices"))
	authenticator, err := mtls.New(func(_ context.Context, chain []*x509.Certificate) (string, authn.Details, error) {
		return chain[len(chain)-1].Subject.CommonName + "/" + chain[0].Subject.CommonName, authn.Details{}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	fixture := serve(t, authenticator, &tls.Config{ClientAuth: tls.VerifyClientCertIfGiven, ClientCAs: pool(staff, devices)})
	for want, shown := range map[string]*signer{
		"staff/ada":   sign(t, staff),
		"devices/ada": sign(t, sign(t, devices, authority, subject(strings.Repeat("staff", 3)))),
		"staff/bob":   sign(t, staff, subject("bob")),
		"none":        nil,
	} {
		if got := fixture.call(t, fixture.client(t, shown, true), nil); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
