package event

import "github.com/sallyport-rpc/sallyport/internal/policy"

// A GrantOutcome says what came of one grant of an action: the grant's name (Grant)
// and what came of each of its conditions (Conditions), in the order in which they
// are looked at.
type GrantOutcome = policy.GrantOutcome

// A ConditionOutcome says what came of one condition of a grant: the condition as
// declared (Condition), whether it was found to hold (Held), and what it was looked at
// with (Why). It shows values of the request, but not those of fields marked
// debug_redact, and no whole list.
type ConditionOutcome = policy.ConditionOutcome
