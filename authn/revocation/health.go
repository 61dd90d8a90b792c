package revocation

import (
	"errors"
	"fmt"
	"sync"
)

var (
	errNotYet = errors.New("the link is not up yet")
	errEnded  = errors.New("the subscription ended without an error")
)

// health is what is wrong with a link at each of the things that it does. nil means
// that nothing is.
type health struct {
	mu                          sync.Mutex
	subscribe, publish, deliver error
}

// set changes one of the fields, and reports whether that made it well or ill.
func (h *health) set(field *error, err error) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	changed := (*field == nil) != (err == nil)
	*field = err
	return changed
}

func (h *health) get(field *error) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return *field
}

// Health returns nil while revocations reach this process and leave it, and otherwise
// what is wrong: the link is down, refuses what is published, or delivers nothing. It
// is for a health page and for alarms. It does not wait: it is what the bus found out
// last, by using the link and by sending itself a message every half a minute.
//
// While it is not nil, revocations still take effect; see the package for when.
func (b *Bus) Health() error {
	b.health.mu.Lock()
	defer b.health.mu.Unlock()
	var errs []error
	for _, part := range []struct {
		doing string
		err   error
	}{{"subscribe", b.health.subscribe}, {"publish", b.health.publish}, {"deliver", b.health.deliver}} {
		if part.err != nil {
			errs = append(errs, fmt.Errorf("revocation: %s: %w", part.doing, part.err))
		}
	}
	return errors.Join(errs...)
}

func orClosed(err error) error {
	if err == nil {
		return errEnded
	}
	return err
}
