package sqlfilter

import (
	"math"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/filter"
)

// A side says how a value stands to all that a column can have.
type side int8

const (
	within  side = iota // the column can have it
	nowhere             // no value of the column is equal to it, and there is no order
	below               // it is less than every value of the column
	above               // it is greater
	between             // it is greater than what is written, and less than the next value
)

// compared writes a comparison of a column with values, or its opposite. Where the column
// is NULL, and NULL is not zero, it is true of neither.
func (w *writing) compared(node *filter.Node, at place, truth bool) string {
	if node.Kind != filter.Among && len(node.Values) != 1 {
		return w.fail("a comparison has %d values", len(node.Values))
	}
	if at.field.Kind() == protoreflect.BoolKind {
		return w.flag(node, at, truth)
	}
	switch node.Kind {
	case filter.Equals, filter.Among:
		return w.among(node, at, truth)
	default:
		return w.ordered(node, at, truth)
	}
}

// flag writes a comparison of a bool.
func (w *writing) flag(node *filter.Node, at place, truth bool) string {
	var has [2]bool
	for _, value := range node.Values {
		flag, ok := value.(bool)
		if !ok {
			return w.fail("a bool is compared with a %T", value)
		}
		if flag {
			has[1] = true
		} else {
			has[0] = true
		}
	}
	if !truth {
		has[0], has[1] = !has[0], !has[1]
	}
	switch {
	case has[0] && has[1]:
		return at.known()
	case has[1]:
		return "(" + at.name + " IS TRUE)"
	case has[0] && at.column.Null == NullIsZero:
		return "(" + at.name + " IS NOT TRUE)"
	case has[0]:
		return "(" + at.name + " IS FALSE)"
	default:
		return nothing
	}
}

// among writes that a column has one of the values, or none of them.
func (w *writing) among(node *filter.Node, at place, truth bool) string {
	var values []any
	seen := map[any]bool{}
	for _, value := range node.Values {
		value, where, ok := w.value(value, at)
		switch {
		case !ok:
			return w.fail("the field %s is compared with a %T", at.field.Name(), value)
		case where == within && !seen[value]:
			seen[value] = true
			values = append(values, value)
		}
	}
	switch {
	case len(values) == 0 && truth:
		return nothing
	case len(values) == 0:
		return at.known()
	}
	of, written := w.read(at), make([]string, len(values))
	for i, value := range values {
		written[i] = w.argument(value, w.typeOf(at))
	}
	switch {
	case len(values) == 1 && truth:
		return "(" + of + " = " + written[0] + ")"
	case truth:
		return "(" + of + " IN (" + strings.Join(written, ", ") + "))"
	}
	differs := of + " NOT IN (" + strings.Join(written, ", ") + ")"
	if len(values) == 1 {
		differs = of + " <> " + written[0]
	}
	if w.mayHaveBlob(at) {
		differs += " AND typeof(" + at.name + ") <> 'blob'"
	}
	return "(" + differs + ")"
}

// mayHaveBlob reports whether a column of text can have what is no text: SQLite puts a BLOB
// into any column, and it is equal to no text. Such a row is neither of a comparison and its
// opposite.
func (w *writing) mayHaveBlob(at place) bool {
	return w.dialect == SQLite && (at.column.Type == Text || at.column.Type == EnumName)
}

// operators are those of an order, each with its opposite.
var operators = map[filter.Kind][2]string{
	filter.Less:          {"<", ">="},
	filter.LessEquals:    {"<=", ">"},
	filter.Greater:       {">", "<="},
	filter.GreaterEquals: {">=", "<"},
}

