package policy

import (
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// Values are what the conditions of an action read of one call, and nothing besides:
// enough to decide the call again. The principal's id and scheme are not repeated
// here. The zero Values are of an action whose conditions read nothing.
type Values struct {
	// Reads name what the conditions read, each once, in the order of the conditions:
	// "principal.roles", "request.user_id", "check is_open".
	Reads []string
	// Incomplete names those of Reads that are not here, or not all of it: what is
	// marked debug_redact, stands below what is, is in an Any, or is no known field of
	// the request or the claims; all that is read of a resource; and a check that was not asked or could not answer.
	Incomplete []string
	// Roles are the principal's roles as its authenticator gave them, where any role is
	// read.
	Roles []string
	// Scopes are the principal's scopes, where any scope is read.
	Scopes []string
	// Scoped is whether the credential carries no more than its scopes, and
	// CredentialScopes are those of them that the action needs of such a credential.
	Scoped           bool
	CredentialScopes []string
	// Claims are the principal's claims with only those fields set that are read. They
	// are nil where none is read, and where the principal was given none.
	Claims proto.Message
	// AuthenticatedAt and ExpiresAt are the principal's times, where they are read.
	AuthenticatedAt, ExpiresAt time.Time
	// Request is a request with only those fields set that are read. It is nil where
	// none is read, and where there was no request.
	Request proto.Message
	// Answers are those of the checks that were asked, by the checks' names, and of the
	// relations, by their texts.
	Answers map[string]bool
}

// Values returns what the conditions read of the input: of those that were not looked
// at, too. Of an action with a max_age, that is when the caller authenticated as well. The input has the answers of the checks.
func (p *Policy) Values(input Input) *Values {
	values := &Values{}
	if p == nil {
		return values
	}
	if principal := input.Principal; principal != nil && principal.Scoped() {
		values.Scoped = true
		for _, scope := range p.credentialScopes {
			if principal.CredentialCarries(scope) {
				values.CredentialScopes = append(values.CredentialScopes, scope)
			}
		}
	}
	seen := map[string]bool{}
	for _, grant := range p.grants {
		for _, condition := range grant.conditions {
			for _, read := range condition.reads() {
				if !seen[read.name] {
					seen[read.name] = true
					values.add(read, input)
				}
			}
		}
	}
	if read := ofPrincipal("authenticated_at"); p.fresh && !seen[read.name] {
		values.add(read, input)
	}
	return values
}

// add notes what was read.
func (v *Values) add(read read, input Input) {
	v.Reads = append(v.Reads, read.name)
	var complete bool
	switch {
	case read.check != "":
		var answer bool
		if answer, complete = input.Answers[read.check]; complete {
			if v.Answers == nil {
				v.Answers = map[string]bool{}
			}
			v.Answers[read.check] = answer
		}
	case read.of.OfSubject(): // it is loaded anew each time, and kept nowhere
	case read.of.OfRequest():
		complete = v.addRequest(read, input.Request)
	case input.Principal == nil:
		complete = false
	default:
		complete = v.addPrincipal(read.of, input.Principal)
	}
	if !complete {
		v.Incomplete = append(v.Incomplete, read.name)
	}
}

func (v *Values) addRequest(read read, request proto.Message) (complete bool) {
	if request == nil {
		return false
	}
	from := request.ProtoReflect()
	if v.Request == nil {
		v.Request = from.New().Interface()
	}
	return read.of.CopyRequest(v.Request.ProtoReflect(), from)
}

func (v *Values) addPrincipal(read condition.Read, principal *authn.Principal) (complete bool) {
	field := read.Principal()
	all := field == "principal"
	if all || field == "roles" {
		v.Roles = principal.Roles()
	}
	if all || field == "scopes" {
		v.Scopes = principal.Scopes()
	}
	if all || field == "authenticated_at" {
		v.AuthenticatedAt = principal.AuthenticatedAt()
	}
	if all || field == "expires_at" {
		v.ExpiresAt = principal.ExpiresAt()
	}
	if all || field == "claims" {
		return v.addClaims(read, principal.Claims())
	}
	return true
}

// addClaims copies what is read of the claims. Where none were given, all of them are
// unset here as there.
func (v *Values) addClaims(read condition.Read, claims proto.Message) (complete bool) {
	if claims == nil {
		return true
	}
	from := claims.ProtoReflect()
	if v.Claims == nil {
		v.Claims = from.New().Interface()
	}
	return read.CopyClaims(v.Claims.ProtoReflect(), from)
}
