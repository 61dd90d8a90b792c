package server

// stackBytes is about what a guarded unary call takes of its goroutine's stack, its
// validation and connect's own frames included.
const stackBytes = 12 << 10

// growStack makes room on the stack for a call. HTTP/2 serves each call on a goroutine of
// its own, which begins with a small stack. That would double several times on the way to
// the handler, and each time all frames so far are copied; here there are few. The frame
// of this function is what makes the room, with fill false: it stays unused.
//
//go:noinline
func growStack(fill bool) byte { //nolint:unparam // what it returns keeps the frame
	if !fill {
		return 0
	}
	var room [stackBytes]byte
	return lastOf(&room)
}

//go:noinline
func lastOf(room *[stackBytes]byte) byte { return room[len(room)-1] }
