package account_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/client"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// prompt is longer than any step here takes, and shorter than the recheck of a watch: a
// stream that ends within it was notified.
const prompt = 15 * time.Second

// streamWays are the protocols that carry every shape of stream.
var streamWays = map[string]func(*testing.T, *fixture, string) demov1client.AccountServiceClient{
	"connect": func(t *testing.T, f *fixture, token string) demov1client.AccountServiceClient {
		return f.client(t, token)
	},
	"connect JSON": func(t *testing.T, f *fixture, token string) demov1client.AccountServiceClient {
		return f.client(t, token, connecthttp.WithProtoJSON())
	},
	"gRPC": func(t *testing.T, f *fixture, token string) demov1client.AccountServiceClient {
		return f.client(t, token, connecthttp.WithGRPC())
	},
	"gRPC-Web": func(t *testing.T, f *fixture, token string) demov1client.AccountServiceClient {
		return f.client(t, token, connecthttp.WithGRPCWeb())
	},
	"in process": func(t *testing.T, f *fixture, token string) demov1client.AccountServiceClient {
		t.Helper()
		transport, err := f.registry.InProcess()
		if err != nil {
			t.Fatal(err)
		}
		return demov1client.NewAccountServiceClient(connect.NewClient(transport, carrying(token)))
	},
}

// eachWay runs a test over every way in, with a fixture of its own, and looks whether
// a handler of a stream is left behind.
func eachWay(t *testing.T, test func(*testing.T, *fixture, func(caller string) demov1client.AccountServiceClient)) {
	t.Helper()
	for name, client := range streamWays {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.serve(t)
			test(t, f, func(caller string) demov1client.AccountServiceClient { return client(t, f, f.tokens[caller]) })
			f.handler.expectLeft(t)
		})
	}
}

// expectLeft waits until every handler of a stream has returned.
func (w *countingHandler) expectLeft(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(prompt); w.left.Load() < w.streams.Load(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("of %d handlers of streams %d returned", w.streams.Load(), w.left.Load())
			return
		}
	}
}

// expectStacks waits until no goroutine is in a handler of a stream or in a watch.
func expectStacks(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(prompt); ; time.Sleep(time.Millisecond) {
		stacks := make([]byte, 8<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		left := slices.DeleteFunc(strings.Split(string(stacks), "\n\n"), func(stack string) bool {
			return !strings.Contains(stack, "sallyport/action.") || strings.Contains(stack, "expectStacks")
		})
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("goroutines left behind:\n%s", strings.Join(left, "\n\n"))
		}
	}
}

// TestNoGoroutineIsLeft is not parallel: it looks at every goroutine that there is.
func TestNoGoroutineIsLeft(t *testing.T) { //nolint:paralleltest // see above
	for name, client := range streamWays { //nolint:paralleltest // see above
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.serve(t)
			admin := client(t, f, f.tokens["admin"])
			for range 5 {
				ctx, cancel := context.WithCancel(t.Context())
				watch := startWatch(ctx, t, admin, 4)
				ingest, err := admin.ImportUsers(ctx)
				if err != nil {
					t.Fatal(err)
				}
				if err := ingest.Send(&demov1.ImportUsersRequest{Name: "New", Email: "new@example.com"}); err != nil {
					t.Fatal(err)
				}
				cancel() // the client goes away in the middle
				if _, err := watch.Receive(); !errors.Is(err, context.Canceled) && connect.CodeOf(err) != connect.CodeCanceled {
					t.Errorf("got %v", err)
				}
				watch.Close()
				_, _ = ingest.CloseAndReceive()
			}
			expectStacks(t)
			f.handler.expectLeft(t)
		})
	}
}

// startWatch begins a watch and reads as many accounts as are present.
func startWatch(ctx context.Context, t *testing.T, accounts demov1client.AccountServiceClient, present int) *client.ServerStream[demov1.WatchUsersResponse] {
	t.Helper()
	watch, err := accounts.WatchUsers(ctx, &demov1.WatchUsersRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for range present {
		response, err := watch.Receive()
		if err != nil {
			t.Fatal(err)
		}
		if response.GetChange() != demov1.WatchUsersResponse_CHANGE_PRESENT {
			t.Fatalf("got %v", response)
		}
	}
	return watch
}

func promptly(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), prompt)
	t.Cleanup(cancel)
	return ctx
}

