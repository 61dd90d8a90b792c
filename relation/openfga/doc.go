// Package openfga is a relation engine that is OpenFGA: remote, by its gRPC API, or in the
// process, see package embedded.
//
//	engine, err := openfga.New(ctx, openfga.Remote(connection), storeID, modelID)
//	registry, err := action.NewRegistry(schemes, action.WithRelations(engine))
//
// The model is pinned: a new one decides nothing until a program names it. A relation or a
// type that it does not have refuses the action that names it. Answers are asked with
// higher consistency, and none is kept. A list that may have been cut off is none.
package openfga
