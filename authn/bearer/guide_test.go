package bearer_test

import (
	"context"
	"log/slog"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
	"github.com/sallyport-rpc/sallyport/authn/cache"
)

// A directory knows an issuer's subjects under ids of its own, and what they may do.
type directory map[string]struct {
	id    string
	roles []string
}

func (d directory) identify(_ context.Context, token *bearer.Token) (string, authn.Details, error) {
	user, ok := d[token.Subject]
	if !ok {
		return "", authn.Details{}, authn.InvalidCredential("subject is unknown here")
	}
	claims, err := token.Granted() // the scopes that the issuer granted
	claims.Roles = user.roles      // and the roles that we give
	return user.id, claims, err
}

// remembered takes tokens of one issuer, and remembers them for a minute.
func remembered(ctx context.Context, issuer string, users directory) (*action.Registry, func(), error) {
	tokens, err := bearer.New(issuer, "https://api.example.com", bearer.Discovery(), bearer.WithIdentity(users.identify))
	if err != nil {
		return nil, nil, err
	}
	verified, err := cache.New()
	if err != nil {
		return nil, nil, err
	}
	end := func() {
		_ = verified.Close()
		_ = tokens.Close()
	}
	loading, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := tokens.Load(loading); err != nil {
		// The server starts without its issuer: calls with a token are unavailable till then.
		slog.WarnContext(ctx, "the issuer of tokens cannot be reached", slog.Any("error", err))
	}
	registry, err := action.NewRegistry(authn.Schemes{"bearer": verified.Wrap(tokens)})
	return registry, end, err
}
