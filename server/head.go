package server

import (
	"net/http"
	"net/url"

	"connectrpc.com/connect/v2"
)

// mostQuoted is how long may be what connect repeats in its answer where it does not
// understand it: a compression, an encoding, a timeout, a version.
const mostQuoted = 64

var (
	errQuery  = connect.NewError(connect.CodeInvalidArgument, "the query of the URL could not be read")
	errTwice  = connect.NewError(connect.CodeInvalidArgument, "a parameter of the query is there twice")
	errQuoted = connect.NewError(connect.CodeInvalidArgument, "a header or a parameter of the query is too long")
)

// quotedHeaders are the headers, and quotedParameters the parameters of a Connect
// GET, that connect repeats in its answer where it does not understand them.
var (
	quotedHeaders = []string{
		"Content-Encoding", "Connect-Content-Encoding", "Grpc-Encoding",
		"Connect-Timeout-Ms", "Grpc-Timeout", "Connect-Protocol-Version",
	}
	quotedParameters = []string{"compression", "encoding", "connect"}
)

// malformedHead returns what is wrong with the head of a request before connect looks
// at it, or nil.
func malformedHead(request *http.Request) *connect.Error {
	for _, name := range quotedHeaders {
		for _, value := range request.Header[name] {
			if len(value) > mostQuoted {
				return errQuoted
			}
		}
	}
	if request.Method != http.MethodGet {
		return nil
	}
	// Connect leaves out what it cannot read, and takes the first of two.
	query, err := url.ParseQuery(request.URL.RawQuery)
	if err != nil {
		return errQuery
	}
	for _, values := range query {
		if len(values) > 1 {
			return errTwice
		}
	}
	for _, name := range quotedParameters {
		if len(query.Get(name)) > mostQuoted {
			return errQuoted
		}
	}
	return nil
}