func TestWatchUsers(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, f *fixture, as func(string) demov1client.AccountServiceClient) {
		ctx, cancel := context.WithCancel(promptly(t))
		defer cancel()
		admin := as("admin")
		watch := startWatch(ctx, t, as("auditor"), 4)
		defer watch.Close()
		var want, got []string
		note := func(change string, user *demov1.User) { want = append(want, change+" "+user.String()) }

		signedUp, err := as("anonymous").SignUp(ctx, &demov1.SignUpRequest{Name: "New", Email: "new@example.com", Password: pass})
		if err != nil {
			t.Fatal(err)
		}
		created, err := as("auditor").GetUser(ctx, &demov1.GetUserRequest{UserId: signedUp.GetUserId()})
		if err != nil {
			t.Fatal(err)
		}
		note("CHANGE_CREATED", created.GetUser())
		updated, err := as("member").UpdateProfile(ctx, &demov1.UpdateProfileRequest{UserId: f.ids["member"], Name: "Newer", Email: "newer@example.com"})
		if err != nil {
			t.Fatal(err)
		}
		note("CHANGE_UPDATED", updated.GetUser())
		if _, err := as("member").UpdateProfile(ctx, &demov1.UpdateProfileRequest{UserId: f.ids["member"], Name: "x", Email: "admin@example.com"}); err == nil {
			t.Fatal("the email is taken")
		}
		granted, err := admin.GrantRole(ctx, &demov1.GrantRoleRequest{UserId: f.ids["member"], Role: "auditor"})
		if err != nil {
			t.Fatal(err)
		}
		granted.GetUser().Email = updated.GetUser().GetEmail() // an admin does not see it, an auditor does
		note("CHANGE_UPDATED", granted.GetUser())
		if _, err := admin.DeleteUser(ctx, &demov1.DeleteUserRequest{UserId: f.ids["member"]}); err != nil {
			t.Fatal(err)
		}
		note("CHANGE_DELETED", granted.GetUser())
		for range want {
			response, err := watch.Receive()
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, response.GetChange().String()+" "+response.GetUser().String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		cancel()
	})
}

// TestWatchEnds takes from who watches what they watch by. Nothing moves on the
// stream meanwhile.
func TestWatchEnds(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		end  func(context.Context, *fixture, func(string) demov1client.AccountServiceClient) error
		want connect.Code
	}{
		"the role is revoked": {func(ctx context.Context, f *fixture, as func(string) demov1client.AccountServiceClient) error {
			_, err := as("admin").GrantRole(ctx, &demov1.GrantRoleRequest{UserId: f.ids["auditor"], Role: "member"})
			return err
		}, connect.CodePermissionDenied},
		"signed out": {func(ctx context.Context, _ *fixture, as func(string) demov1client.AccountServiceClient) error {
			_, err := as("auditor").SignOut(ctx, &demov1.SignOutRequest{})
			return err
		}, connect.CodeUnauthenticated},
		"deleted": {func(ctx context.Context, f *fixture, as func(string) demov1client.AccountServiceClient) error {
			_, err := as("admin").DeleteUser(ctx, &demov1.DeleteUserRequest{UserId: f.ids["auditor"]})
			return err
		}, connect.CodeUnauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachWay(t, func(t *testing.T, f *fixture, as func(string) demov1client.AccountServiceClient) {
				ctx := promptly(t)
				watch := startWatch(ctx, t, as("auditor"), 4)
				defer watch.Close()
				f.recorder.takeDenials()
				if err := test.end(ctx, f, as); err != nil {
					t.Fatal(err)
				}
				for {
					response, err := watch.Receive()
					if err == nil && response.GetChange() != demov1.WatchUsersResponse_CHANGE_PRESENT {
						continue // the change itself may be faster
					}
					if connect.CodeOf(err) != test.want {
						t.Errorf("got %v, %v", response, err)
					}
					break
				}
				if got := f.recorder.takeDenials(); !slices.Equal(got, []string{test.want.String()}) {
					t.Errorf("the denials recorded: %q", got)
				}
			})
		})
	}
}

