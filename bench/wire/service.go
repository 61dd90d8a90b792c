package main

import (
	"errors"
	"slices"

	"buf.build/go/protovalidate"

	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
)

const (
	procedure = "/test.bench.v1.NoteService/WriteNote"
	owner     = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6d"
	other     = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6e"
	// The session's credential, as each server finds it in its map.
	token = "Bearer 5f1d7a84c0f34c6b9a1e" //nolint:gosec // of no account but this program's
)

// note is what the measured calls send.
var note = &benchv1.WriteNoteRequest{UserId: owner, Text: "Ships on Thursday.", Labels: []string{"shipping", "todo"}}

// A user is who a session belongs to, as the peers have it.
type user struct {
	id    string
	roles []string
}

var sessions = map[string]*user{token: {owner, []string{"member"}}}

// may is the policy, by hand: an admin, or the owner.
func (u *user) may(request *benchv1.WriteNoteRequest) bool {
	return slices.Contains(u.roles, "admin") || u.id == request.GetUserId()
}

// write is all there is to do.
func write(*benchv1.WriteNoteRequest) *benchv1.WriteNoteResponse {
	return &benchv1.WriteNoteResponse{NoteId: "n-1"}
}

// The three ways in which a peer refuses a call.
var (
	errNoSession  = errors.New("sign in first")
	errNotAllowed = errors.New("not allowed")
)

// validator is the one that every peer validates with.
var validator = protovalidate.GlobalValidator
