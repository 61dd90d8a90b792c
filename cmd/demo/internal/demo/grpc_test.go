package demo

import (
	"regexp"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// With -grpc the demo serves gRPC on a port of its own, behind the same gates and for the
// same hosts.
func TestGRPC(t *testing.T) {
	t.Parallel()
	demo := start(t, "-addr", "127.0.0.1:0", "-grpc", "127.0.0.1:0")
	where := regexp.MustCompile(`msg="serving gRPC" address=(\S+)`)
	var found []string
	for deadline := time.Now().Add(10 * time.Second); found == nil; time.Sleep(10 * time.Millisecond) {
		if found = where.FindStringSubmatch(demo.log.String()); found == nil && time.Now().After(deadline) {
			t.Fatalf("it logged:\n%s", demo.log)
		}
	}
	for authority, want := range map[string]codes.Code{"localhost": codes.Unauthenticated, "evil.example": codes.PermissionDenied} {
		conn, err := grpc.NewClient("passthrough:///"+found[1], grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(authority))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		request := &demov1.GetUserRequest{UserId: "5f0c3a4e-7d4b-4a39-9c35-1b4f0e6f9d11"}
		err = conn.Invoke(t.Context(), demov1client.AccountServiceGetUserProcedure, request, &demov1.GetUserResponse{})
		if status.Code(err) != want {
			t.Errorf("%s: %v", authority, err)
		}
	}
}
