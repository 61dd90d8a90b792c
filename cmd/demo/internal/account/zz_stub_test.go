package account_test

import (
	"context"
	"strings"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/action"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// absent is a scheme that is not there yet.
type absent struct{}

func (absent) Authenticate(context.Context, *connect.CallInfo) (*action.Principal, error) {
	return nil, action.ErrNoCredential
}

func (absent) KnowsAuthenticationTime() bool { return true }

func (w *witness) CreateApiKey(ctx context.Context, call *action.Call[demov1.CreateApiKeyRequest]) (*demov1.CreateApiKeyResponse, error) {
	w.ran.Add(1)
	return w.service.CreateApiKey(ctx, call)
}

func (w *witness) ListApiKeys(ctx context.Context, call *action.Call[demov1.ListApiKeysRequest]) (*demov1.ListApiKeysResponse, error) {
	w.ran.Add(1)
	return w.service.ListApiKeys(ctx, call)
}

func (w *witness) RevokeApiKey(ctx context.Context, call *action.Call[demov1.RevokeApiKeyRequest]) (*demov1.RevokeApiKeyResponse, error) {
	w.ran.Add(1)
	return w.service.RevokeApiKey(ctx, call)
}

// isStream reports whether an action takes or sends more than one message, or is not
// there yet.
func isStream(action action.Action) bool {
	return action.Method.IsStreamingClient() || action.Method.IsStreamingServer() || strings.Contains(action.Procedure, "ApiKey")
}
