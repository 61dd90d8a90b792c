package sqlfilter

import (
	"errors"
	"fmt"
	"regexp"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// A Type says how a column has the value of a field.
type Type uint8

// The types. The zero Type is none, and is refused.
const (
	// Text has a string: text or varchar.
	Text Type = iota + 1
	// Integer has a number, but for uint64 and fixed64, not all of which fit.
	Integer
	// Bool has a bool: boolean, and in SQLite 0 or 1.
	Bool
	// EnumNumber has an enum by its number, and EnumName by its name in the .proto. An enum
	// of which a number has two names has no EnumName.
	EnumNumber
	EnumName
	// UnixMicro has a Timestamp as an integer: the microseconds since 1970, rounded down.
	UnixMicro
	// Timestamptz has a Timestamp in PostgreSQL's type of that name.
	Timestamptz
	// Presence has a message field: it is set where the column is not NULL.
	Presence
)

// A Null says what NULL in a column means.
type Null uint8

// The meanings of NULL. The zero Null is none, and is refused.
const (
	// NeverNull: the column is NOT NULL, or the application never has NULL in it. An element
	// with NULL all the same is not seen.
	NeverNull Null = iota + 1
	// NullIsAbsent: the field, or a message on the way to it, is not set.
	NullIsAbsent
	// NullIsZero: the field has its zero value: "", 0 or false.
	NullIsZero
)

// A Column is where a table has a field.
type Column struct {
	// Name is the column's, without the table.
	Name string
	Type Type
	Null Null
	// Rows is for a repeated field: the table that has its elements, one a row, where the
	// column is. It is nil for others.
	Rows *Rows
}

// Rows say which rows of another table are those of an element.
type Rows struct {
	// Table is the name of the table.
	Table string
	// Key is its column that has the element's key, and Of is the column of the element's
	// own table that has it.
	Key, Of string
}

// A Table is where elements are.
type Table struct {
	// Alias is what the query calls the table: its name, unless it says otherwise. It is
	// required where a field is repeated, and may be empty otherwise.
	Alias string
	// Columns are by field: "state", and "owner.id" for a field of a message.
	Columns map[string]Column
}

var identifier = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// named refuses what is no plain name of a table or column: no text of the query comes
// from elsewhere.
func named(what, name string) error {
	if !identifier.MatchString(name) {
		return fmt.Errorf("%s %q is no plain name: it may have letters, digits and _", what, name)
	}
	return nil
}

// fits refuses a type that does not have the values of a field.
func (t Type) fits(dialect Dialect, field protoreflect.FieldDescriptor) error {
	ok := false
	switch t {
	case Text:
		ok = field.Kind() == protoreflect.StringKind
	case Bool:
		ok = field.Kind() == protoreflect.BoolKind
	case Integer:
		switch field.Kind() { //nolint:exhaustive // the others are no numbers that fit
		case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind, protoreflect.Uint32Kind, protoreflect.Fixed32Kind,
			protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
			ok = true
		}
	case EnumNumber:
		ok = field.Kind() == protoreflect.EnumKind
	case EnumName:
		ok = field.Kind() == protoreflect.EnumKind
		if ok && hasAliases(field.Enum()) {
			return fmt.Errorf("%s has two names for a number: map it by number", field.Enum().FullName())
		}
	case UnixMicro:
		ok = isTimestamp(field)
	case Timestamptz:
		ok = isTimestamp(field)
		if ok && dialect != PostgreSQL {
			return errors.New("timestamptz is PostgreSQL's: map the time as UnixMicro")
		}
	case Presence:
		ok = field.Message() != nil && !field.IsList() && !field.IsMap()
	}
	if !ok {
		return fmt.Errorf("the column's type does not have the values of a field of kind %s", field.Kind())
	}
	return nil
}

func isTimestamp(field protoreflect.FieldDescriptor) bool {
	return field.Message() != nil && field.Message().FullName() == "google.protobuf.Timestamp"
}

func hasAliases(enum protoreflect.EnumDescriptor) bool {
	for i := range enum.Values().Len() {
		if value := enum.Values().Get(i); enum.Values().ByNumber(value.Number()) != value {
			return true
		}
	}
	return false
}
