// Package filter has the rule of a list as a filter: which elements a caller may see, with
// what is known of the caller already looked at. A filter is a tree over the fields of an
// element, and decides an element in memory with [Filter.Matches]. Package sqlfilter writes
// it as SQL.
//
// A filter is of three values, as the conditions of a rule are: what reads a field that is
// not there is neither true nor false, a negation keeps it so, and only what is true
// matches.
package filter
