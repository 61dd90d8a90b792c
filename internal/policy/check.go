package policy

import (
	"context"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A CheckFunc decides a check. It is asked after every other condition of its grant
// was found to hold. With an error the check does not hold, also when it returns true.
type CheckFunc func(ctx context.Context, principal *authn.Principal, request proto.Message) (bool, error)

// check holds when a function of the application says so.
type check struct {
	declare.Check

	decide CheckFunc
}

func (c check) holds(ctx context.Context, input Input) (bool, error) {
	held, err := c.decide(ctx, input.Principal, input.Request)
	held = held && err == nil
	if input.Answers != nil && err == nil {
		input.Answers[c.Name] = held
	}
	return held, err
}

// explain does not ask the check again: it may be slow, and may answer otherwise by
// now. Had it been asked and held, and no answer of it kept, its grant would have let the
// call through: what is asked after a check has its answers kept.
func (c check) explain(_ context.Context, input Input, before bool) (held bool, why string) {
	if input.Answers[c.Name] {
		return true, "it said yes"
	}
	if before {
		return false, "it said no, or could not say"
	}
	return false, "it was not asked, as the grant needs more that does not hold"
}

// reads of a check is its answer: what it reads itself is not known here.
func (c check) reads() []read { return []read{{name: c.String(), check: c.Name}} }
