package server

import "github.com/sallyport-rpc/sallyport/internal/option"

// UnknownFields is what becomes of a request with a field that its type does not
// have.
type UnknownFields uint8

const (
	// Ignore leaves such fields out in JSON, and keeps them in binary as bytes that no
	// rule and no condition can read. So clients of a newer schema are understood.
	Ignore UnknownFields = iota
	// Refuse answers invalid_argument, in JSON and in binary.
	Refuse
)

// WithUnknownFields sets what becomes of requests with fields that their types do
// not have. By default they are ignored.
func WithUnknownFields(treatment UnknownFields) Option {
	return option.Func[settings](func(s *settings) error {
		s.unknownFields = treatment
		return nil
	})
}