// TestImportUsers sends messages without regard to errors, and looks at what is
// stored.
func TestImportUsers(t *testing.T) {
	t.Parallel()
	many := func(count int) (all [][2]string) {
		for i := range count {
			all = append(all, [2]string{fmt.Sprint("New ", i), fmt.Sprintf("new-%d@example.com", i)})
		}
		return all
	}
	for name, test := range map[string]struct {
		caller  string
		users   [][2]string
		want    connect.Code // 0 for a success
		entered int64        // handlers
		denied  []string
	}{
		"good":                        {"admin", many(3), 0, 1, nil},
		"none":                        {"admin", nil, 0, 1, nil},
		"second invalid":              {"admin", [][2]string{{"A", "a@example.com"}, {"B", "none"}, {"C", "c@example.com"}}, connect.CodeInvalidArgument, 1, []string{"invalid_argument"}},
		"first invalid":               {"admin", [][2]string{{"B", "none"}, {"C", "c@example.com"}}, connect.CodeInvalidArgument, 0, []string{"invalid_argument"}},
		"an email twice":              {"admin", [][2]string{{"A", "a@example.com"}, {"B", "b@example.com"}, {"C", "A@EXAMPLE.com"}}, connect.CodeAlreadyExists, 1, nil},
		"an email taken":              {"admin", [][2]string{{"A", "a@example.com"}, {"B", "other@example.com"}}, connect.CodeAlreadyExists, 1, nil},
		"by an auditor":               {"auditor", many(2), connect.CodePermissionDenied, 0, []string{"permission_denied"}},
		"by an anonymous caller":      {"anonymous", many(2), connect.CodeUnauthenticated, 0, []string{"unauthenticated"}},
		"none by member":              {"member", nil, connect.CodePermissionDenied, 0, []string{"permission_denied"}},
		"none by an anonymous caller": {"anonymous", nil, connect.CodeUnauthenticated, 0, []string{"unauthenticated"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachWay(t, func(t *testing.T, f *fixture, as func(string) demov1client.AccountServiceClient) {
				before := f.dump(t)
				response, err := ingest(promptly(t), as(test.caller), test.users)
				if got := connect.CodeOf(err); err != nil && got != test.want || err == nil && test.want != 0 {
					t.Errorf("got %v, %v", response, err)
				}
				added := 0
				if test.want == 0 {
					added = len(test.users)
				}
				if err == nil && int(response.GetImported()) != added {
					t.Errorf("imported %d", response.GetImported())
				}
				after := f.dump(t)
				if len(after) != len(before)+added {
					t.Errorf("stored: %s", cmp.Diff(before, after))
				}
				if entered := f.handler.streams.Load(); entered != test.entered {
					t.Errorf("%d handlers ran", entered)
				}
				if diff := cmp.Diff(test.denied, f.recorder.takeDenials()); diff != "" {
					t.Errorf("the denials recorded: %s", diff)
				}
			})
		})
	}
}

func ingest(ctx context.Context, client demov1client.AccountServiceClient, users [][2]string) (*demov1.ImportUsersResponse, error) {
	stream, err := client.ImportUsers(ctx)
	if err != nil {
		return nil, err
	}
	for _, user := range users {
		if err := stream.Send(&demov1.ImportUsersRequest{Name: user[0], Email: user[1]}); errors.Is(err, io.EOF) {
			break // receiving says why
		} else if err != nil {
			return nil, err
		}
	}
	return stream.CloseAndReceive()
}

// TestImportedCannotSignIn holds as they have no password.
func TestImportedCannotSignIn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	if _, err := ingest(promptly(t), f.client(t, f.tokens["admin"]), [][2]string{{"New", "new@example.com"}}); err != nil {
		t.Fatal(err)
	}
	_, err := f.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: "new@example.com", Password: "x"})
	if connect.CodeOf(err) != connect.CodeUnauthenticated || f.passwords.none.Load() != 1 {
		t.Errorf("got %v, having taken the time of %d", err, f.passwords.none.Load())
	}
}

