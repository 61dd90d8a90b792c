package policy

// Deciders decide what grants ask the application. What none of them decides never holds.
// The zero Deciders decide nothing.
type Deciders struct {
	// Checks decide checks by their names. A relation that is among them, by its text, is
	// decided by that.
	Checks map[string]CheckFunc
	// Relations decide relations. Nil is for none.
	Relations RelationFunc
	// List says what a relation is to. Nil is for none: filters cannot be made of relations then.
	List ListFunc
}
