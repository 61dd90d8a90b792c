package demo

import (
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"connectrpc.com/connect/v2"
	"github.com/google/go-cmp/cmp"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

const table = `demo.v1.AccountService
  METHOD         AUTHENTICATED BY           WHO MAY CALL IT
  SignUp         (no sign-in)               anyone
  SignIn         (no sign-in)               anyone
                                            at most 6000 a minute of each address, 6000 at once
  SignOut        session                    anyone signed in
  GetUser        session, bearer or apikey  admin or auditor; or principal.id == request.user_id
                                            a scoped credential needs users.read
  UpdateProfile  session, bearer or apikey  principal.id == request.user_id
                                            a scoped credential needs users.write
  DeleteUser     session or bearer          admin; or principal.id == request.user_id
                                            a scoped credential needs users.write
                                            and authenticated within the last 15m
  ListUsers      session, bearer or apikey  admin or auditor
                                            a scoped credential needs users.read
  GrantRole      session, bearer or apikey  admin
                                            no scoped credential is taken
  WatchUsers     session, bearer or apikey  admin or auditor
                                            a scoped credential needs users.read
                                            stream: checked when it opens and every 30s
  ImportUsers    session, bearer or apikey  admin
                                            a scoped credential needs users.write
                                            stream: checked at each message and every 5m
  SyncProfiles   session, bearer or apikey  principal.id == request.user_id
                                            a scoped credential needs users.write
                                            stream: checked at each message and every 5m
  CreateApiKey   session                    anyone signed in
                                            at most 10 an hour of each principal, 20 at once
  ListApiKeys    session                    anyone signed in
  RevokeApiKey   session                    anyone signed in
demo.v1.OrganisationService
  METHOD         AUTHENTICATED BY           WHO MAY CALL IT
  ListMembers    session, bearer or apikey  member_of_org (request.org_id in principal.claims.memberships)
                                            a scoped credential needs users.read
  SetMemberRole  session, bearer or apikey  manager_of_org (principal.claims.memberships[request.org_id].role == demo.v1.OrgRole.ORG_ROLE_MANAGER)
                                            no scoped credential is taken
  WatchMembers   session, bearer or apikey  manager_of_org (principal.claims.memberships[request.org_id].role == demo.v1.OrgRole.ORG_ROLE_MANAGER)
                                            a scoped credential needs users.read
                                            stream: checked at the first message and every 30s
demo.v1.DocumentService
  METHOD          AUTHENTICATED BY           WHO MAY CALL IT
  CreateDocument  session, bearer or apikey  member_of_org (request.org_id in principal.claims.memberships)
                                             a scoped credential needs documents.write
                                             at most 60 a minute of each principal, 60 at once
  GetDocument     session, bearer or apikey  owner_of_document (resource.owner_id == principal.id)
                                             or viewer of document resource.id
                                             or resource.state == demo.v1.Document.State.STATE_PUBLISHED && resource.org_id in principal.claims.memberships
                                             or manager_of_document (resource.org_id in principal.claims.memberships.filter(org, principal.claims.memberships[org].role == demo.v1.OrgRole.ORG_ROLE_MANAGER))
                                             a scoped credential needs documents.read
                                             others are answered not_found
  ListDocuments   session, bearer or apikey  anyone signed in
                                             a scoped credential needs documents.read
                                             each of documents is seen by
                                               item.owner_id == principal.id
                                               or viewer of document item.id
                                               or item.state == demo.v1.Document.State.STATE_PUBLISHED && item.org_id in principal.claims.memberships
                                               or item.org_id in principal.claims.memberships.filter(org, principal.claims.memberships[org].role == demo.v1.OrgRole.ORG_ROLE_MANAGER)
  UpdateDocument  session, bearer or apikey  owner_of_document (resource.owner_id == principal.id)
                                             a scoped credential needs documents.write
                                             others are answered not_found
  ShareDocument   session, bearer or apikey  owner_of_document (resource.owner_id == principal.id)
                                             or manager_of_document (resource.org_id in principal.claims.memberships.filter(org, principal.claims.memberships[org].role == demo.v1.OrgRole.ORG_ROLE_MANAGER))
                                             a scoped credential needs documents.write
                                             others are answered not_found
  DeleteDocument  session, bearer or apikey  owner_of_document (resource.owner_id == principal.id)
                                             or manager_of_document (resource.org_id in principal.claims.memberships.filter(org, principal.claims.memberships[org].role == demo.v1.OrgRole.ORG_ROLE_MANAGER))
                                             no scoped credential is taken
                                             others are answered not_found
sallyport.v1.AccessService
  METHOD       AUTHENTICATED BY           WHO MAY CALL IT
  ListActions  session, bearer or apikey  anyone signed in
                                          a scoped credential needs users.read
  CheckAccess  session, bearer or apikey  anyone signed in
                                          a scoped credential needs users.read
grpc.reflection.v1.ServerReflection
  METHOD                AUTHENTICATED BY           WHO MAY CALL IT
  ServerReflectionInfo  session, bearer or apikey  anyone signed in
                                                   no scoped credential is taken
                                                   stream: checked when it opens and every 5m
grpc.reflection.v1alpha.ServerReflection
  METHOD                AUTHENTICATED BY           WHO MAY CALL IT
  ServerReflectionInfo  session, bearer or apikey  anyone signed in
                                                   no scoped credential is taken
                                                   stream: checked when it opens and every 5m
grpc.health.v1.Health
  METHOD  AUTHENTICATED BY  WHO MAY CALL IT
  Check   (no sign-in)      anyone
  List    (no sign-in)      anyone
  Watch   (no sign-in)      anyone
                            stream: checked when it opens

Pages without a gate, open to everyone
  GET /healthz  it says whether the demo works, and nothing about its users

Bearer tokens are not accepted: -oidc-issuer and -oidc-audience name their issuer.
`

// TestStart looks at what the demo prints at its first start.
func TestStart(t *testing.T) {
	t.Parallel()
	demo := start(t, "-addr", "127.0.0.1:0")
	database := filepath.Join(demo.temp, "sallyport", "demo.db")
	folders, err := filepath.Glob(filepath.Join(demo.temp, "sallyport-demo-*"))
	if err != nil || len(folders) != 1 {
		t.Fatalf("the folders are %q, %v", folders, err)
	}
	cookies := "'" + strings.ReplaceAll(filepath.Join(folders[0], "cookies"), "'", `'\''`) + "'"
	got := strings.NewReplacer(demo.url, "URL", database, "DATABASE", cookies, "COOKIES").Replace(demo.welcome)
	got = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).ReplaceAllString(got, "ID")
	const want = `Serving URL, with the users in DATABASE.

The directory is new, with these accounts. Their password is: correct horse battery staple

  admin@example.com    admin
  auditor@example.com  auditor
  member@example.com   member
  other@example.com    member

` + table + `Only this machine can reach the demo, so the session cookie is not marked Secure.

To try it, copy these lines into another terminal:

# 1. Sign in as the admin and keep the session cookie.
curl -sS -w '\n' -c COOKIES -H 'Content-Type: application/json' -d '{"email":"admin@example.com","password":"correct horse battery staple"}' URL/demo.v1.AccountService/SignIn
# 2. List two users with it: of the other one, no email. The call has no side effects, so it may be a GET.
curl -sS -w '\n' -b COOKIES 'URL/demo.v1.AccountService/ListUsers?connect=v1&encoding=json&message=%7B%22pageSize%22%3A2%7D'
# 3. Not even an admin may change the profile of another user.
curl -sS -w '\n' -b COOKIES -H 'Content-Type: application/json' -d '{"userId":"ID","name":"Another Name","email":"another@example.com"}' URL/demo.v1.AccountService/UpdateProfile
# 4. List the documents that the admin may see: one is shared, and the total counts no others.
curl -sS -w '\n' -b COOKIES -H 'Content-Type: application/json' -d '{}' URL/demo.v1.DocumentService/ListDocuments
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the welcome: %s", diff)
	}
	ctx, call := connect.NewClientContext(t.Context())
	if _, err := demo.client(t, "").SignIn(ctx, &demov1.SignInRequest{Email: "admin@example.com", Password: examplePassword}); err != nil {
		t.Fatal(err)
	}
	if cookie := call.ResponseHeader().Get("Set-Cookie"); !strings.HasPrefix(cookie, "sallyport-demo=ses_") || strings.Contains(cookie, "Secure") {
		t.Errorf("the cookie is %s", cookie)
	}
	if info, err := os.Stat(folders[0]); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("others may read the cookie: %v, %v", info.Mode(), err)
	}
	if err := demo.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("interrupted, it ended with %v: %s", err, demo.log)
	}
	if left, err := filepath.Glob(filepath.Join(demo.temp, "sallyport-demo-*")); err != nil || len(left) > 0 {
		t.Errorf("it left %q, %v", left, err)
	}
	if log := demo.log.String(); !strings.HasSuffix(log, "msg=stopped\n") {
		t.Errorf("the log ends otherwise: %s", log)
	}
}

// denied is the event of a profile that its caller may not change.
var denied = regexp.MustCompile(`level=INFO msg=decided .*procedure=/demo\.v1\.AccountService/UpdateProfile stage=authorize outcome=deny`)

func TestPrintedCommands(t *testing.T) {
	t.Parallel()
	demo := start(t, "-addr", "127.0.0.1:0")
	demo.try(t, asAdminPrinted...)
	if log := demo.log.String(); strings.Count(log, "msg=decided") != 1 ||
		!denied.MatchString(log) {
		t.Errorf("the log is: %s", log)
	}
}

// What the commands print: JSON, with or without spaces between its fields.
var (
	asAdminPrinted = []string{
		`^\{"userId":"[0-9a-f-]{36}", ?"sessionToken":"ses_[^"]{43}"\}\n$`,
		`^\{"users":\[\{[^}]*"email":"admin@example.com"[^}]*\}, ?\{[^}]*"name":"Otto Auditor", ?"roles"[^}]*\}\], ?"nextPageToken":"[^"]+"\}\n$`, // the address of another is for auditors,
		`^\{"code":"permission_denied","message":"not allowed","details":\[\{"type":"google.rpc.ErrorInfo",.*"reason":"NOT_ALLOWED".*\}\]\}\n$`,
		`^\{"documents":\[\{[^}]*"title":"Findings of the year"[^}]*\}\], ?"totalSize":"1"\}\n$`,
	}
	asStrangerPrinted = []string{
		`^\{"userId":"[0-9a-f-]{36}", ?"sessionToken":"ses_[^"]{43}"\}\n$`,
		`^\{"code":"invalid_argument","message":"validation error: user_id: must be a valid UUID",.*\}\n$`,
		`^\{"code":"unauthenticated","message":"a valid credential is needed"\}\n$`,
	}
)

