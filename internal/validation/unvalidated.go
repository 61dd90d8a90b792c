package validation

import (
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
)

// Unvalidated returns rules that every message of any type keeps. It is for streams
// that a test makes for a handler by itself.
func Unvalidated() *Rules { return &Rules{shared: &shared{first: unvalidated{}}} }

type unvalidated struct{}

func (unvalidated) Validate(proto.Message, ...protovalidate.ValidationOption) error { return nil }
