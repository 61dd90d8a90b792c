package mtls_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	claimsv1 "github.com/sallyport-rpc/sallyport/gen/test/claims/v1"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectinprocess"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/mtls"
)

// commonName is a Mapping to the common name of the verified certificate.
func commonName(_ context.Context, chain []*x509.Certificate) (string, authn.Details, error) {
	return chain[0].Subject.CommonName, authn.Details{}, nil
}

func newMapped(tb testing.TB, mapping mtls.Mapping) *mtls.Authenticator {
	tb.Helper()
	authenticator, err := mtls.New(mapping)
	if err != nil {
		tb.Fatal(err)
	}
	return authenticator
}

// verified is the state of a connection with the given chains.
func verified(chains ...[]*x509.Certificate) *tls.ConnectionState {
	return &tls.ConnectionState{PeerCertificates: chains[0], VerifiedChains: chains}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if authenticator, err := mtls.New(nil); authenticator != nil || err == nil {
		t.Errorf("New(nil) = %v, %v", authenticator, err)
	}
}

func TestPrincipal(t *testing.T) {
	t.Parallel()
	root := sign(t, nil, authority)
	leaf := sign(t, root)
	end := leaf.certificate.NotAfter
	early := sign(t, nil, authority, func(template *x509.Certificate) { template.NotAfter = time.Now().Add(30 * time.Minute) })
	for name, test := range map[string]struct {
		chain   []*x509.Certificate
		claims  authn.Details
		expires time.Time
	}{
		"of the certificate": {[]*x509.Certificate{leaf.certificate, root.certificate}, authn.Details{}, end},
		"of its authority":   {[]*x509.Certificate{leaf.certificate, early.certificate}, authn.Details{}, early.certificate.NotAfter},
		"of one between":     {[]*x509.Certificate{leaf.certificate, early.certificate, root.certificate}, authn.Details{}, early.certificate.NotAfter},
		"of the claims":      {[]*x509.Certificate{leaf.certificate, root.certificate}, authn.Details{ExpiresAt: end.Add(-time.Minute)}, end.Add(-time.Minute)},
		"of later claims":    {[]*x509.Certificate{leaf.certificate, root.certificate}, authn.Details{ExpiresAt: end.Add(time.Minute)}, end},
		"signed in":          {[]*x509.Certificate{leaf.certificate, root.certificate}, authn.Details{AuthenticatedAt: time.Now()}, end},
	} {
		claims := test.claims
		claims.Roles, claims.Scopes, claims.Claims = []string{"admin"}, []string{"files.read"}, &claimsv1.Claims{OrgIds: []string{"red"}}
		authenticator := newMapped(t, func(_ context.Context, chain []*x509.Certificate) (string, authn.Details, error) {
			if len(chain) != len(test.chain) || chain[0] != leaf.certificate {
				t.Errorf("%s: asked about %v", name, chain)
			}
			return "ada", claims, nil
		})
		principal, err := over(t, authenticator, verified(test.chain))
		if err != nil {
			t.Fatal(err)
		}
		if team := authn.ClaimsOf[*claimsv1.Claims](principal).GetOrgIds(); principal.ID() != "ada" || !slices.Equal(team, []string{"red"}) {
			t.Errorf("%s: principal %s of teams %s", name, principal.ID(), team)
		}
		if diff := cmp.Diff([][]string{{"admin"}, {"files.read"}}, [][]string{principal.Roles(), principal.Scopes()}); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if !principal.AuthenticatedAt().IsZero() {
			t.Errorf("%s: authenticated at %v, which TLS does not say", name, principal.AuthenticatedAt())
		}
		if !principal.ExpiresAt().Equal(test.expires) {
			t.Errorf("%s: until %v, want %v", name, principal.ExpiresAt(), test.expires)
		}
		if _, reports := any(authenticator).(authn.FreshnessReporter); reports {
			t.Error("the authenticator says that it knows when callers authenticated")
		}
	}
}

// TestStates has states that no handshake leaves, or only by a callback's doing.
func TestStates(t *testing.T) {
	t.Parallel()
	root := sign(t, nil, authority)
	chain := []*x509.Certificate{sign(t, root).certificate, root.certificate}
	for name, test := range map[string]struct {
		state *tls.ConnectionState
		want  string
	}{
		"no TLS":                  {nil, "none"},
		"no certificate":          {&tls.ConnectionState{HandshakeComplete: true}, "none"},
		"verified":                {verified(chain), "ada"},
		"presented":               {&tls.ConnectionState{HandshakeComplete: true, PeerCertificates: chain}, "invalid"},
		"no chains":               {&tls.ConnectionState{PeerCertificates: chain, VerifiedChains: [][]*x509.Certificate{}}, "invalid"},
		"one chain without links": {&tls.ConnectionState{PeerCertificates: chain, VerifiedChains: [][]*x509.Certificate{nil}}, "invalid"},
		"a chain besides it":      {&tls.ConnectionState{PeerCertificates: chain, VerifiedChains: [][]*x509.Certificate{nil, chain}}, "ada"},
		"chains without a peer":   {&tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{chain}}, "none"},
	} {
		if got := outcome(over(t, newMapped(t, commonName), test.state)); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
		if test.state == nil {
			continue
		}
		var connection closing
		ctx := authn.WithPeer(t.Context(), &authn.Peer{TLS: test.state, Connection: &connection})
		_, _ = newMapped(t, commonName).Authenticate(ctx, new(connect.CallInfo))
		if bool(connection) != (test.want == "invalid") {
			t.Errorf("%s: %s, and the connection is closed: %t", name, test.want, connection)
		}
	}
}

// closing is a connection, and whether it is to be closed.
type closing bool

func (c *closing) CloseAfterAnswer() { *c = true }