// TestKill kills the demo, as kill -9 does, after it has answered.
func TestKill(t *testing.T) {
	t.Parallel()
	database := filepath.Join(t.TempDir(), "demo.db")
	demo := start(t, "-addr", "127.0.0.1:0", "-db", database)
	signedUp, err := demo.client(t, "").SignUp(t.Context(), &demov1.SignUpRequest{Name: "Eve", Email: "eve@example.com", Password: "a password of hers"})
	if err != nil {
		t.Fatal(err)
	}
	admin, err := demo.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: "admin@example.com", Password: examplePassword})
	if err != nil {
		t.Fatal(err)
	}
	eve := signedUp.GetUserId()
	if _, err := demo.client(t, admin.GetSessionToken()).GrantRole(t.Context(), &demov1.GrantRoleRequest{UserId: eve, Role: "auditor"}); err != nil {
		t.Fatal(err)
	}
	if err := demo.end(t, syscall.SIGKILL); err == nil {
		t.Error("killed, it ended well")
	}

	demo = start(t, "-addr", "127.0.0.1:0", "-db", database)
	if strings.Contains(demo.welcome, "The directory is new") {
		t.Errorf("it created accounts again: %s", demo.welcome)
	}
	// The session, the role and the password are all there.
	list, err := demo.client(t, signedUp.GetSessionToken()).ListUsers(t.Context(), &demov1.ListUsersRequest{})
	if err != nil || len(list.GetUsers()) != len(examples)+1 {
		t.Errorf("with the session of before: %v, %v", list, err)
	}
	if _, err := demo.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: "eve@example.com", Password: "a password of hers"}); err != nil {
		t.Errorf("signing in again: %v", err)
	}
	demo.try(t, asAdminPrinted...)
}

