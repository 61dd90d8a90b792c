package relation

import (
	"context"
	"errors"
)

// A Listing asks for the objects that a user has a relation to. None of its parts is empty,
// and User is as in a [Query].
type Listing struct {
	// User is the id of the principal who calls.
	User string
	// Relation is the relation, such as "viewer".
	Relation string
	// Object is the type of the objects, such as "document".
	Object string
	// Most is how many there may be. It is positive.
	Most int
}

// A Lister is an [Engine] that lists. Actions whose `each` names a relation need one.
type Lister interface {
	Engine
	// List returns the ids of all objects that the listing asks for, in any order. Where there
	// are more than its Most, and wherever it does not know that it has all of them, it returns
	// [ErrIncomplete], and never a part of them without an error. Its other errors are those of
	// [Engine].Check.
	List(ctx context.Context, listing Listing) ([]string, error)
}

// ErrIncomplete says that a listing has not all objects that it asks for. The call is
// answered resource_exhausted.
var ErrIncomplete = errors.New("the relation engine has not listed all objects")
