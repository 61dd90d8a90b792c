package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/option"
)

// A Generation returns the generation of a user's sessions, as the application keeps
// it beside the user: a number or any other text that is not empty. The application
// changes it, in the same transaction, with everything that must end the user's
// sessions, such as a new password. It runs at every call. Its errors count as those
// of a [Lookup] do.
type Generation func(ctx context.Context, userID string) (string, error)

// WithGeneration ends the sessions that were started before the user's current
// generation. By default only the store of sessions says what has ended.
//
// It is the bound for what a store cannot promise: a store that is restored from an
// older dump, or that fails over to a replica without its last writes, has sessions
// again that were ended. The users' own database does not. Sessions that were started
// without this option end when it is added.
func WithGeneration(generation Generation) Option {
	return option.Func[settings](func(s *settings) error {
		if generation == nil {
			return errors.New("session: the generation is nil")
		}
		s.generation = generation
		return nil
	})
}

// errNoGeneration is a fault of the application.
var errNoGeneration = errors.New("session: the generation of a user is empty")

// currentGeneration returns the user's generation, or "" where none are counted.
func (m *Manager) currentGeneration(ctx context.Context, userID string) (string, error) {
	if m.generation == nil {
		return "", nil
	}
	current, err := m.generation(ctx, userID)
	if err != nil {
		return "", authn.FromLookup(ctx, "find the user's generation", err)
	}
	if current == "" {
		return "", fmt.Errorf("%w: %q", errNoGeneration, userID)
	}
	return current, nil
}
