// Package many makes up services: as many actions, and roles, as a benchmark wants, each
// action with a request type, three ordinary validation rules and two grants of its own.
package many
