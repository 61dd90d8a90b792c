package bearer_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"time"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/bearer"
	"github.com/sallyport-rpc/sallyport/authn/cache"
)

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

func Example_cached() {
	issuer := &provider{keys: []any{es256("2026-01").public()}}
	issuer.Server = httptest.NewUnstartedServer(issuer)
	issuer.Start()
	defer issuer.Close()
	registry, end, err := remembered(context.Background(), issuer.URL, directory{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer end()
	fmt.Println(registry != nil)
	// Output: true
}