func TestSyncProfiles(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, f *fixture, as func(string) demov1client.AccountServiceClient) {
		stream, err := as("member").SyncProfiles(promptly(t))
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		for _, name := range []string{"One", "Two"} {
			if err := stream.Send(&demov1.SyncProfilesRequest{UserId: f.ids["member"], Name: name, Email: name + "@example.com"}); err != nil {
				t.Fatal(err)
			}
			response, err := stream.Receive()
			if err != nil || response.GetUser().GetName() != name || response.GetUser().GetId() != f.ids["member"] {
				t.Fatalf("got %v, %v", response, err)
			}
		}
		before := f.dump(t)
		if err := stream.Send(&demov1.SyncProfilesRequest{UserId: f.ids["other"], Name: "Evil", Email: "evil@example.com"}); err != nil {
			t.Fatal(err)
		}
		if response, err := stream.Receive(); connect.CodeOf(err) != connect.CodePermissionDenied {
			t.Errorf("got %v, %v", response, err)
		}
		// What came before the denial stays, and nothing else has changed.
		if diff := cmp.Diff(before, f.dump(t)); diff != "" {
			t.Error(diff)
		}
		if user, err := f.users.Get(t.Context(), f.ids["member"]); err != nil || user.Name != "Two" {
			t.Errorf("got %v, %v", user, err)
		}
		if diff := cmp.Diff([]string{"permission_denied"}, f.recorder.takeDenials()); diff != "" {
			t.Errorf("the denials recorded: %s", diff)
		}
	})
}

// TestStreamsDenied asks for streams with what their first message is denied for. No
// handler runs.
func TestStreamsDenied(t *testing.T) {
	t.Parallel()
	eachWay(t, func(t *testing.T, f *fixture, as func(string) demov1client.AccountServiceClient) {
		before := f.dump(t)
		for _, test := range []struct {
			name, caller, owner string
			want                connect.Code
		}{
			{"watch", "member", "", connect.CodePermissionDenied},
			{"watch", "anonymous", "", connect.CodeUnauthenticated},
			{"sync", "admin", "other", connect.CodePermissionDenied},
			{"sync", "anonymous", "other", connect.CodeUnauthenticated},
			{"sync", "member", "", connect.CodeInvalidArgument},
			{"no sync", "admin", "", connect.CodePermissionDenied},
			{"no sync", "anonymous", "", connect.CodeUnauthenticated},
		} {
			err := attempt(promptly(t), as(test.caller), test.name, f.ids[test.owner])
			// In process the stream may have ended before its one message is sent, of which
			// The client of connect reports no more than that. TestMatrix sees the code.
			gone := test.name == "watch" && errors.Is(err, io.EOF)
			if err == nil || connect.CodeOf(err) != test.want && !gone {
				t.Errorf("%s by %s: got %v, want %s", test.name, test.caller, err, test.want)
			}
			if diff := cmp.Diff([]string{test.want.String()}, f.recorder.takeDenials()); diff != "" {
				t.Errorf("%s by %s: the denials recorded: %s", test.name, test.caller, diff)
			}
		}
		if ran := f.handler.ran.Load(); ran != 0 {
			t.Errorf("%d handlers ran", ran)
		}
		if diff := cmp.Diff(before, f.dump(t)); diff != "" {
			t.Error(diff)
		}
	})
}

// attempt opens a stream and returns what its first Receive does.
func attempt(ctx context.Context, client demov1client.AccountServiceClient, name, owner string) error {
	if name == "watch" {
		stream, err := client.WatchUsers(ctx, &demov1.WatchUsersRequest{})
		if err != nil {
			return err
		}
		defer stream.Close()
		_, err = stream.Receive()
		return err
	}
	stream, err := client.SyncProfiles(ctx)
	if err != nil {
		return err
	}
	defer stream.Close()
	if name == "sync" {
		if err := stream.Send(&demov1.SyncProfilesRequest{UserId: owner, Name: "New", Email: "new@example.com"}); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	if err := stream.CloseSend(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	_, err = stream.Receive()
	return err
}
