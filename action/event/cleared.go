package event

// Cleared is what was cleared from what a call was answered, since its caller may not read
// it.
type Cleared struct {
	// Fields are the full names of fields, "demo.v1.User.email", each once, in the order in
	// which they were cleared first. There are at most 16.
	Fields []string
	// More is whether other fields were cleared.
	More bool
	// Undecided is why it could not be decided whether the caller may read a field, of the
	// first such field, which was cleared for that. It is nil where each was decided.
	Undecided error
}
