package account_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connecthttp"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/testing/protocmp"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// A question is a call that changes nothing, so that it can be made in every way.
type question struct {
	caller    string
	procedure string
	request   proto.Message
	// response is an empty one.
	response proto.Message
	ask      func(context.Context, demov1client.AccountServiceClient) (proto.Message, error)
}

func newQuestion[Req, Res any, ReqP interface {
	*Req
	proto.Message
}, ResP interface {
	*Res
	proto.Message
}](
	caller, procedure string, method func(demov1client.AccountServiceClient, context.Context, ReqP) (ResP, error), request ReqP,
) question {
	return question{caller, procedure, request, ResP(new(Res)), func(ctx context.Context, client demov1client.AccountServiceClient) (proto.Message, error) {
		return method(client, ctx, request)
	}}
}

// outcome is what a caller learns from a call.
type outcome struct {
	code     connect.Code // 0 for a success
	message  string
	details  string // types
	response proto.Message
}

func outcomeOf(t *testing.T, response proto.Message, err error) outcome {
	t.Helper()
	if err == nil {
		return outcome{response: response}
	}
	failure, ok := errors.AsType[*connect.Error](err)
	if !ok {
		t.Fatal(err)
	}
	var details []string
	for _, detail := range failure.Details() {
		details = append(details, detail.Type)
	}
	return outcome{code: failure.Code(), message: failure.Message(), details: strings.Join(details, ",")}
}

// outcomeOfJSON reads what curl would show.
func outcomeOfJSON(t *testing.T, reply reply, response proto.Message) outcome {
	t.Helper()
	if reply.status == http.StatusOK {
		response = proto.CloneOf(response)
		if err := protojson.Unmarshal([]byte(reply.body), response); err != nil {
			t.Fatal(err)
		}
		return outcome{response: response}
	}
	var failure failure
	if err := json.Unmarshal([]byte(reply.body), &failure); err != nil {
		t.Fatal(err)
	}
	return outcome{code: failure.Code, message: failure.Message, details: failure.types()}
}

