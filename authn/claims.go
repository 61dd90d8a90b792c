package authn

import (
	"sync/atomic"

	"google.golang.org/protobuf/proto"
)

// claims are the claims of a principal, shared by all that are made of it.
type claims struct {
	message proto.Message
	checked atomic.Pointer[checkedClaims]
}

// checkedClaims is what a check of claims found.
type checkedClaims struct {
	by  any
	err error
}

// newClaims returns nil where the message is nil, or a nil pointer to one.
func newClaims(message proto.Message) *claims {
	if message == nil || !message.ProtoReflect().IsValid() {
		return nil
	}
	return &claims{message: message}
}

// Claims returns the claims that were given for the principal, or nil where none
// were. They are shared and must not be changed. See [ClaimsOf].
func (p *Principal) Claims() proto.Message {
	if p.claims == nil {
		return nil
	}
	return p.claims.message
}

// ClaimsOf returns the principal's claims as the message that the application marked
// (sallyport.v1.claims):
//
//	orgs := authn.ClaimsOf[*iamv1.Claims](call.Principal()).GetOrgIds()
//
// They are shared and must not be changed. Where none were given, or claims of another
// type, it returns the zero M: a nil pointer, of which every field reads as unset.
func ClaimsOf[M proto.Message](p *Principal) M {
	claims, _ := p.Claims().(M)
	return claims
}

// CheckClaims calls check with the principal's claims and returns what it returned.
// Where no claims were given it calls nothing. What one check said is remembered, so
// that many calls of one principal cost one check: by, which is comparable, names who
// checks. It is for gates.
func (p *Principal) CheckClaims(by any, check func(proto.Message) error) error {
	if p.claims == nil {
		return nil
	}
	if known := p.claims.checked.Load(); known != nil && known.by == by {
		return known.err
	}
	err := check(p.claims.message)
	p.claims.checked.Store(&checkedClaims{by, err})
	return err
}
