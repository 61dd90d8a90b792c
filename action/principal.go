package action

import (
	"maps"
	"slices"
	"sync/atomic"
	"time"

	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// A Principal is who an [Authenticator] found: an id, and what is known of it. It
// is immutable and safe for concurrent use, so one may serve many calls. The zero
// Principal has no id, and the gate lets nobody through without one.
type Principal struct {
	facts condition.Principal
	// bound remembers the last form in which a registry knew this principal, so
	// that role and scope names are looked up once and not at every call.
	bound atomic.Pointer[boundPrincipal]
}

// Claims is what an authenticator knows of a principal besides its id. The zero
// value claims nothing.
type Claims struct {
	// Roles are role names. Those that no catalogue knows never match.
	Roles []string
	// Scopes are the scopes that the credential was granted.
	Scopes []string
	// Attributes are further facts for CEL conditions to read.
	Attributes map[string]string
	// AuthenticatedAt is when the principal proved who it is. Zero means that the
	// scheme cannot tell, and then no action with a max_age lets it through.
	AuthenticatedAt time.Time
	// ExpiresAt is when the credential ends. Zero means that it does not end by
	// itself.
	ExpiresAt time.Time
}

// NewPrincipal returns a principal. It copies what it is given. The id must be
// unique among all principals that the schemes of one registry can return, and
// must not be empty: the gate denies a principal without one.
func NewPrincipal(id string, claims Claims) *Principal {
	return &Principal{facts: condition.Principal{
		ID:              id,
		Roles:           slices.Clone(claims.Roles),
		Scopes:          slices.Clone(claims.Scopes),
		Attributes:      maps.Clone(claims.Attributes),
		AuthenticatedAt: claims.AuthenticatedAt,
		ExpiresAt:       claims.ExpiresAt,
	}}
}

// ID returns the principal's id. It is empty only on a principal that no gate has
// let through.
func (p *Principal) ID() string { return p.facts.ID }

// Roles returns a copy of the role names the principal carries, as its
// authenticator gave them: what they include is not unfolded.
func (p *Principal) Roles() []string { return slices.Clone(p.facts.Roles) }

// Scopes returns a copy of the principal's scopes.
func (p *Principal) Scopes() []string { return slices.Clone(p.facts.Scopes) }

// Attribute returns the named attribute and whether the principal has it.
func (p *Principal) Attribute(name string) (string, bool) {
	value, ok := p.facts.Attributes[name]
	return value, ok
}

// Scheme returns the name of the scheme that authenticated the principal. It is
// empty until the gate has let the principal through.
func (p *Principal) Scheme() string { return p.facts.Scheme }

// AuthenticatedAt returns when the principal proved who it is, or the zero time
// where its scheme cannot tell.
func (p *Principal) AuthenticatedAt() time.Time { return p.facts.AuthenticatedAt }

// ExpiresAt returns when the credential ends, or the zero time where it does not.
func (p *Principal) ExpiresAt() time.Time { return p.facts.ExpiresAt }
