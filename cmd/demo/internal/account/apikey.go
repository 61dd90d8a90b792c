package account

import (
	"context"
	"errors"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// maxKeys is how many valid keys a user may have. Calls at the same time may each exceed
// it by one. ListApiKeys has no pages.
const maxKeys = 100

var errTooManyKeys = errors.New("too many keys")

// CreateApiKey creates a key of the caller, who is a user, since the action takes sessions
// alone. The key may do what its owner may, where an action takes keys and the key has
// the scopes that the action needs of one.
func (s *Service) CreateApiKey(ctx context.Context, call *action.Call[demov1.CreateApiKeyRequest]) (*demov1.CreateApiKeyResponse, error) { //nolint:revive // the schema's name
	request, owner := call.Message(), call.Principal().ID()
	keys, err := s.keys.List(ctx, owner)
	if err != nil {
		return nil, fault(err)
	}
	now := time.Now()
	expired := func(key apikey.Key) bool { return !now.Before(key.ExpiresAt) }
	if len(slices.DeleteFunc(keys, expired)) >= maxKeys {
		return nil, fault(errTooManyKeys)
	}
	key, secret, err := s.keys.Issue(ctx, owner, request.GetName(), request.GetScopes(), now.Add(request.GetLifetime().AsDuration()))
	if err != nil {
		return nil, fault(err)
	}
	return &demov1.CreateApiKeyResponse{ApiKey: describedKey(key), Secret: secret}, nil
}

// ListApiKeys returns the caller's keys, newest first.
func (s *Service) ListApiKeys(ctx context.Context, call *action.Call[demov1.ListApiKeysRequest]) (*demov1.ListApiKeysResponse, error) { //nolint:revive // the schema's name
	keys, err := s.keys.List(ctx, call.Principal().ID())
	if err != nil {
		return nil, fault(err)
	}
	response := &demov1.ListApiKeysResponse{}
	for _, key := range slices.Backward(keys) {
		response.ApiKeys = append(response.ApiKeys, describedKey(key))
	}
	return response, nil
}

// RevokeApiKey revokes one of the caller's keys. The key of another user is not found.
func (s *Service) RevokeApiKey(ctx context.Context, call *action.Call[demov1.RevokeApiKeyRequest]) (*demov1.RevokeApiKeyResponse, error) { //nolint:revive // the schema's name
	if err := s.keys.Revoke(ctx, call.Principal().ID(), call.Message().GetId()); err != nil {
		return nil, fault(err)
	}
	return &demov1.RevokeApiKeyResponse{}, nil
}

// describedKey returns what an owner sees of a key.
func describedKey(key apikey.Key) *demov1.ApiKey {
	described := &demov1.ApiKey{
		Id:         key.ID,
		Name:       key.Name,
		CreateTime: timestamppb.New(key.CreatedAt),
		ExpireTime: timestamppb.New(key.ExpiresAt),
		Scopes:     key.Scopes,
	}
	if !key.LastUsedAt.IsZero() {
		described.LastUseTime = timestamppb.New(key.LastUsedAt)
	}
	return described
}
