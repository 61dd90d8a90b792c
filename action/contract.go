package action

import "github.com/sallyport-rpc/sallyport/internal/declare"

// Fingerprint returns a digest of all the declarations that the registry serves: of
// each service with its methods, their types and shapes, and who may call them. Two
// registries of one fingerprint let the same callers do the same, as far as
// declarations say. It is "" until the registry is sealed.
func (r *Registry) Fingerprint() string {
	if !r.sealed.Load() {
		return ""
	}
	return r.contract
}

// fingerprint is that of the declarations of actions.
func fingerprint(actions []*registered) string {
	return declare.ContractFingerprint(declarations(actions))
}

// declarations returns what actions declare.
func declarations(actions []*registered) []*declare.Declaration {
	all := make([]*declare.Declaration, len(actions))
	for i, action := range actions {
		all[i] = action.declaration
	}
	return all
}
