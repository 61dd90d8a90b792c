package authn

import (
	"slices"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"
)

// A Principal is the caller that an [Authenticator] found: an id, and what is known
// about it. It is immutable and safe for concurrent use, so one may serve many
// calls. The zero Principal has no id, and a gate denies a principal without one.
type Principal struct {
	id              string
	scheme          string
	roles           names
	hierarchy       *Hierarchy // nil where no gate has given one
	scopes          names
	claims          *claims // nil where none were given
	authenticatedAt time.Time
	expiresAt       time.Time
	unscoped        bool
	carried         names // what a scoped credential carries
	// bound is the same principal as it was last bound.
	bound atomic.Pointer[Principal]
	// room is memory for the first one that is bound, made with this one; nil once it is
	// taken.
	room atomic.Pointer[Principal]
}

// Details is what is known about a principal besides its id. The zero value claims
// nothing.
type Details struct {
	// Roles are role names. Names that no catalogue defines never match.
	Roles []string
	// Scopes are the scopes that the credential was granted.
	Scopes []string
	// Unscoped says that the credential carries all that the principal may do, as the
	// session of a user does. The zero value is a scoped credential, which carries no
	// more than its scopes: an action takes it only where it declares which scopes such
	// a credential needs, and the credential has every one of them.
	Unscoped bool
	// Claims are what the application knows of the principal besides: a message of the
	// type that it marked (sallyport.v1.claims). The principal keeps the message and
	// does not copy it, so it must not be changed any more. Nil means that all of its
	// fields are unset.
	Claims proto.Message
	// Scheme is the scheme that the principal counts as authenticated by, for a
	// principal that a program makes to ask a registry about. An authenticator leaves it
	// empty: a gate sets the name that the registry binds the authenticator to.
	Scheme string
	// AuthenticatedAt is when the principal proved its identity. Zero means that it is not
	// known, and then an action with a max_age denies it.
	AuthenticatedAt time.Time
	// ExpiresAt is when the credential ends. Zero means that it does not end by
	// itself.
	ExpiresAt time.Time
}

// EndBy moves ExpiresAt to end, unless the details end before that. A zero end
// changes nothing.
func (d *Details) EndBy(end time.Time) {
	if !end.IsZero() && (d.ExpiresAt.IsZero() || d.ExpiresAt.After(end)) {
		d.ExpiresAt = end
	}
}

// NewPrincipal returns a principal. It copies what it is given, but for the claims,
// which it keeps. The id must be
// unique among all principals that the schemes of one registry can return, and must
// not be empty: a gate denies a principal without one.
func NewPrincipal(id string, details Details) *Principal {
	// A gate binds each principal that an authenticator makes: the two are made at once.
	pair := &[2]Principal{{
		id:              id,
		scheme:          details.Scheme,
		roles:           newNames(details.Roles),
		scopes:          newNames(details.Scopes),
		claims:          newClaims(details.Claims),
		authenticatedAt: details.AuthenticatedAt,
		expiresAt:       details.ExpiresAt,
		unscoped:        details.Unscoped,
	}}
	made := &pair[0]
	made.room.Store(&pair[1])
	if !made.unscoped {
		made.carried = made.scopes
	}
	return made
}

// ID returns the principal's id. A principal that a gate let in has one.
func (p *Principal) ID() string { return p.id }

// Roles returns a copy of the roles that the principal carries, as its
// authenticator gave them. Roles that they include are not added: see [Principal.Has].
func (p *Principal) Roles() []string { return slices.Clone(p.roles.list) }

// CarriesRole reports whether the role is among [Principal.Roles]. It takes the same
// time however many there are, and allocates nothing.
func (p *Principal) CarriesRole(role string) bool { return p.roles.has(role) }

// Scopes returns a copy of the principal's scopes.
func (p *Principal) Scopes() []string { return slices.Clone(p.scopes.list) }

// CarriesScope reports whether the scope is among [Principal.Scopes]. It takes the
// same time however many there are, and allocates nothing.
func (p *Principal) CarriesScope(scope string) bool { return p.scopes.has(scope) }

// Scoped reports whether the credential that the principal was found by carries no
// more than its scopes. It is true of the zero Principal.
func (p *Principal) Scoped() bool { return !p.unscoped }

// CredentialCarries reports whether the credential that the principal was found by
// carries the scope: an unscoped one carries every scope.
func (p *Principal) CredentialCarries(scope string) bool { return p.unscoped || p.carried.has(scope) }

// CarriedScopes returns a copy of the scopes that a scoped credential carries. It is nil
// for an unscoped one, which carries every scope.
func (p *Principal) CarriedScopes() []string { return slices.Clone(p.carried.list) }

// LimitedBy returns the principal of a call that came with another credential of the
// same principal too: what it may do is what both credentials carry. An unscoped one
// limits nothing.
func (p *Principal) LimitedBy(other *Principal) *Principal {
	if other.unscoped {
		return p
	}
	limited := p.clone()
	limited.scopes = newNames(slices.DeleteFunc(p.Scopes(), func(scope string) bool { return !other.carried.has(scope) }))
	limited.carried = newNames(slices.DeleteFunc(other.CarriedScopes(), func(scope string) bool { return !p.CredentialCarries(scope) }))
	limited.unscoped = false
	return limited
}

// Scheme returns the name of the scheme that authenticated the principal. It is
// empty unless a gate, [Principal.WithScheme] or [Details] has set it.
func (p *Principal) Scheme() string { return p.scheme }

// WithScheme returns the same principal, authenticated by the named scheme.
func (p *Principal) WithScheme(scheme string) *Principal { return p.Bound(scheme, p.hierarchy) }

// clone returns a copy that has not been bound anew.
func (p *Principal) clone() *Principal {
	made := p.room.Swap(nil) // which no one else has seen
	if made == nil {
		made = &Principal{}
	}
	made.id, made.scheme = p.id, p.scheme
	made.roles, made.hierarchy, made.scopes = p.roles, p.hierarchy, p.scopes
	made.claims = p.claims
	made.authenticatedAt, made.expiresAt = p.authenticatedAt, p.expiresAt
	made.unscoped, made.carried = p.unscoped, p.carried
	return made
}

// AuthenticatedAt returns when the principal proved its identity, or the zero time
// where that is not known.
func (p *Principal) AuthenticatedAt() time.Time { return p.authenticatedAt }

// ExpiresAt returns when the credential ends, or the zero time where it does not end
// by itself.
func (p *Principal) ExpiresAt() time.Time { return p.expiresAt }

// Expired reports whether the credential that the principal was found by has ended.
func (p *Principal) Expired(now time.Time) bool {
	return !p.expiresAt.IsZero() && !now.Before(p.expiresAt)
}

// names is an immutable list of names with a constant-time lookup.
type names struct {
	list  []string
	index map[string]struct{} // nil for a short list, which is scanned
}

// scanned is the length up to which scanning a list is faster than a map.
const scanned = 8

// newNames leaves out the empty name, which names nothing.
func newNames(list []string) names {
	list = slices.Clone(list)
	if slices.Contains(list, "") {
		list = slices.DeleteFunc(list, func(name string) bool { return name == "" })
	}
	made := names{list: list}
	if len(list) > scanned {
		made.index = make(map[string]struct{}, len(list))
		for _, name := range list {
			made.index[name] = struct{}{}
		}
	}
	return made
}

func (n names) has(name string) bool {
	if n.index != nil {
		_, ok := n.index[name]
		return ok
	}
	return slices.Contains(n.list, name)
}
