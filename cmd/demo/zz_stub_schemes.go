package main

import (
	"context"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
)

// absent is a scheme that is not there yet: no call has its credential.
type absent struct{}

var _ action.Dated = absent{}

// Authenticate finds nothing.
func (absent) Authenticate(context.Context, *connect.CallInfo) (*action.Principal, error) {
	return nil, action.ErrNoCredential
}

// KnowsAuthenticationTime reports true.
func (absent) KnowsAuthenticationTime() bool { return true }
