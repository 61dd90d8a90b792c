package sqlfilter

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/filter"
)

// nothing is true of no row, and everything of each.
const (
	nothing    = "(1=0)"
	everything = "(1=1)"
)

// maxArguments is how many arguments a filter may have. SQLite takes 32766.
const maxArguments = 10_000

// Where returns a filter as one expression in parentheses, and its arguments in their
// order. In PostgreSQL the first is $first, so that others may stand before; in SQLite each
// is ?, in the order of the text. It is an error where the filter is of another rule than
// the mapping, or has more than 10,000 arguments; the expression is then true of no row.
func (m *Mapping) Where(of filter.Filter, first int) (expression string, arguments []any, err error) {
	if m == nil || m.dialect == 0 {
		return nothing, nil, nil
	}
	w := &writing{Mapping: m, first: first}
	expression = w.node(of.Node(), true)
	if w.err == nil && len(w.arguments) > maxArguments {
		w.err = fmt.Errorf("the filter has %d arguments, more than %d", len(w.arguments), maxArguments)
	}
	if w.err != nil {
		return nothing, nil, w.err
	}
	return expression, w.arguments, nil
}

// A writing is of one filter.
type writing struct {
	*Mapping

	first     int
	arguments []any
	err       error
}

// node writes that a node is true or, so asked, that it is false. What is absent is
// neither.
func (w *writing) node(node *filter.Node, truth bool) string {
	switch node.Kind {
	case filter.True, filter.False:
		return constant((node.Kind == filter.True) == truth)
	case filter.Absent:
		return nothing
	case filter.And, filter.Or:
		// That one of several is false is that all are not true, by what is known of each.
		parts := make([]string, len(node.Nodes))
		for i, part := range node.Nodes {
			parts[i] = w.node(part, truth)
		}
		all := (node.Kind == filter.And) == truth
		switch {
		case len(parts) == 0:
			return constant(all)
		case all:
			return "(" + strings.Join(parts, " AND ") + ")"
		default:
			return "(" + strings.Join(parts, " OR ") + ")"
		}
	case filter.Not:
		if len(node.Nodes) == 1 {
			return w.node(node.Nodes[0], !truth)
		}
	case filter.Has, filter.Equals, filter.Less, filter.LessEquals, filter.Greater, filter.GreaterEquals, filter.Among, filter.Contains:
		return w.field(node, truth)
	case filter.Other:
	}
	return w.fail("a part of the filter has no form in SQL")
}

func (w *writing) fail(format string, arguments ...any) string {
	if w.err == nil {
		w.err = fmt.Errorf(format, arguments...)
	}
	return nothing
}

func constant(holds bool) string {
	if holds {
		return everything
	}
	return nothing
}

// field writes a node that looks at a field.
func (w *writing) field(node *filter.Node, truth bool) string {
	if len(node.Path) == 0 {
		return w.fail("a part of the filter looks at no field")
	}
	name := nameOf(node.Path)
	column, ok := w.columns[name]
	if !ok {
		return w.fail("the field %s has no column: the filter is of another rule", name)
	}
	if err := w.suits(filter.Use{Kind: node.Kind, Path: node.Path}, column); err != nil {
		return w.fail("the field %s: %w", name, err)
	}
	_, leaf := pathOf(node.Path)
	at := place{column: column, field: leaf, name: column.Name}
	if w.alias != "" {
		at.name = w.alias + "." + column.Name
	}
	switch node.Kind {
	case filter.Has:
		return w.has(node, at, truth)
	case filter.Contains:
		at.name = column.Rows.Table + "." + column.Name
		return w.rows(node, at, truth)
	default:
		return w.compared(node, at, truth)
	}
}

// A place is a column with the field that it has.
type place struct {
	column Column
	field  protoreflect.FieldDescriptor // with the value: that of a wrapper
	name   string
}

// known writes that a place has a value.
func (p place) known() string {
	if p.column.Null == NullIsZero {
		return everything
	}
	return "(" + p.name + " IS NOT NULL)"
}

func (w *writing) has(node *filter.Node, at place, truth bool) string {
	leaf := node.Path[len(node.Path)-1]
	switch {
	case !leaf.HasPresence(): // set is other than zero
		zero := &filter.Node{Kind: filter.Equals, Path: node.Path, Values: []any{zeroOf(leaf)}}
		return w.compared(zero, at, !truth)
	case at.column.Null != NullIsAbsent:
		return constant(truth)
	case truth:
		return "(" + at.name + " IS NOT NULL)"
	default:
		return "(" + at.name + " IS NULL)"
	}
}

func zeroOf(field protoreflect.FieldDescriptor) any {
	switch field.Kind() {
	case protoreflect.StringKind:
		return ""
	case protoreflect.BoolKind:
		return false
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return uint64(0)
	default:
		return int64(0)
	}
}

// rows writes that one of the rows of a repeated field has a value.
func (w *writing) rows(node *filter.Node, at place, truth bool) string {
	rows := at.column.Rows
	equal := w.compared(&filter.Node{Kind: filter.Equals, Path: node.Path, Values: node.Values}, at, true)
	if !truth && w.mayHaveBlob(at) {
		equal = "(" + equal + " OR typeof(" + at.name + ") = 'blob')"
	}
	exists := "EXISTS (SELECT 1 FROM " + rows.Table + " WHERE " + rows.Table + "." + rows.Key + " = " + w.alias + "." + rows.Of + " AND " + equal + ")"
	if truth {
		return "(" + exists + ")"
	}
	return "(NOT " + exists + ")"
}

// argument writes the place of an argument.
func (w *writing) argument(value any, of string) string {
	w.arguments = append(w.arguments, value)
	switch {
	case w.dialect == SQLite && of == "bigint":
		return "CAST(? AS INTEGER)" // a column of text is compared as numbers too
	case w.dialect == SQLite:
		return "?"
	}
	return "$" + strconv.Itoa(w.first+len(w.arguments)-1) + "::" + of
}
