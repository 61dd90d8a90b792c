package client_test

import (
	"context"
	"fmt"
	"sync"
	"time"

	"connectrpc.com/connect/v2/connecthttp"

	"github.com/sallyport-rpc/sallyport/client"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

func ExampleNew() {
	connection, err := client.New("https://accounts.example.com", client.WithTransportOptions(connecthttp.WithGRPC()))
	if err != nil {
		fmt.Println(err)
		return
	}
	accounts := demov1client.NewAccountServiceClient(connection)
	fmt.Println(accounts != nil) // accounts.GetUser(ctx, &demov1.GetUserRequest{UserId: id})
	// Output: true
}

func ExampleWithToken() {
	_, err := client.New("http://accounts.example.com", client.WithToken("a secret"))
	fmt.Println(err)
	_, err = client.New("http://accounts.example.com", client.WithToken("secret"))
	fmt.Println(err)
	_, err = client.New("https://accounts.example.com", client.WithToken("secret"))
	fmt.Println(err)
	// Output:
	// client.WithToken: the token holds a space, a control character or one outside ASCII
	// client.New: a token would be sent to accounts.example.com in plain text: write https://accounts.example.com, or allow it by client.WithUnsafePlaintextToken
	// <nil>
}

// A tokens source keeps a token until shortly before it expires.
type tokens struct {
	mu    sync.Mutex
	token string
	until time.Time
}

func (t *tokens) get(ctx context.Context) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if time.Until(t.until) > time.Minute {
		return t.token, nil
	}
	token, until, err := fetch(ctx)
	if err != nil {
		return "", err
	}
	t.token, t.until = token, until
	return token, nil
}

// fetch asks the issuer for a token.
func fetch(context.Context) (string, time.Time, error) {
	return "secret", time.Now().Add(time.Hour), nil
}

func ExampleWithTokenSource() {
	connection, err := client.New("https://accounts.example.com", client.WithTokenSource(new(tokens).get))
	fmt.Println(connection != nil, err)
	// Output: true <nil>
}
