package policy

import "github.com/sallyport-rpc/sallyport/internal/condition"

// A read is something of an input that a condition reads: a value of the principal or
// of the request, or the answer of a check or of a relation engine.
type read struct {
	name  string         // "principal.roles", "request.user_id", "check is_open"
	of    condition.Read // zero for an answer
	check string         // the check's name or the relation's text, or ""
}

// ofPrincipal is a field of the principal, by its name in CEL.
func ofPrincipal(field string) read {
	of := condition.OfPrincipal(field)
	return read{name: of.Name, of: of}
}
