package event

// A Shadow says what the shadow of an action would have decided in place of the decision
// in force. It decides nothing. Its zero value is of an action without one, and of a call
// that did not come to the grants.
type Shadow uint8

// What a shadow would have decided.
const (
	NoShadow Shadow = iota
	// ShadowSame: the same.
	ShadowSame
	// ShadowWouldAllow: it would have let in a call that was denied.
	ShadowWouldAllow
	// ShadowWouldDeny: it would have denied a call that was let in.
	ShadowWouldDeny
	// ShadowUndecided: a check would have decided, which a shadow does not ask; or it took
	// too long, failed, or there was no room for it.
	ShadowUndecided
)

// String returns "same", "would_allow", "would_deny", "undecided", and "" for none.
func (s Shadow) String() string {
	switch s {
	case ShadowSame:
		return "same"
	case ShadowWouldAllow:
		return "would_allow"
	case ShadowWouldDeny:
		return "would_deny"
	case ShadowUndecided:
		return "undecided"
	default:
		return ""
	}
}
