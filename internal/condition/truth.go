package condition

// A Truth is what a condition says of an input. Only [True] lets a caller through.
type Truth uint8

// The truths.
const (
	// False is the zero Truth.
	False Truth = iota
	// True: the condition holds.
	True
	// Absent: the condition depends on a value that is not there, such as a field of a
	// message that is not set, or on one that CEL cannot compute.
	Absent
	// askCEL: a value is so long that CEL could run over its cost limit, which must
	// then decide. No condition is this.
	askCEL
)

// String returns "false", "true" or "absent".
func (t Truth) String() string {
	switch t {
	case False:
		return "false"
	case True:
		return "true"
	case Absent:
		return "absent"
	case askCEL:
	}
	return "unknown"
}

func truthOf(holds bool) Truth {
	if holds {
		return True
	}
	return False
}
