package actiongen

import "github.com/sallyport-rpc/sallyport/internal/declare"

// Generated code says which version of this contract it was made for, and does not
// compile against a runtime that is older or that has given that version up:
//
//	const (
//		_ = actiongen.EnforceVersion(1 - actiongen.MinVersion)
//		_ = actiongen.EnforceVersion(actiongen.MaxVersion - 1)
//	)
const (
	// MinVersion is the oldest version of generated code that this runtime serves.
	MinVersion = 1
	// MaxVersion is the newest version of generated code that this runtime serves:
	// the one its own plugin writes.
	MaxVersion = declare.GeneratedVersion
)

// EnforceVersion is a number that cannot be negative. A conversion of a negative
// constant to it does not compile.
type EnforceVersion uint
