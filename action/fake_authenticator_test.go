package action_test

import (
	"context"
	"strings"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
)

// planted is part of every credential and of every request field that no record and
// no error may show.
const planted = "s3cr3t"

// noon is what the clock of a [fixture] says until a test turns it.
var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// people are the principals that a [fakeAuthenticator] knows, by name.
var people = map[string]*authn.Principal{
	// alice has all that any action asks for.
	"alice": authn.NewPrincipal("alice", authn.Details{
		Unscoped:        true,
		Roles:           []string{"owner"},
		Scopes:          []string{"items.read", "items.write", "items.admin"},
		AuthenticatedAt: noon.Add(-time.Minute),
		ExpiresAt:       noon.Add(time.Hour),
	}),
	// visitor is signed in, and that is all.
	"visitor": authn.NewPrincipal("visitor", authn.Details{
		Unscoped:        true,
		AuthenticatedAt: noon,
	}),
	// drifter is signed in, and it is not known when.
	"drifter": authn.NewPrincipal("drifter", authn.Details{Unscoped: true}),

	"viewer":    authn.NewPrincipal("viewer", authn.Details{Unscoped: true, Roles: []string{"viewer"}}),
	"editor":    authn.NewPrincipal("editor", authn.Details{Unscoped: true, Roles: []string{"editor"}}),
	"owner":     authn.NewPrincipal("owner", authn.Details{Unscoped: true, Roles: []string{"owner"}}),
	"robot":     authn.NewPrincipal("robot", authn.Details{Unscoped: true, Roles: []string{"robot"}}),
	"superuser": authn.NewPrincipal("superuser", authn.Details{Unscoped: true, Roles: []string{"superuser", "", "Owner", "owner "}}),
	"reader":    authn.NewPrincipal("reader", authn.Details{Unscoped: true, Scopes: []string{"items.read"}}),
	"writer":    authn.NewPrincipal("writer", authn.Details{Unscoped: true, Scopes: []string{"items.read", "items.write"}}),
	"publisher": authn.NewPrincipal("publisher", authn.Details{Unscoped: true, Roles: []string{"editor"}, Scopes: []string{"items.write"}}),
	"steward":   authn.NewPrincipal("steward", authn.Details{Unscoped: true, Scopes: []string{"items.admin"}}),
}

// A fakeAuthenticator is the authenticator of one scheme. It notes that it was asked, and knows
// [people] by "Authorization: <scheme> s3cr3t-<name>".
type fakeAuthenticator struct {
	recorder *recorder
	scheme   string
	// answer is given in place of the default, where it is set.
	answer func(context.Context, *connect.CallInfo) (*authn.Principal, error)
}

func (k *fakeAuthenticator) Authenticate(ctx context.Context, call *connect.CallInfo) (*authn.Principal, error) {
	k.recorder.note("ask " + k.scheme)
	if k.answer != nil {
		return k.answer(ctx, call)
	}
	scheme, credential, _ := strings.Cut(call.RequestHeader().Get("Authorization"), " ")
	if scheme != k.scheme {
		return nil, authn.ErrNoCredential
	}
	principal := people[strings.TrimPrefix(credential, planted+"-")]
	if principal == nil {
		return nil, authn.InvalidCredential("unknown " + k.scheme)
	}
	return principal, nil
}

func (k *fakeAuthenticator) ReportsAuthenticationTime() bool { return true }

func (k *fakeAuthenticator) Challenge(authn.Denial) string { return k.scheme + ` realm="test"` }

// as returns the Authorization header of a caller by a scheme, and "" where the name is empty.
func as(scheme, name string) string {
	if name == "" {
		return ""
	}
	return scheme + " " + planted + "-" + name
}
