package account

import (
	"context"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// errStub answers what is not there yet.
var errStub = connect.NewError(connect.CodeUnimplemented, "not implemented")

// CreateApiKey is not there yet.
func (s *Service) CreateApiKey(context.Context, *action.Call[demov1.CreateApiKeyRequest]) (*demov1.CreateApiKeyResponse, error) {
	return nil, errStub
}

// ListApiKeys is not there yet.
func (s *Service) ListApiKeys(context.Context, *action.Call[demov1.ListApiKeysRequest]) (*demov1.ListApiKeysResponse, error) {
	return &demov1.ListApiKeysResponse{}, nil
}

// RevokeApiKey is not there yet.
func (s *Service) RevokeApiKey(context.Context, *action.Call[demov1.RevokeApiKeyRequest]) (*demov1.RevokeApiKeyResponse, error) {
	return nil, errStub
}