func TestReachableByOthers(t *testing.T) {
	t.Parallel()
	demo := start(t, "-addr", "0.0.0.0:0", "-db", ":memory:")
	for _, want := range []string{
		"Serving http://localhost:",
		"There are no accounts, and example accounts are not created where others can reach them.\nFor an admin of your own, ",
		"it does not encrypt",
		"The session cookie is marked Secure",
		table,
		"# 1. Sign up, which anyone may do.\ncurl ",
	} {
		if !strings.Contains(demo.welcome, want) {
			t.Errorf("the welcome lacks %q: %s", want, demo.welcome)
		}
	}
	for _, example := range examples {
		_, err := demo.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: example.Email, Password: examplePassword})
		if connect.CodeOf(err) != connect.CodeUnauthenticated {
			t.Errorf("signing in as %s: %v", example.Email, err)
		}
	}
	ctx, call := connect.NewClientContext(t.Context())
	if _, err := demo.client(t, "").SignUp(ctx, &demov1.SignUpRequest{Name: "Eve", Email: "eve@example.com", Password: "a password of hers"}); err != nil {
		t.Fatal(err)
	}
	if cookie := call.ResponseHeader().Get("Set-Cookie"); !strings.HasPrefix(cookie, "__Host-") || !strings.Contains(cookie, "; Secure") {
		t.Errorf("the cookie is %s", cookie)
	}
	demo.try(t, asStrangerPrinted...)
}

