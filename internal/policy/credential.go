package policy

import (
	"slices"

	"github.com/sallyport-rpc/sallyport/authn"
)

// Sufficient reports whether the credential that a principal was found by carries what
// the action needs of it: an unscoped one does, a scoped one where the action names
// scopes for it and it carries every one. Where there is no principal there is no
// credential that could lack anything.
func (p *Policy) Sufficient(principal *authn.Principal) bool {
	// Small enough to be part of its caller: most credentials are unscoped.
	return principal == nil || !principal.Scoped() || p.carriedBy(principal)
}

// carriedBy reports whether a scoped credential carries every scope that the action needs,
// which names one.
func (p *Policy) carriedBy(principal *authn.Principal) bool {
	if p == nil || len(p.credentialScopes) == 0 {
		return false
	}
	for _, scope := range p.credentialScopes {
		if !principal.CredentialCarries(scope) {
			return false
		}
	}
	return true
}

// MissingCredentialScopes returns the scopes that the action needs of a scoped
// credential and that the principal's lacks. There are none where the action takes no
// scoped credential.
func (p *Policy) MissingCredentialScopes(principal *authn.Principal) []string {
	if p == nil || p.Sufficient(principal) {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(p.credentialScopes), principal.CredentialCarries)
}
