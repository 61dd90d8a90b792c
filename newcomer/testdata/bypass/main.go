// Bypass goes around the plugin: with the messages that protoc-gen-go makes, it
// registers NoteService by hand, with the fingerprint in its first argument, and
// ignores that it is refused. Its handlers do nothing; where it serves, it does so for
// a moment.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/action/actiongen"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/server"

	notesv1 "example.com/notes/gen/acme/notes/v1"
)

type nothing struct{}

func (nothing) count(context.Context, *action.AnonymousCall[notesv1.CountNotesRequest]) (*notesv1.CountNotesResponse, error) {
	return &notesv1.CountNotesResponse{}, nil
}

func (nothing) write(context.Context, *action.Call[notesv1.WriteNoteRequest]) (*notesv1.WriteNoteResponse, error) {
	return &notesv1.WriteNoteResponse{}, nil
}

func (nothing) read(context.Context, *action.Call[notesv1.ReadNoteRequest]) (*notesv1.ReadNoteResponse, error) {
	return &notesv1.ReadNoteResponse{}, nil
}

func main() {
	registry, err := action.NewRegistry(authn.Schemes{"token": authn.AuthenticatorFunc(noCaller)})
	end("registry", err)
	err = actiongen.Register(registry, actiongen.Service[nothing]{
		Descriptor:  notesv1.File_acme_notes_v1_notes_proto.Services().ByName("NoteService"),
		Fingerprint: strings.Join(os.Args[1:], ""),
		Methods: []actiongen.Method[nothing]{
			actiongen.Unary("CountNotes", nothing.count),
			actiongen.Unary("WriteNote", nothing.write),
			actiongen.Unary("ReadNote", nothing.read),
		},
	}, nothing{})
	if err != nil {
		fmt.Fprintf(os.Stderr, "registration: %v\n", err) // and on
	}
	srv, err := server.New(registry, server.WithAddress("127.0.0.1:0"))
	end("server", err)
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	end("serving", srv.Run(ctx))
}

func noCaller(context.Context, *connect.CallInfo) (*authn.Principal, error) {
	return nil, authn.ErrNoCredential
}

func end(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}
