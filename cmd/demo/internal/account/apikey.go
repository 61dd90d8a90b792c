package account

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn/apikey"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// maxKeys is how many keys a user may have, about: calls at the same time may each
// add one more. ListApiKeys has no pages.
const maxKeys = 100

var (
	errKeyName     = errors.New("a name with control characters")
	errTooManyKeys = errors.New("too many keys")
)

// CreateApiKey makes a key of the caller's, who is a user, since it takes a session.
// It has no scopes, because no grant asks for any: it may do what its owner's role
// lets them where an action takes keys.
func (s *Service) CreateApiKey(ctx context.Context, call *action.Call[demov1.CreateApiKeyRequest]) (*demov1.CreateApiKeyResponse, error) { //nolint:revive // the schema's name
	request, owner := call.Message(), call.Principal().ID()
	if strings.ContainsFunc(request.GetName(), unicode.IsControl) {
		return nil, s.fault(ctx, errKeyName)
	}
	keys, err := s.keys.List(ctx, owner)
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	if len(keys) >= maxKeys {
		return nil, s.fault(ctx, errTooManyKeys)
	}
	key, secret, err := s.keys.Issue(ctx, owner, request.GetName(), nil, time.Now().Add(request.GetLifetime().AsDuration()))
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	return &demov1.CreateApiKeyResponse{ApiKey: describedKey(key), Secret: secret}, nil
}

// ListApiKeys returns the caller's keys, the newest first.
func (s *Service) ListApiKeys(ctx context.Context, call *action.Call[demov1.ListApiKeysRequest]) (*demov1.ListApiKeysResponse, error) { //nolint:revive // the schema's name
	keys, err := s.keys.List(ctx, call.Principal().ID())
	if err != nil {
		return nil, s.fault(ctx, err)
	}
	response := &demov1.ListApiKeysResponse{}
	for _, key := range slices.Backward(keys) {
		response.ApiKeys = append(response.ApiKeys, describedKey(key))
	}
	return response, nil
}

// RevokeApiKey takes one of the caller's keys back. Somebody else's is not found.
func (s *Service) RevokeApiKey(ctx context.Context, call *action.Call[demov1.RevokeApiKeyRequest]) (*demov1.RevokeApiKeyResponse, error) { //nolint:revive // the schema's name
	if err := s.keys.Revoke(ctx, call.Principal().ID(), call.Message().GetId()); err != nil {
		return nil, s.fault(ctx, err)
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
	}
	if !key.LastUsedAt.IsZero() {
		described.LastUseTime = timestamppb.New(key.LastUsedAt)
	}
	return described
}
