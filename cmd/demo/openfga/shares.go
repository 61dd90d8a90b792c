package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	openfgav1 "github.com/openfga/api/proto/openfga/v1"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/demo"
	"github.com/sallyport-rpc/sallyport/relation/openfga"
)

// The parts of a tuple user:ID viewer document:ID, each of which says which users a document is shared with.
const (
	ofUsers   = "user:"
	viewer    = "viewer"
	documents = "document:"
)

// Shares are these tuples in a store, and what OpenFGA says of them by a model.
type shares struct {
	*openfga.Engine

	tuples tuples
}

var _ demo.Shares = (*shares)(nil)

// newShares returns the shares in a store. It fails where the model is not there, and where
// documents in it have no viewers that are users.
func newShares(ctx context.Context, in service, store, model string) (*shares, error) {
	engine, err := openfga.New(ctx, in, store, model)
	if err != nil {
		return nil, err
	}
	read, err := in.ReadAuthorizationModel(ctx, &openfgav1.ReadAuthorizationModelRequest{StoreId: store, Id: model})
	if err != nil {
		return nil, err
	}
	if !takesUsers(read.GetAuthorizationModel()) {
		return nil, fmt.Errorf("in model %s no user can be a viewer of a document: give it what cmd/demo/openfga/model.fga has", model)
	}
	return &shares{engine, tuples{in, store, model}}, nil
}

// takesUsers reports whether a tuple user:ID viewer document:ID may be written, without a
// condition.
func takesUsers(model *openfgav1.AuthorizationModel) bool {
	for _, of := range model.GetTypeDefinitions() {
		if of.GetType() != "document" {
			continue
		}
		return slices.ContainsFunc(of.GetMetadata().GetRelations()[viewer].GetDirectlyRelatedUserTypes(), func(user *openfgav1.RelationReference) bool {
			return user.GetType() == "user" && user.GetRelation() == "" && user.GetWildcard() == nil && user.GetCondition() == ""
		})
	}
	return false
}

// Share implements directory.Mirror: what is to end ends first. It leaves viewers that are no
// users, such as teams where the model has some.
func (s *shares) Share(ctx context.Context, documentID string, users []string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	there, err := s.tuples.read(ctx, &openfgav1.ReadRequestTupleKey{Relation: viewer, Object: documents + documentID})
	if err != nil {
		return unavailable("read which users a document is shared with", err)
	}
	var wanted, ended, missing []string
	for _, user := range users {
		wanted = append(wanted, ofUsers+user)
	}
	for _, tuple := range there {
		if user := tuple.GetUser(); strings.HasPrefix(user, ofUsers) && !slices.Contains(wanted, user) {
			ended = append(ended, user)
		}
	}
	for _, user := range wanted {
		if !slices.ContainsFunc(there, func(tuple *openfgav1.TupleKey) bool { return tuple.GetUser() == user }) {
			missing = append(missing, user)
		}
	}
	if err := s.tuples.remove(ctx, ended, []string{documents + documentID}); err != nil {
		return unavailable("end sharing a document", err)
	}
	return unavailable("share a document", s.tuples.add(ctx, missing, documents+documentID))
}

// Forget implements directory.Mirror.
func (s *shares) Forget(ctx context.Context, userID string) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	there, err := s.tuples.read(ctx, &openfgav1.ReadRequestTupleKey{User: ofUsers + userID, Relation: viewer, Object: documents})
	if err != nil {
		return unavailable("read what is shared with a user", err)
	}
	var ended []string
	for _, tuple := range there {
		ended = append(ended, tuple.GetObject())
	}
	return unavailable("forget a user", s.tuples.remove(ctx, []string{ofUsers + userID}, ended))
}

// unavailable is what callers see of a change that OpenFGA did not confirm.
func unavailable(doing string, err error) error {
	if err == nil {
		return nil
	}
	return authn.Unavailable(fmt.Errorf("openfga: %s: %w", doing, err))
}
