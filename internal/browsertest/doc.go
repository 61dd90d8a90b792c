// Package browsertest holds a server against pages in a real browser: pages of its own
// origin, of named ones, and of one that is not named; and a page that asks what its caller
// may do. `make browser` runs it, with Chromium; without the environment variable CHROMIUM
// its tests are skipped.
package browsertest
