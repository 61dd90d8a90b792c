package validation

import (
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/internal/wire"
)

// What a caller is told at most of rules that do not hold. It fits into the 8 KiB that
// implementations of gRPC take of trailers, in which the text is there twice and the
// detail in base64.
const (
	maxTold   = 20
	maxDetail = 3 << 10 // of the violations, in bytes of protobuf
	maxText   = 1500    // of their text, in bytes of the wire
	maxLine   = 200     // of one line of it
	maxOne    = 1 << 10 // of one violation
)

// Violations are the rules that do not hold, as many as a caller is told.
type Violations struct { //nolint:errname // what it holds is called so everywhere else
	// Told are the first of them. It is never empty.
	Told *validate.Violations
	// More says that there are, or may be, more.
	More bool

	text string
}

// Error returns the text for the caller, a line each.
func (v *Violations) Error() string { return v.text }

// told returns the violations as a caller is told.
func told(found []*validate.Violation, more bool) *Violations {
	told, size := &validate.Violations{}, 0
	var text strings.Builder
	for i, violation := range found {
		violation = shorten(violation)
		bytes := proto.Size(violation) + 3 // what frames it
		line := wire.Shorten((&protovalidate.Violation{Proto: violation}).String(), maxLine)
		if i == maxTold || size+bytes > maxDetail || text.Len()+len(line) > maxText {
			more = true
			break
		}
		size += bytes
		told.SetViolations(append(told.GetViolations(), violation))
		text.WriteString("\n - " + line)
	}
	head := "validation errors:"
	if len(told.GetViolations()) == 1 && !more {
		return &Violations{Told: told, text: "validation error: " + strings.TrimPrefix(text.String(), "\n - ")}
	}
	if more {
		text.WriteString("\n - and there may be more")
	}
	return &Violations{Told: told, More: more, text: wire.Shorten(head+text.String(), 2*maxText)}
}

// shorten returns a violation without what may be long in it: the keys of maps and the
// messages of rules in CEL can hold what the caller sent, and a path can be deep.
func shorten(violation *validate.Violation) *validate.Violation {
	short := proto.CloneOf(violation)
	if violation.HasMessage() {
		short.SetMessage(wire.Shorten(violation.GetMessage(), maxLine))
	}
	for _, element := range short.GetField().GetElements() {
		if element.HasStringKey() {
			element.SetStringKey(wire.Shorten(element.GetStringKey(), maxLine/2))
		}
	}
	if proto.Size(short) > maxOne {
		short.ClearField()
	}
	if proto.Size(short) > maxOne {
		short.ClearRule()
	}
	return short
}
