package sqlfilter

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/filter"
)

// A Dialect is a database's SQL.
type Dialect uint8

// The dialects. The zero Dialect is none, and is refused.
const (
	// SQLite takes arguments as ?.
	SQLite Dialect = iota + 1
	// PostgreSQL takes arguments as $1, $2 and so on.
	PostgreSQL
)

// A Mapping writes the filters of one rule as SQL. It is immutable and safe for concurrent
// use. The zero Mapping writes that nothing is seen.
type Mapping struct {
	dialect Dialect
	alias   string
	columns map[string]Column
}

// New returns the mapping of a rule's fields to the columns of a table. It refuses what the
// rule asks and SQL would not say exactly, all of it at once: a field without a column, a
// column of another type, a NULL that the field cannot be, an order of strings, and a
// condition that has no form in SQL, such as a call of a function.
func New(dialect Dialect, rule filter.Rule, table Table) (*Mapping, error) {
	mapping := &Mapping{dialect: dialect, alias: table.Alias, columns: map[string]Column{}}
	var problems []error
	if dialect != SQLite && dialect != PostgreSQL {
		problems = append(problems, errors.New("the dialect is neither SQLite nor PostgreSQL"))
	}
	if table.Alias != "" {
		problems = append(problems, named("the table", table.Alias))
	}
	for _, use := range rule.Uses {
		if use.Kind == filter.Other {
			problems = append(problems, fmt.Errorf("the condition %q has a part that SQL does not say exactly", use.Text))
			continue
		}
		name := nameOf(use.Path)
		column, ok := table.Columns[name]
		if !ok {
			problems = append(problems, fmt.Errorf("the field %s has no column: the condition %q reads it", name, use.Text))
			continue
		}
		if err := mapping.suits(use, column); err != nil {
			problems = append(problems, fmt.Errorf("the column %q of the field %s, which the condition %q reads: %w", column.Name, name, use.Text, err))
		}
		mapping.columns[name] = column
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	return mapping, nil
}

// suits refuses a column that does not say what a rule asks.
func (m *Mapping) suits(use filter.Use, column Column) error {
	path, leaf := pathOf(use.Path)
	if err := named("the column", column.Name); err != nil {
		return err
	}
	if column.Null < NeverNull || column.Null > NullIsZero {
		return errors.New("what NULL means is not said: NeverNull, NullIsAbsent or NullIsZero")
	}
	if use.Kind == filter.Contains {
		return m.suitsRows(column, path, leaf)
	}
	if column.Rows != nil || leaf.IsList() || leaf.IsMap() {
		return errors.New("of a repeated field SQL says only whether it has a value")
	}
	if err := column.Type.fits(m.dialect, leaf); err != nil {
		return err
	}
	mayBeAbsent := len(path) > 1 || path[0].HasPresence() && (path[0].Message() != nil || !path[0].HasDefault())
	switch {
	case leaf.HasDefault() && column.Null != NeverNull:
		return errors.New("the field has a default of its own, which NULL is not: it must be NeverNull")
	case column.Null == NullIsAbsent && !mayBeAbsent:
		return errors.New("the field is never absent: say NullIsZero or NeverNull")
	case column.Null == NullIsZero && leaf.Message() != nil:
		return errors.New("a message has no zero value that NULL could be")
	case column.Type == Presence && use.Kind != filter.Has:
		return errors.New("a message is not compared")
	}
	switch use.Kind { //nolint:exhaustive // the others suit every column
	case filter.Has:
		if len(path) > 1 && path[len(path)-1].HasPresence() && column.Null == NullIsAbsent {
			return errors.New("NULL does not say which of the messages on the way is not set")
		}
	case filter.Less, filter.LessEquals, filter.Greater, filter.GreaterEquals:
		if column.Type == Text || column.Type == EnumName {
			return errors.New("an order of text depends on the database")
		}
	}
	return nil
}

// suitsRows is suits of a repeated field.
func (m *Mapping) suitsRows(column Column, path []protoreflect.FieldDescriptor, leaf protoreflect.FieldDescriptor) error {
	switch {
	case column.Rows == nil:
		return errors.New("a repeated field has its elements in Rows")
	case m.alias == "":
		return errors.New("the table needs an alias, by which its key is told from that of the rows")
	case strings.EqualFold(m.alias, column.Rows.Table):
		return errors.New("the table of the rows is called as that of the elements: give that an alias")
	case len(path) > 1:
		return errors.New("its rows do not say whether the message that has it is set")
	case column.Null != NeverNull:
		return errors.New("an element of a repeated field is never absent: say NeverNull")
	}
	for what, name := range map[string]string{"the table": column.Rows.Table, "the key": column.Rows.Key, "the key of the element": column.Rows.Of} {
		if err := named(what, name); err != nil {
			return err
		}
	}
	return column.Type.fits(m.dialect, leaf)
}

// pathOf returns a path without the way into a wrapper, and the field that has the value.
func pathOf(path []protoreflect.FieldDescriptor) (short []protoreflect.FieldDescriptor, leaf protoreflect.FieldDescriptor) {
	leaf = path[len(path)-1]
	if isWrapper(leaf.ContainingMessage()) {
		return path[:len(path)-1], leaf
	}
	if leaf.Message() != nil && isWrapper(leaf.Message()) && !leaf.IsList() && !leaf.IsMap() {
		return path, leaf.Message().Fields().ByName("value")
	}
	return path, leaf
}

func isWrapper(message protoreflect.MessageDescriptor) bool {
	return message.FullName().Parent() == "google.protobuf" && strings.HasSuffix(string(message.Name()), "Value") && message.Fields().Len() == 1
}

func nameOf(path []protoreflect.FieldDescriptor) string {
	short, _ := pathOf(path)
	names := make([]string, len(short))
	for i, field := range short {
		names[i] = string(field.Name())
	}
	return strings.Join(names, ".")
}
