package relation

import "context"

// A Query asks whether a user has a relation to an object. None of its parts is empty, and
// there is no white space and none of `:`, `#`, `*` and `@` in User and ID.
type Query struct {
	// User is the id of the principal who calls.
	User string
	// Relation is the relation, such as "editor".
	Relation string
	// Object is the type of the object, such as "document".
	Object string
	// ID is the id of the object.
	ID string
}

// An Engine knows who is related to what. It is used by many goroutines at a time.
type Engine interface {
	// Defines reports whether the engine's model has the relation on objects of the type,
	// so that [Engine.Check] can be asked about it. It is asked while actions are
	// registered.
	Defines(relation, object string) bool
	// Check reports whether the user has the relation to the object now, without a
	// condition that is still open. With an error it does not, even if it says true: an
	// error that is authn.ErrUnavailable, or the context's own, ends the call as
	// unavailable, any other as internal.
	Check(ctx context.Context, query Query) (bool, error)
}
