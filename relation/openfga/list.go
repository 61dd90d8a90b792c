package openfga

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"

	"github.com/sallyport-rpc/sallyport/relation"
)

// listLimits are what OpenFGA cuts a list of objects off at, without a word of it: how many
// there are, and how long it looked.
type listLimits struct {
	objects  int
	deadline time.Duration
}

// defaultLimits are those of OpenFGA: its settings listObjects.maxResults and
// listObjects.deadline, https://openfga.dev/docs/getting-started/setup-openfga/configuration.
var defaultLimits = listLimits{objects: 1_000, deadline: 3 * time.Second}

func (l listLimits) valid() error {
	if l.objects < 1 || l.deadline <= 0 {
		return fmt.Errorf("openfga: OpenFGA lists %d objects in %s: both must be positive", l.objects, l.deadline)
	}
	return nil
}

// WithListLimits says what OpenFGA's own limits are for a list of objects, where its operator
// has changed them: the settings listObjects.maxResults and listObjects.deadline. The defaults
// are 1,000 and 3 seconds. Where a limit that is given is above OpenFGA's own, a list that it
// cut off is taken for whole. An OpenFGA without a limit has none here either: give what is
// never reached.
func WithListLimits(objects int, deadline time.Duration) Option {
	return option(func(e *Engine) { e.limits = listLimits{objects, deadline} })
}

// List implements [relation.Lister]. It is [relation.ErrIncomplete] where OpenFGA returns as
// many objects as it does at most, or more than the listing's, where it took so long that it may
// have stopped before the end, and where an object's relation is under a condition that is open.
func (e *Engine) List(ctx context.Context, listing relation.Listing) ([]string, error) {
	if e.api == nil {
		return nil, errors.New("the engine was not made by openfga.New")
	}
	user := e.userType + ":" + listing.User
	if len(user) > maxUser {
		return nil, nil
	}
	// OpenFGA says nothing of a list that its deadline, or this call's, cut short. An answer that
	// comes before both is whole.
	bounded, cancel := context.WithTimeout(ctx, e.limits.deadline*9/10)
	defer cancel()
	response, err := e.api.ListObjects(bounded, &openfgav1.ListObjectsRequest{
		StoreId: e.store, AuthorizationModelId: e.model, Consistency: e.consistency,
		User: user, Relation: listing.Relation, Type: listing.Object,
	})
	switch objects := response.GetObjects(); {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case bounded.Err() != nil:
		return nil, fmt.Errorf("openfga: it takes longer than its deadline to list: %w", relation.ErrIncomplete)
	case err != nil:
		if err := failed(ctx, err); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("openfga: a relation is under a condition: %w", relation.ErrIncomplete)
	case len(objects) > listing.Most:
		return nil, fmt.Errorf("openfga: there are more than %d objects: %w", listing.Most, relation.ErrIncomplete)
	case len(objects) >= e.limits.objects:
		return nil, fmt.Errorf("openfga: it lists %d objects at most: %w", e.limits.objects, relation.ErrIncomplete)
	default:
		return idsOf(objects, listing.Object)
	}
}

// idsOf are the ids of objects, which are all of a type.
func idsOf(objects []string, of string) ([]string, error) {
	ids := make([]string, len(objects))
	for i, object := range objects {
		id, ok := strings.CutPrefix(object, of+":")
		if !ok {
			return nil, fmt.Errorf("openfga: it lists %.80q among the objects of type %s", object, of)
		}
		ids[i] = id
	}
	return ids, nil
}
