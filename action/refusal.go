package action

import (
	"fmt"
	"strings"

	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A Refusal says why an action was not registered: the id of the rule it broke
// (Rule), the procedure or service (Subject), where in the .proto as far as it is
// known (Position), what is wrong (Problem) and what to write instead (Fix).
type Refusal = declare.Refusal

// A RefusalError is the error of a registration. It lists everything that is
// wrong, not only what was found first.
type RefusalError struct {
	// Refusals is never empty.
	Refusals []Refusal
}

// Error returns all refusals as text, each with how to fix it.
func (e *RefusalError) Error() string {
	var text strings.Builder
	if len(e.Refusals) == 1 {
		text.WriteString("1 refusal:")
	} else {
		fmt.Fprintf(&text, "%d refusals:", len(e.Refusals))
	}
	for _, refusal := range e.Refusals {
		text.WriteString("\n" + refusal.String())
	}
	return text.String()
}