// A call has no certificate where its server does not say who is at the other end, and
// a call in process has none, even where it is made with the context of a call that has
// one.
func TestOtherTransports(t *testing.T) {
	t.Parallel()
	root := sign(t, nil, authority)
	state := verified([]*x509.Certificate{sign(t, root).certificate, root.certificate})
	authenticator := newMapped(t, commonName)
	for name, ctx := range map[string]context.Context{
		"no peer":       t.Context(),
		"a nil peer":    authn.WithPeer(t.Context(), nil),
		"an empty peer": authn.WithPeer(t.Context(), new(authn.Peer)),
	} {
		if got := outcome(authenticator.Authenticate(ctx, new(connect.CallInfo))); got != "none" {
			t.Errorf("%s: %s", name, got)
		}
	}
	var got string
	server := connect.NewServer()
	server.Register(connect.Method{Spec: who, Handler: func(ctx context.Context, _ connect.Spec, stream connect.ServerStream) error {
		call, _ := connect.CallInfoForServerContext(ctx)
		got = outcome(authenticator.Authenticate(ctx, call))
		return stream.Send(new(emptypb.Empty))
	}})
	client := connect.NewClient(connectinprocess.New(server))
	if err := client.CallUnary(reached(t.Context(), state), who, new(emptypb.Empty), new(emptypb.Empty)); err != nil || got != "none" {
		t.Errorf("in process: %s, %v", got, err)
	}
}

func TestMappingDecides(t *testing.T) {
	t.Parallel()
	root := sign(t, nil, authority)
	state := verified([]*x509.Certificate{sign(t, root).certificate, root.certificate})
	for _, test := range []struct {
		id   string
		err  error
		want string
	}{
		{"ada", nil, "ada"},
		{"", nil, "invalid"},
		{"ada", authn.InvalidCredential("disabled"), "invalid"},
		{"", fmt.Errorf("look: %w", authn.InvalidCredential("gone")), "invalid"},
		{"ada", errors.New("connection refused"), "unavailable"},
		{"", authn.Unavailable(errors.New("down")), "unavailable"},
		{"", context.DeadlineExceeded, "unavailable"},
		// There is a certificate, so no other scheme may be asked.
		{"", authn.ErrNoCredential, "fault"},
		{"", errors.Join(authn.ErrNoCredential, authn.InvalidCredential("gone")), "fault"},
	} {
		authenticator := newMapped(t, func(context.Context, []*x509.Certificate) (string, authn.Details, error) {
			return test.id, authn.Details{}, test.err
		})
		if got := outcome(over(t, authenticator, state)); got != test.want {
			t.Errorf("where the mapping says %q, %v: %s, want %s", test.id, test.err, got, test.want)
		}
	}

	ctx, leave := context.WithCancel(t.Context())
	authenticator := newMapped(t, func(ctx context.Context, _ []*x509.Certificate) (string, authn.Details, error) {
		leave()
		return "", authn.Details{}, fmt.Errorf("look: %w", ctx.Err())
	})
	if got := outcome(authenticator.Authenticate(reached(ctx, state), new(connect.CallInfo))); got != "canceled" {
		t.Errorf("where the caller goes away: %s", got)
	}
}

// TestSeveralChains has an authority that two others have signed.
func TestSeveralChains(t *testing.T) {
	t.Parallel()
	middle := sign(t, nil, authority, subject("middle"))
	late := func(template *x509.Certificate) { template.NotAfter = time.Now().Add(-time.Minute) }
	leaf := sign(t, middle).certificate
	chain := func(name string, edits ...edit) []*x509.Certificate {
		root := sign(t, nil, append(edits, authority, subject(name))...)
		return []*x509.Certificate{leaf, middle.certificate, root.certificate}
	}
	for name, test := range map[string]struct {
		chains [][]*x509.Certificate
		want   string
		asked  []string
	}{
		"the first is good":    {[][]*x509.Certificate{chain("good"), chain("bad")}, "ada", []string{"good"}},
		"the second is good":   {[][]*x509.Certificate{chain("bad"), chain("good")}, "ada", []string{"bad", "good"}},
		"none is good":         {[][]*x509.Certificate{chain("bad"), chain("bad")}, "invalid", []string{"bad", "bad"}},
		"the good one is late": {[][]*x509.Certificate{chain("good", late), chain("bad")}, "invalid", []string{"bad"}},
		"one good one is late": {[][]*x509.Certificate{chain("good", late), chain("good")}, "ada", []string{"good"}},
		"all are late":         {[][]*x509.Certificate{chain("good", late), chain("good", late)}, "invalid", nil},
		"unavailable":          {[][]*x509.Certificate{chain("down"), chain("good")}, "unavailable", []string{"down"}},
		"unavailable as well":  {[][]*x509.Certificate{chain("both"), chain("good")}, "invalid", []string{"both"}},
		"unavailable later":    {[][]*x509.Certificate{chain("bad"), chain("down")}, "unavailable", []string{"bad", "down"}},
	} {
		var asked []string
		authenticator := newMapped(t, func(_ context.Context, chain []*x509.Certificate) (string, authn.Details, error) {
			root := chain[len(chain)-1].Subject.CommonName
			asked = append(asked, root)
			switch root {
			case "bad":
				return "", authn.Details{}, authn.InvalidCredential("not ours")
			case "down":
				return "", authn.Details{}, errors.New("down")
			case "both":
				return "", authn.Details{}, errors.Join(authn.InvalidCredential("not ours"), authn.Unavailable(nil))
			}
			return "ada", authn.Details{}, nil
		})
		if got := outcome(over(t, authenticator, verified(test.chains...))); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
		if diff := cmp.Diff(test.asked, asked); diff != "" {
			t.Errorf("%s: asked about %s", name, diff)
		}
	}
}
