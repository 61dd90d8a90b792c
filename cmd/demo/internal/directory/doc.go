// Package directory keeps the demo's users, their sessions, their API keys and their documents
// in one SQLite file or in a PostgreSQL database.
//
// The rules that must always hold are in the schema, where no code and no second process
// can bypass them: an email belongs to one user, one administrator always remains, and
// the sessions and keys of a user are removed with the user.
//
// What a method has returned without an error survives a killed process and a power cut,
// unless the settings of a PostgreSQL server say otherwise. Several processes may use one
// file or database at the same time.
package directory