// ordered writes an order of a column and a value.
func (w *writing) ordered(node *filter.Node, at place, truth bool) string {
	value, where, ok := w.value(node.Values[0], at)
	kind := node.Kind
	isLess := kind == filter.Less || kind == filter.LessEquals
	switch {
	case !ok || where == nowhere:
		return w.fail("the field %s is compared with a %T", at.field.Name(), value)
	case where == below && isLess == truth, where == above && isLess != truth:
		return nothing
	case where == below, where == above:
		return at.known()
	case where == between && isLess:
		kind = filter.LessEquals
	case where == between:
		kind = filter.Greater
	}
	operator := operators[kind][0]
	if !truth {
		operator = operators[kind][1]
	}
	return "(" + w.read(at) + " " + operator + " " + w.argument(value, w.typeOf(at)) + ")"
}

// read writes the value of a column, which is compared by its bytes where it is text.
func (w *writing) read(at place) string {
	name := at.name
	isText := at.column.Type == Text || at.column.Type == EnumName
	if isText && w.dialect == PostgreSQL {
		name += "::text"
	}
	if at.column.Null == NullIsZero {
		switch at.column.Type {
		case Text:
			name = "COALESCE(" + name + ", '')"
		case EnumName:
			// A name of the .proto, which has letters, digits and _ alone.
			name = "COALESCE(" + name + ", '" + nameOfNumber(at.field.Enum(), 0) + "')"
		default:
			name = "COALESCE(" + name + ", 0)"
		}
	}
	switch {
	case isText && w.dialect == PostgreSQL:
		return "(" + name + `) COLLATE "C"`
	case isText:
		return name + " COLLATE BINARY"
	default:
		return name
	}
}

func (w *writing) typeOf(at place) string {
	switch at.column.Type {
	case Text, EnumName:
		return "text"
	case Timestamptz:
		return "timestamptz"
	default:
		return "bigint"
	}
}

// value returns a value as the column has it. ok is false for one of another type.
func (w *writing) value(value any, at place) (of any, where side, ok bool) {
	switch value := value.(type) {
	case string:
		if at.column.Type != Text {
			return value, nowhere, false
		}
		if w.dialect == PostgreSQL && (!utf8.ValidString(value) || strings.ContainsRune(value, 0)) {
			return value, nowhere, true // no text of PostgreSQL is this
		}
		return value, within, true
	case int64:
		switch at.column.Type { //nolint:exhaustive // the others have no integers
		case Integer, EnumNumber:
			return value, within, true
		case EnumName:
			if name := nameOfNumber(at.field.Enum(), value); name != "" {
				return name, within, true
			}
			return value, nowhere, true
		}
	case uint64:
		if at.column.Type != Integer {
			return value, nowhere, false
		}
		if value > math.MaxInt64 {
			return value, above, true
		}
		return int64(value), within, true
	case time.Time:
		return w.time(value, at)
	}
	return value, nowhere, false
}

// The seconds between which microseconds fit an integer, and times fit a timestamptz.
const (
	maxMicroSeconds = math.MaxInt64 / 1_000_000
	minTimestamptz  = -210_000_000_000 // 4685 BC
	maxTimestamptz  = 9_000_000_000_000
)

func (w *writing) time(value time.Time, at place) (of any, where side, ok bool) {
	least, most := int64(-maxMicroSeconds), int64(maxMicroSeconds)
	switch at.column.Type {
	case UnixMicro:
	case Timestamptz:
		least, most = minTimestamptz, maxTimestamptz
	default:
		return value, nowhere, false
	}
	switch seconds := value.Unix(); {
	case seconds <= least:
		return value, below, true
	case seconds >= most:
		return value, above, true
	}
	where = within
	if value.Nanosecond()%1000 != 0 {
		where = between
	}
	if at.column.Type == UnixMicro {
		return value.UnixMicro(), where, true
	}
	return time.UnixMicro(value.UnixMicro()).UTC(), where, true
}

func nameOfNumber(enum protoreflect.EnumDescriptor, number int64) string {
	if number < math.MinInt32 || number > math.MaxInt32 {
		return ""
	}
	if value := enum.Values().ByNumber(protoreflect.EnumNumber(number)); value != nil {
		return string(value.Name())
	}
	return ""
}
