// Package relation is what Sallyport asks a relation engine, such as OpenFGA: whether the
// principal of a call has a relation to an object. A grant names it by `relation`:
//
//	allow: {relation: {name: "editor" object: "document" id: "request.document_id"}}
//
// A program gives its engine to the registry by action.WithRelations. Tests use
// actiontest.Relations.
package relation
