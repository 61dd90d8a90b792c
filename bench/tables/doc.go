// Package tables writes what was measured as tables of Markdown, which a terminal shows
// as well.
package tables