// TestEveryWayInIsTheSame makes the same calls as curl would, with Connect GET, and
// with the generated client over each protocol.
func TestEveryWayInIsTheSame(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	type client = demov1client.AccountServiceClient
	get := func(caller, id string) question {
		return newQuestion(caller, demov1client.AccountServiceGetUserProcedure, client.GetUser, &demov1.GetUserRequest{UserId: id})
	}
	list := func(caller string, request *demov1.ListUsersRequest) question {
		return newQuestion(caller, demov1client.AccountServiceListUsersProcedure, client.ListUsers, request)
	}
	for name, test := range map[string]struct {
		question question
		want     connect.Code
	}{
		"one's own account":                {get("member", f.ids["member"]), 0},
		"another's by an auditor":          {get("auditor", f.ids["member"]), 0},
		"another's by a member":            {get("member", f.ids["other"]), connect.CodePermissionDenied},
		"another's by an anonymous caller": {get("anonymous", f.ids["other"]), connect.CodeUnauthenticated},
		"a missing user's":                 {get("admin", missing), connect.CodeNotFound},
		"no id":                            {get("admin", "me"), connect.CodeInvalidArgument},
		"no id, by an anonymous caller":    {get("anonymous", "me"), connect.CodeInvalidArgument},
		"list":                             {list("admin", &demov1.ListUsersRequest{}), 0},
		"list a page":                      {list("auditor", &demov1.ListUsersRequest{PageSize: 2}), 0},
		"list by a member":                 {list("member", &demov1.ListUsersRequest{}), connect.CodePermissionDenied},
		"list by an anonymous caller":      {list("anonymous", &demov1.ListUsersRequest{}), connect.CodeUnauthenticated},
		"list too much":                    {list("admin", &demov1.ListUsersRequest{PageSize: 101}), connect.CodeInvalidArgument},
		"list from nowhere":                {list("admin", &demov1.ListUsersRequest{PageToken: "?"}), connect.CodeInvalidArgument},
		"the last admin":                   {newQuestion("admin", demov1client.AccountServiceDeleteUserProcedure, client.DeleteUser, &demov1.DeleteUserRequest{UserId: f.ids["admin"]}), connect.CodeFailedPrecondition},
		"another's email":                  {newQuestion("member", demov1client.AccountServiceUpdateProfileProcedure, client.UpdateProfile, &demov1.UpdateProfileRequest{UserId: f.ids["member"], Name: "M", Email: "other@example.com"}), connect.CodeAlreadyExists},
		"a wrong password":                 {newQuestion("anonymous", demov1client.AccountServiceSignInProcedure, client.SignIn, &demov1.SignInRequest{Email: "other@example.com", Password: "x"}), connect.CodeUnauthenticated},
		"signing up, with nothing":         {newQuestion("anonymous", demov1client.AccountServiceSignUpProcedure, client.SignUp, &demov1.SignUpRequest{}), connect.CodeInvalidArgument},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			q, token := test.question, f.tokens[test.question.caller]
			message, err := protojson.Marshal(q.request)
			if err != nil {
				t.Fatal(err)
			}
			outcomes := map[string]outcome{"curl": outcomeOfJSON(t, f.post(t, q.procedure, token, string(message)), q.response)}
			if q.procedure == demov1client.AccountServiceListUsersProcedure {
				query := url.Values{"connect": {"v1"}, "encoding": {"json"}, "message": {string(message)}}
				header := map[string]string{}
				if token != "" {
					header["Authorization"] = "Bearer " + token
				}
				outcomes["curl by GET"] = outcomeOfJSON(t, f.send(t, http.MethodGet, q.procedure+"?"+query.Encode(), header, nil), q.response)
			}
			for way, options := range map[string][]connecthttp.Option{
				"connect":      nil,
				"connect JSON": {connecthttp.WithProtoJSON()},
				"connect GET":  {connecthttp.WithHTTPGet()},
				"gRPC":         {connecthttp.WithGRPC()},
				"gRPC-Web":     {connecthttp.WithGRPCWeb()},
			} {
				response, err := q.ask(t.Context(), f.client(t, token, options...))
				outcomes[way] = outcomeOf(t, response, err)
			}
			want := outcomes["connect"]
			if want.code != test.want {
				t.Errorf("got %s %q, want %s", want.code, want.message, test.want)
			}
			for way, got := range outcomes {
				if diff := cmp.Diff(want, got, cmp.AllowUnexported(outcome{}), protocmp.Transform()); diff != "" {
					t.Errorf("by connect and by %s: %s", way, diff)
				}
			}
		})
	}
}

// TestGetIsForReadingAlone holds because a browser follows links with its cookies.
func TestGetIsForReadingAlone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.serve(t)
	before := f.dump(t)
	for _, action := range f.registry.Actions() {
		query := url.Values{"connect": {"v1"}, "encoding": {"json"}, "message": {`{"userId":"` + f.ids["other"] + `","role":"admin"}`}}
		reply := f.send(t, http.MethodGet, action.Procedure+"?"+query.Encode(), map[string]string{"Authorization": "Bearer " + f.tokens["admin"]}, nil)
		reads := action.Procedure == demov1client.AccountServiceListUsersProcedure || action.Procedure == demov1client.AccountServiceListApiKeysProcedure
		if (reply.status == http.StatusOK) != reads {
			t.Errorf("GET %s: %d %s", action.Procedure, reply.status, reply.body)
		}
		if store := reply.header.Get("Cache-Control"); reply.status == http.StatusOK && store != "no-store" {
			t.Errorf("GET %s may be cached: %q", action.Procedure, store)
		}
	}
	if ran := f.handler.ran.Load(); ran != 2 {
		t.Errorf("%d handlers ran", ran)
	}
	if diff := cmp.Diff(before, f.dump(t)); diff != "" {
		t.Errorf("the database has changed: %s", diff)
	}
}
