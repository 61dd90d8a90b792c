package action_test

import (
	"context"
	"strings"
	"time"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
)

// planted is part of every credential and of every request field that no record and
// no error may show.
const planted = "s3cr3t"

// noon is what the clock of a [house] says until a test turns it.
var noon = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// people are the principals that the keepers know, by name.
var people = map[string]*action.Principal{
	// alice has all that any action asks for.
	"alice": action.NewPrincipal("alice", action.Claims{
		Roles:           []string{"owner"},
		Scopes:          []string{"items.read", "items.write", "items.admin"},
		Attributes:      map[string]string{"team": "red"},
		AuthenticatedAt: noon.Add(-time.Minute),
		ExpiresAt:       noon.Add(time.Hour),
	}),
	// nobody is signed in, and that is all.
	"nobody": action.NewPrincipal("nobody", action.Claims{
		Attributes:      map[string]string{"team": "none"},
		AuthenticatedAt: noon,
	}),
	// drifter is signed in, and not even in a team.
	"drifter": action.NewPrincipal("drifter", action.Claims{}),

	"viewer":    action.NewPrincipal("viewer", action.Claims{Roles: []string{"viewer"}}),
	"editor":    action.NewPrincipal("editor", action.Claims{Roles: []string{"editor"}}),
	"owner":     action.NewPrincipal("owner", action.Claims{Roles: []string{"owner"}}),
	"robot":     action.NewPrincipal("robot", action.Claims{Roles: []string{"robot"}}),
	"superuser": action.NewPrincipal("superuser", action.Claims{Roles: []string{"superuser", "", "Owner", "owner "}}),
	"reader":    action.NewPrincipal("reader", action.Claims{Scopes: []string{"items.read"}}),
	"writer":    action.NewPrincipal("writer", action.Claims{Scopes: []string{"items.read", "items.write"}}),
	"publisher": action.NewPrincipal("publisher", action.Claims{Roles: []string{"editor"}, Scopes: []string{"items.write"}}),
	"steward":   action.NewPrincipal("steward", action.Claims{Scopes: []string{"items.admin"}}),
}

// A keeper is the authenticator of one scheme. It notes that it was asked, and knows
// [people] by "Authorization: <scheme> s3cr3t-<name>".
type keeper struct {
	diary  *diary
	scheme string
	// answer is given in place of the default, where it is set.
	answer func(context.Context, *connect.CallInfo) (*action.Principal, error)
}

func (k *keeper) Authenticate(ctx context.Context, call *connect.CallInfo) (*action.Principal, error) {
	k.diary.note("ask " + k.scheme)
	if k.answer != nil {
		return k.answer(ctx, call)
	}
	scheme, credential, _ := strings.Cut(call.RequestHeader().Get("Authorization"), " ")
	if scheme != k.scheme {
		return nil, action.ErrNoCredential
	}
	principal := people[strings.TrimPrefix(credential, planted+"-")]
	if principal == nil {
		return nil, action.InvalidCredential("unknown " + k.scheme)
	}
	return principal, nil
}

func (k *keeper) KnowsAuthenticationTime() bool { return true }

func (k *keeper) Challenge(action.Decision) string { return k.scheme + ` realm="test"` }

// as returns the Authorization header of somebody by a scheme, and "" for nobody.
func as(scheme, name string) string {
	if name == "" {
		return ""
	}
	return scheme + " " + planted + "-" + name
}
