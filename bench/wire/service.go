package main

import (
	"errors"
	"slices"
	"strconv"

	"buf.build/go/protovalidate"

	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
)

const (
	writeNote  = "/test.bench.v1.NoteService/WriteNote"
	writeNotes = "/test.bench.v1.NoteStreamService/WriteNotes"
	watchNotes = "/test.bench.v1.NoteStreamService/WatchNotes"

	owner = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6d"
	other = "0198e9c6-5f5c-7d3a-9b1e-3c1f2a4b5c6e"
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

// sessions are of the owner, and of the watchers of idle streams.
var sessions = newSessions()

func newSessions() map[string]*user {
	sessions := map[string]*user{token: {owner, []string{"member"}}}
	for i := range watchers {
		sessions[watcher(i)] = &user{"watcher-" + strconv.Itoa(i), []string{"member"}}
	}
	return sessions
}

// watcher is the credential of one who watches.
func watcher(i int) string { return token + strconv.Itoa(i) }

// A named request says whose account it is about.
type named interface{ GetUserId() string }

// may is the policy, by hand: an admin, or the owner.
func (u *user) may(request named) bool {
	return slices.Contains(u.roles, "admin") || u.id == request.GetUserId()
}

// write is all there is to do.
func write(*benchv1.WriteNoteRequest) *benchv1.WriteNoteResponse {
	return &benchv1.WriteNoteResponse{NoteId: "n-1"}
}

// written answers one of many notes.
func written(*benchv1.WriteNotesRequest) *benchv1.WriteNotesResponse {
	return &benchv1.WriteNotesResponse{NoteId: "n-1"}
}

// The two ways in which a peer denies a call.
var (
	errNoSession  = errors.New("sign in first")
	errNotAllowed = errors.New("not allowed")
)

// validator is the one that every peer validates with.
var validator = protovalidate.GlobalValidator
