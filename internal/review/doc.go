// Package review shows what declarations let whom do, for people who review them: the
// access matrix of a contract, as text, Markdown, a page, CSV and JSON, and what changed
// in it from one version to the next.
package review
