package account_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"google.golang.org/protobuf/types/known/durationpb"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// An address that floods the sign-in is refused, and other addresses sign in. Requests
// that are not valid count too.
func TestSignInFlood(t *testing.T) {
	t.Parallel()
	f := newGuarded(t)
	const burst, aMinute = 6000, 6000
	flooder := httpFrom(t, "127.0.0.2")
	var invalid, limited atomic.Int64
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for limited.Load() == 0 && invalid.Load() < burst+10*aMinute {
				switch status, _ := signInFrom(t.Context(), flooder, f.url, "", "", ""); status {
				case http.StatusBadRequest:
					invalid.Add(1)
				case http.StatusTooManyRequests:
					limited.Add(1)
				default:
					t.Errorf("a flooder was answered with %d", status)
					return
				}
			}
		})
	}
	group.Wait()
	if limited.Load() == 0 || invalid.Load() < burst {
		t.Errorf("%d requests were looked at, and %d refused for their number", invalid.Load(), limited.Load())
	}
	if status, _ := signInFrom(t.Context(), httpFrom(t, "127.0.0.1"), f.url, honest(0), pass, ""); status != http.StatusOK {
		t.Errorf("another address was answered with %d", status)
	}
}

// A user creates twenty keys at once, and no more for now; others do.
func TestCreateApiKeyLimit(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	create := func(user string) error {
		_, err := f.client(t, f.tokens[user]).CreateApiKey(t.Context(),
			&demov1.CreateApiKeyRequest{Name: "key", Lifetime: durationpb.New(0), Scopes: []string{demov1client.ScopeUsersRead}})
		return err
	}
	for i := range 20 {
		if err := create("member"); connect.CodeOf(err) != connect.CodeInvalidArgument {
			t.Fatalf("key %d: %v", i, err) // which counts no call of a principal
		}
	}
	for i := range 20 {
		newKey(t, f, "member", "key")
		if t.Failed() {
			t.Fatalf("key %d was refused", i)
		}
	}
	request := &demov1.CreateApiKeyRequest{Name: "key", Lifetime: durationpb.New(time.Hour), Scopes: []string{demov1client.ScopeUsersRead}}
	if _, err := f.client(t, f.tokens["member"]).CreateApiKey(t.Context(), request); connect.CodeOf(err) != connect.CodeResourceExhausted {
		t.Errorf("the key after the last: %v", err)
	}
	newKey(t, f, "other", "of another user")
}
