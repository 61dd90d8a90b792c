// Package option is the one way in which this module's packages take options.
//
// A package declares its own interface, so that its documentation shows it:
//
//	type Option interface{ option.Option[settings] }
//
//	func WithSize(size int) Option {
//		return option.Func[settings](func(s *settings) error { … })
//	}
package option

import (
	"errors"
	"fmt"
	"reflect"
)

// An Option changes settings of type S. Only [Func] implements it.
type Option[S any] interface {
	apply(settings *S) error
}

// Func is an [Option]. An error says what is wrong with what the option was given.
type Func[S any] func(settings *S) error

func (f Func[S]) apply(settings *S) error { return f(settings) }

// Apply applies options to settings in their order. The error joins everything that
// is wrong with them; a nil option is wrong. The name is the package that takes them, for the error.
func Apply[S any, O Option[S]](name string, settings *S, options []O) error {
	var errs []error
	for i, option := range options {
		if isNil(option) {
			errs = append(errs, fmt.Errorf("%s: option %d is nil", name, i+1))
			continue
		}
		if err := option.apply(settings); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func isNil(option any) bool {
	value := reflect.ValueOf(option)
	return !value.IsValid() || value.Kind() == reflect.Func && value.IsNil()
}
