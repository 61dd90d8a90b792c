package main

import (
	"context"
	"net"
	"net/http"
	"time"

	"github.com/twitchtv/twirp"

	"github.com/sallyport-rpc/sallyport/bench/gen/twirpnote"
	benchv1 "github.com/sallyport-rpc/sallyport/gen/test/bench/v1"
)

const twirpPath = twirpnote.NoteServicePathPrefix + "WriteNote"

// twirpNotes has the checks in the handler.
type twirpNotes struct{}

type requestKey struct{}

// serveTwirp serves Twirp's generated code. A handler of Twirp does not see the header,
// so the request is put into its context, as Twirp's documentation advises.
func serveTwirp(ctx context.Context, listener net.Listener) error {
	service := twirpnote.NewNoteServiceServer(twirpNotes{})
	return serveHTTP(ctx, listener, http.HandlerFunc(func(writer http.ResponseWriter, request *http.Request) {
		request.Body = http.MaxBytesReader(writer, request.Body, mostBytes)
		service.ServeHTTP(writer, request.WithContext(context.WithValue(request.Context(), requestKey{}, request)))
	}))
}

func (twirpNotes) WriteNote(ctx context.Context, message *benchv1.WriteNoteRequest) (*benchv1.WriteNoteResponse, error) {
	begun := time.Now()
	request, ok := ctx.Value(requestKey{}).(*http.Request)
	if !ok {
		return nil, twirp.InternalError("there is no request")
	}
	if err := validator.Validate(message); err != nil {
		return nil, twirp.NewError(twirp.InvalidArgument, err.Error())
	}
	user, ok := sessions[request.Header.Get("Authorization")]
	if !ok {
		denial{"unauthenticated", errNoSession.Error(), nil, begun}.log()
		return nil, twirp.NewError(twirp.Unauthenticated, errNoSession.Error())
	}
	if !user.may(message) {
		denial{"permission_denied", errNotAllowed.Error(), user, begun}.log()
		return nil, twirp.NewError(twirp.PermissionDenied, errNotAllowed.Error())
	}
	return write(message), nil
}
