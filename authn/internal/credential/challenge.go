package credential

import "strings"

// InsufficientScope returns the parameters with which a challenge says that a credential
// lacks scopes (RFC 6750, section 3.1). Where it names none, no scope would do.
func InsufficientScope(missing []string) string {
	const parameters = `, error="insufficient_scope"`
	if list := scopeList(missing); list != "" {
		return parameters + `, scope="` + list + `"`
	}
	return parameters
}

// scopeList joins scopes as RFC 6749, section 3.3, writes them. Those that it has no
// way to write are left out: OAuth cannot grant them either.
func scopeList(scopes []string) string {
	var list []string
	for _, scope := range scopes {
		if scope != "" && !strings.ContainsFunc(scope, IsOutsideQuotes) {
			list = append(list, scope)
		}
	}
	return strings.Join(list, " ")
}

// IsOutsideQuotes reports whether a letter of a scope cannot stand in a quoted string
// as it is.
func IsOutsideQuotes(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