// TestExamplesGone serves a directory whose admin and auditor examples were deleted.
func TestExamplesGone(t *testing.T) {
	t.Parallel()
	database := filepath.Join(t.TempDir(), "demo.db")
	demo := start(t, "-addr", "127.0.0.1:0", "-db", database)
	owner, err := demo.client(t, "").SignUp(t.Context(), &demov1.SignUpRequest{Name: "Owner", Email: "owner@example.com", Password: "a password of hers"})
	if err != nil {
		t.Fatal(err)
	}
	admin, err := demo.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: "admin@example.com", Password: examplePassword})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := demo.client(t, admin.GetSessionToken()).GrantRole(t.Context(), &demov1.GrantRoleRequest{UserId: owner.GetUserId(), Role: "admin"}); err != nil {
		t.Fatal(err)
	}
	list, err := demo.client(t, owner.GetSessionToken()).ListUsers(t.Context(), &demov1.ListUsersRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, user := range list.GetUsers() {
		// The members may stay: everyone may be one.
		if user.GetName() != "Ada Admin" && user.GetName() != "Otto Auditor" {
			continue
		}
		// It may not serve others before they are gone.
		if code, _, errs := runAlone(t, "-addr", "0.0.0.0:0", "-db", database); code != exitFailed || !strings.Contains(errs, "@example.com, whose password is public") {
			t.Errorf("with %s it ended with %d: %s", user.GetName(), code, errs)
		}
		if _, err := demo.client(t, owner.GetSessionToken()).DeleteUser(t.Context(), &demov1.DeleteUserRequest{UserId: user.GetId()}); err != nil {
			t.Fatal(err)
		}
	}
	if err := demo.end(t, syscall.SIGINT); err != nil {
		t.Error(err)
	}
	for _, address := range []string{"127.0.0.1:0", "0.0.0.0:0"} {
		demo := start(t, "-addr", address, "-db", database)
		if strings.Contains(demo.welcome, "no accounts") || strings.Contains(demo.welcome, "is new") || !strings.Contains(demo.welcome, "# 1. Sign up, which anyone may do.") {
			t.Errorf("the welcome is: %s", demo.welcome)
		}
		if err := demo.end(t, syscall.SIGTERM); err != nil {
			t.Error(err)
		}
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]struct {
		loopback bool
		url      string
	}{
		"127.0.0.1:80":          {true, "http://127.0.0.1:80"},
		"127.1.2.3:80":          {true, "http://127.1.2.3:80"},
		"[::1]:80":              {true, "http://[::1]:80"},
		"[::ffff:127.0.0.1]:80": {true, "http://127.0.0.1:80"},
		"0.0.0.0:80":            {false, "http://localhost:80"},
		"[::]:80":               {false, "http://localhost:80"},
		":80":                   {false, "http://localhost:80"},
		"192.0.2.1:80":          {false, "http://192.0.2.1:80"},
		"[2001:db8::1]:80":      {false, "http://[2001:db8::1]:80"},
	} {
		tcp, err := net.ResolveTCPAddr("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if tcp.IP == nil { // as a listener says it
			tcp.IP = net.IPv6unspecified
		}
		if got := loopback(tcp); got != want.loopback {
			t.Errorf("loopback(%s) = %v", address, got)
		}
		if got := urlOf(tcp); got != want.url {
			t.Errorf("urlOf(%s) = %s, want %s", address, got, want.url)
		}
	}
	if loopback(&net.UnixAddr{Name: "@x", Net: "unix"}) {
		t.Error("an address that is not one of TCP counts as loopback")
	}
}
