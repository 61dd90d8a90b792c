// Package directory keeps the demo's users, their sessions and their API keys in one
// SQLite file.
//
// The rules that must always hold are in the schema, where no code and no second process
// can bypass them: an email belongs to one user, one administrator always remains, and
// the sessions and keys of a user are removed with the user.
//
// What a method has returned without an error survives a killed process and a power cut.
// Several processes may use one file at the same time.
package directory
