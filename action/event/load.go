package event

// A Load is what came of loading what an action is about. Its zero value is of an action
// whose declaration names no resource, and of a call that was denied before.
type Load uint8

// What can come of loading.
const (
	// LoadNone: the action has no resource, or the call did not come that far.
	LoadNone Load = iota
	// LoadSkipped: no grant could hold, whatever was there, so nothing was loaded.
	LoadSkipped
	// LoadFound: it was loaded.
	LoadFound
	// LoadNotFound: it is not there.
	LoadNotFound
	// LoadFailed: the loader failed, panicked, or did not return in time.
	LoadFailed
	// LoadGiven: who asked a question gave it.
	LoadGiven
)

var loads = [...]string{"", "skipped", "found", "not_found", "failed", "given"}

// String returns "", "skipped", "found", "not_found", "failed" or "given".
func (l Load) String() string {
	if int(l) < len(loads) {
		return loads[l]
	}
	return "unknown"
}
