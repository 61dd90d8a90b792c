// Package directory keeps the demo's users, their sessions and their API keys in one
// SQLite file.
//
// The rules that must never break are in the schema, where no code path and no
// second process can go round them: an email belongs to one user, the last
// administrator stays one, and whatever session or key a user has goes when the user
// goes.
//
// What a method has returned without an error survives a killed process and a power
// cut. Several processes may use one file at the same time.
package directory
