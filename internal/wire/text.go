package wire

import (
	"strings"
	"unicode/utf8"
)

// more ends a text that was cut.
const more = "…"

// Shorten cuts a text to what takes at most so many bytes on the wire, in the
// dearest of the encodings that an error's message may get: JSON's escapes
// (`\u003c`) and the percent signs of gRPC's trailers (`%E2%80%A6`). It cuts
// between characters and says so by an ellipsis. Bytes that are no UTF-8 are
// replaced.
func Shorten(text string, most int) string {
	taken, fits := 0, 0
	for at := 0; at < len(text); {
		r, size := utf8.DecodeRuneInString(text[at:])
		taken += cost(r, size)
		if taken > most {
			return strings.ToValidUTF8(text[:fits], "\uFFFD") + more
		}
		at += size
		if taken+cost('…', len(more)) <= most {
			fits = at
		}
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// cost is how many bytes a character takes on the wire at most.
func cost(r rune, size int) int {
	switch {
	case r == utf8.RuneError && size == 1:
		return 9 // the replacement, in percent signs
	case size > 1:
		return 3 * size
	case r < ' ', r == '<', r == '>', r == '&':
		return 6
	case r == '"', r == '\\', r == '%', r == 0x7f:
		return 3
	default:
		return 1
	}
}
