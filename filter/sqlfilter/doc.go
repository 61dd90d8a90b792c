// Package sqlfilter writes filters as SQL, for SQLite and PostgreSQL.
//
// A [Mapping] says for each field that a rule reads which column has it, of what type, and
// what NULL in it means. What SQL cannot say exactly is refused when the mapping is made,
// and never when rows are read.
//
// What is written is one expression in parentheses, so that it means the same whatever
// stands beside it. Values come as arguments alone. Strings are equal where their bytes
// are, whatever the column's collation. Each comparison is written as itself or as its
// opposite, and a negation never stands before one that could be NULL.
package sqlfilter
