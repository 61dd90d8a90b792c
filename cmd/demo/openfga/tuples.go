package main

import (
	"context"
	"slices"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// A writer is what reads and changes the tuples of OpenFGA.
type writer interface {
	Read(ctx context.Context, request *openfgav1.ReadRequest) (*openfgav1.ReadResponse, error)
	Write(ctx context.Context, request *openfgav1.WriteRequest) (*openfgav1.WriteResponse, error)
}

// Tuples are those of a store. They are written by a model.
type tuples struct {
	of           writer
	store, model string
}

// mostTuples is how many tuples OpenFGA takes and gives in one request by default:
// its setting maxTuplesPerWrite, and the size of a page.
const mostTuples = 100

// read returns the tuples that a key is about, all of them.
func (t tuples) read(ctx context.Context, key *openfgav1.ReadRequestTupleKey) ([]*openfgav1.TupleKey, error) {
	var found []*openfgav1.TupleKey
	request := &openfgav1.ReadRequest{
		StoreId: t.store, TupleKey: key, PageSize: wrapperspb.Int32(mostTuples), Consistency: openfgav1.ConsistencyPreference_HIGHER_CONSISTENCY,
	}
	for {
		page, err := t.of.Read(ctx, request)
		if err != nil {
			return nil, err
		}
		for _, tuple := range page.GetTuples() {
			found = append(found, tuple.GetKey())
		}
		if request.ContinuationToken = page.GetContinuationToken(); request.GetContinuationToken() == "" {
			return found, nil
		}
	}
}

// remove ends that users are viewers of documents. What is not there is gone already.
func (t tuples) remove(ctx context.Context, users, objects []string) error {
	keys := make([]*openfgav1.TupleKeyWithoutCondition, 0, len(users)*len(objects))
	for _, user := range users {
		for _, object := range objects {
			keys = append(keys, &openfgav1.TupleKeyWithoutCondition{User: user, Relation: viewer, Object: object})
		}
	}
	for some := range slices.Chunk(keys, mostTuples) {
		request := &openfgav1.WriteRequest{StoreId: t.store, AuthorizationModelId: t.model, Deletes: &openfgav1.WriteRequestDeletes{TupleKeys: some, OnMissing: "ignore"}}
		if _, err := t.of.Write(ctx, request); err != nil {
			return err
		}
	}
	return nil
}

// add makes users viewers of a document. Who is one stays one.
func (t tuples) add(ctx context.Context, users []string, object string) error {
	keys := make([]*openfgav1.TupleKey, 0, len(users))
	for _, user := range users {
		keys = append(keys, &openfgav1.TupleKey{User: user, Relation: viewer, Object: object})
	}
	for some := range slices.Chunk(keys, mostTuples) {
		request := &openfgav1.WriteRequest{StoreId: t.store, AuthorizationModelId: t.model, Writes: &openfgav1.WriteRequestWrites{TupleKeys: some, OnDuplicate: "ignore"}}
		if _, err := t.of.Write(ctx, request); err != nil {
			return err
		}
	}
	return nil
}

// remoteWriter writes by a connection.
type remoteWriter struct {
	client openfgav1.OpenFGAServiceClient
}

// Read implements writer.
func (r remoteWriter) Read(ctx context.Context, request *openfgav1.ReadRequest) (*openfgav1.ReadResponse, error) {
	return r.client.Read(ctx, request)
}

// Write implements writer.
func (r remoteWriter) Write(ctx context.Context, request *openfgav1.WriteRequest) (*openfgav1.WriteResponse, error) {
	return r.client.Write(ctx, request)
}
