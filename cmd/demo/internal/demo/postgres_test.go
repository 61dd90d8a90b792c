package demo

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"connectrpc.com/connect/v2"
	"github.com/jackc/pgx/v5"
	"google.golang.org/protobuf/types/known/durationpb"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

// newDatabase creates a PostgreSQL database that is dropped with the test.
func newDatabase(t *testing.T) *url.URL {
	t.Helper()
	address := environment(t, "SALLYPORT_TEST_POSTGRES")
	server, name := address.String(), "test_"+strings.ToLower(rand.Text())
	run := func(statement string) {
		ctx := context.Background()
		conn, err := pgx.Connect(ctx, server)
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close(ctx)
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Error(err)
		}
	}
	run("CREATE DATABASE " + name)
	t.Cleanup(func() { run("DROP DATABASE " + name + " WITH (FORCE)") })
	address.Path = "/" + name
	return address
}

func TestPostgresFlag(t *testing.T) {
	t.Parallel()
	const somewhere = "postgres://ada:hush@127.0.0.1:1/demo"
	for name, test := range map[string]struct {
		arguments []string
		code      int
		want      string
	}{
		"with a file":        {[]string{"-postgres", somewhere, "-db", "demo.db"}, exitMisused, "-postgres and -db do not go together: name one database"},
		"with a backup":      {[]string{"-postgres", somewhere, "-backup", "copy.db"}, exitMisused, "-postgres and -backup do not go together: back up with pg_dump"},
		"nowhere":            {[]string{"-postgres", ""}, exitMisused, "-postgres has an empty value"},
		"elsewhere":          {[]string{"-postgres", "mysql://ada:hush@127.0.0.1/demo"}, exitMisused, "-postgres must be a URL such as postgres://"},
		"Redis":              {[]string{"-postgres", "redis://ada:hush@127.0.0.1"}, exitMisused, "-postgres must be a URL such as postgres://"},
		"no URL":             {[]string{"-postgres", "postgres://ada:hush@127.0.0.1:x/demo"}, exitMisused, "-postgres must be a URL such as postgres://"},
		"not there":          {[]string{"-postgres", somewhere}, exitFailed, "user directory postgres://127.0.0.1:1/demo cannot be reached"},
		"unknown parameters": {[]string{"-postgres", somewhere + "?sslmode=hush"}, exitFailed, "has unknown parameters in its URL: correct them, or choose another -postgres"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errs := runAlone(t, append(test.arguments, "-addr", "127.0.0.1:0")...)
			if code != test.code || out != "" || !strings.HasPrefix(errs, "demo: ") || !strings.Contains(errs, test.want) ||
				strings.Index(errs, "\n") != len(errs)-1 || strings.Contains(errs, "hush") {
				t.Errorf("it ended with %d, printed %q and said: %s", code, out, errs)
			}
		})
	}
}

// TestPostgres has two demos share a database: what one changes, the other sees at its next
// call. What they were told is there after a restart.
func TestPostgres(t *testing.T) {
	t.Parallel()
	address := newDatabase(t)
	arguments := []string{"-addr", "127.0.0.1:0", "-postgres", address.String()}
	one := start(t, arguments...)
	two := start(t, arguments...)
	for demo, isNew := range map[*program]bool{one: true, two: false} {
		if want := ", with the users in postgres://" + address.Host + address.Path + ".\n"; !strings.Contains(demo.welcome, want) {
			t.Errorf("the welcome lacks %q: %s", want, demo.welcome)
		}
		if strings.Contains(demo.welcome, "The directory is new") != isNew {
			t.Errorf("that it is new is not %t: %s", isNew, demo.welcome)
		}
		if status, page := healthOf(t, demo); status != http.StatusOK || page != "users: ok\n" {
			t.Errorf("its health is %d %q", status, page)
		}
	}
	adminID, admin := signIn(t, one, "admin")
	testStreamElsewhere(t, one, two)
	testSignOutElsewhere(t, one, two)
	testRoleElsewhere(t, one.client(t, admin), two) // of the auditor, who is left with either
	testDeletedElsewhere(t, one.client(t, admin), two)
	testDocuments(t, one, two)
	testKeysElsewhere(t, one, two, adminID, admin)
	_, err := two.client(t, admin).GrantRole(t.Context(), &demov1.GrantRoleRequest{UserId: adminID, Role: "member"})
	if connect.CodeOf(err) != connect.CodeFailedPrecondition {
		t.Errorf("the last admin: %v", err)
	}
	if err := one.end(t, syscall.SIGTERM); err != nil {
		t.Error(err)
	}
	again := start(t, arguments...)
	if code := lists(t, again, admin); code != 0 {
		t.Errorf("a session of before the restart: %s", code)
	}
	if titles := titlesOf(t, again, "member"); !slices.Contains(titles, "New") {
		t.Errorf("the documents of before the restart are %q", titles)
	}
	if password, _ := address.User.Password(); password != "" && strings.Contains(one.welcome+one.log.String()+two.log.String(), password) {
		t.Error("the password is printed")
	}
}

// testStreamElsewhere ends a session whose stream another demo serves. Without the bus, the
// stream would live until it is looked at again, which is every 30 s.
func testStreamElsewhere(t *testing.T, one, two *program) {
	_, token := signIn(t, one, "auditor")
	stream, err := two.client(t, token).WatchUsers(t.Context(), &demov1.WatchUsersRequest{})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if _, err := stream.Receive(); err != nil {
		t.Fatal(err)
	}
	if _, err := one.client(t, token).SignOut(t.Context(), &demov1.SignOutRequest{}); err != nil {
		t.Fatal(err)
	}
	for began := time.Now(); ; {
		_, err := stream.Receive()
		if err == nil {
			continue
		}
		took := time.Since(began)
		if code := connect.CodeOf(err); code != connect.CodeUnauthenticated || took > 15*time.Second {
			t.Errorf("the stream ended after %v with %v", took, err)
		}
		t.Logf("a stream of another process ends %s after a sign-out", took.Round(time.Millisecond))
		return
	}
}

// titlesOf returns the titles of the documents that an example account sees.
func titlesOf(t *testing.T, demo *program, name string) []string {
	t.Helper()
	_, token := signIn(t, demo, name)
	list, err := demo.documents(t, token).ListDocuments(t.Context(), &demov1.ListDocumentsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var titles []string
	for _, document := range list.GetDocuments() {
		titles = append(titles, document.GetTitle())
	}
	if int64(len(titles)) != list.GetTotalSize() {
		t.Errorf("%s sees %q of %d", name, titles, list.GetTotalSize())
	}
	slices.Sort(titles)
	return titles
}

// testDocuments lists, changes, shares and deletes documents as those who may and others.
func testDocuments(t *testing.T, one, two *program) {
	for name, want := range map[string][]string{
		"member":  {"Budget", "Findings of the year", "Welcome to Acme"},
		"auditor": {"Findings of the year", "Welcome to Acme"},
		"other":   {"Prices"},
		"admin":   {"Findings of the year"},
	} {
		if got := titlesOf(t, two, name); !slices.Equal(got, want) {
			t.Errorf("%s sees %q, want %q", name, got, want)
		}
	}
	_, member := signIn(t, one, "member")
	otherID, other := signIn(t, two, "other")
	owner, stranger := one.documents(t, member), two.documents(t, other)
	created, err := owner.CreateDocument(t.Context(), &demov1.CreateDocumentRequest{OrgId: "acme", Title: "Draft", Text: "of mine"})
	if err != nil {
		t.Fatal(err)
	}
	id := created.GetDocument().GetId()
	update := func(client demov1client.DocumentServiceClient, text string) error {
		_, err := client.UpdateDocument(t.Context(), &demov1.UpdateDocumentRequest{DocumentId: id, Title: "New", Text: text})
		return err
	}
	read := func(client demov1client.DocumentServiceClient) error {
		_, err := client.GetDocument(t.Context(), &demov1.GetDocumentRequest{DocumentId: id})
		return err
	}
	share := func(client demov1client.DocumentServiceClient) error {
		_, err := client.ShareDocument(t.Context(), &demov1.ShareDocumentRequest{
			DocumentId: id, State: demov1.Document_STATE_DRAFT, SharedWith: []string{otherID},
		})
		return err
	}
	remove := func(client demov1client.DocumentServiceClient) error {
		_, err := client.DeleteDocument(t.Context(), &demov1.DeleteDocumentRequest{DocumentId: id})
		return err
	}
	for _, step := range []struct {
		what string
		err  error
		want connect.Code
	}{
		{"a stranger's update", update(stranger, "theirs"), connect.CodeNotFound},
		{"the owner's update", update(owner, "mine"), 0},
		{"a text with NUL", update(owner, "a\x00b"), connect.CodeInvalidArgument},
		{"a stranger reads", read(stranger), connect.CodeNotFound},
		{"a stranger shares", share(stranger), connect.CodeNotFound},
		{"the owner shares", share(owner), 0},
		{"one it is shared with reads", read(stranger), 0},
		{"one it is shared with deletes", remove(stranger), connect.CodeNotFound},
	} {
		if step.want == 0 && step.err != nil || step.want != 0 && connect.CodeOf(step.err) != step.want {
			t.Errorf("%s: %v", step.what, step.err)
		}
	}
	if got, want := titlesOf(t, two, "other"), []string{"New", "Prices"}; !slices.Equal(got, want) {
		t.Errorf("it is shared, and seen are %q, want %q", got, want)
	}
	second, err := owner.CreateDocument(t.Context(), &demov1.CreateDocumentRequest{OrgId: "acme", Title: "To go"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := owner.DeleteDocument(t.Context(), &demov1.DeleteDocumentRequest{DocumentId: second.GetDocument().GetId()}); err != nil {
		t.Errorf("the owner deletes: %v", err)
	}
}

// testKeysElsewhere makes a key at one demo, and revokes it at another.
func testKeysElsewhere(t *testing.T, one, two *program, adminID, admin string) {
	created, err := one.client(t, admin).CreateApiKey(t.Context(), &demov1.CreateApiKeyRequest{
		Name: "key", Lifetime: durationpb.New(time.Hour), Scopes: []string{demov1client.ScopeUsersRead},
	})
	if err != nil {
		t.Fatal(err)
	}
	self := &demov1.GetUserRequest{UserId: adminID}
	holder := one.client(t, created.GetSecret())
	if _, err := holder.GetUser(t.Context(), self); err != nil {
		t.Errorf("with a key: %v", err)
	}
	if _, err := two.client(t, admin).RevokeApiKey(t.Context(), &demov1.RevokeApiKeyRequest{Id: "a\x00b"}); connect.CodeOf(err) != connect.CodeInvalidArgument {
		t.Errorf("an id with NUL: %v", err)
	}
	if _, err := two.client(t, admin).RevokeApiKey(t.Context(), &demov1.RevokeApiKeyRequest{Id: created.GetApiKey().GetId()}); err != nil {
		t.Fatal(err)
	}
	if _, err := holder.GetUser(t.Context(), self); connect.CodeOf(err) != connect.CodeUnauthenticated {
		t.Errorf("with a key that was revoked elsewhere: %v", err)
	}
}

// TestPostgresOutage cuts the demo off from its database, and then has it fall silent: no
// session lets a caller in, and callers are soon told that the demo is unavailable.
func TestPostgresOutage(t *testing.T) {
	t.Parallel()
	address := newDatabase(t)
	proxy := testservices.NewProxy(t, address.Host, 0)
	address.Host = proxy.Address()
	demo := start(t, "-addr", "127.0.0.1:0", "-postgres", address.String())
	_, token := signIn(t, demo, "admin")
	check := func(when string, want connect.Code) {
		t.Helper()
		if code := lists(t, demo, token); code != want {
			t.Errorf("%s: %s", when, code)
		}
		_, err := demo.client(t, "").SignIn(t.Context(), &demov1.SignInRequest{Email: "admin@example.com", Password: examplePassword})
		if want == 0 && err != nil || want != 0 && connect.CodeOf(err) != want {
			t.Errorf("signing in, %s: %v", when, err)
		}
		wantStatus := map[bool]int{true: http.StatusOK, false: http.StatusServiceUnavailable}[want == 0]
		if status, page := healthOf(t, demo); status != wantStatus {
			t.Errorf("its health, %s, is %d %q", when, status, page)
		}
	}
	check("before", 0)
	proxy.Cut()
	check("cut off", connect.CodeUnavailable)
	proxy.Open(t)
	check("afterwards", 0)
	proxy.Stall()
	began := time.Now()
	check("silent", connect.CodeUnavailable)
	if took := time.Since(began); took > time.Minute {
		t.Errorf("silent, it took %v", took)
	}
}

// TestPostgresBackupGuide runs the commands of docs/guides/backup.md for PostgreSQL. No one
// is signed in after them.
func TestPostgresBackupGuide(t *testing.T) {
	t.Parallel()
	address := newDatabase(t)
	for _, program := range []string{"pg_dump", "pg_restore", "psql"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	blocks, folder := guideBlocks(t)[2:], t.TempDir()
	follow := func(block string) {
		t.Helper()
		command := exec.CommandContext(t.Context(), "sh", "-ec", fmt.Sprintf("cd %s; %s", quote(folder), block))
		command.Env = append(os.Environ(), "DATABASE="+address.String())
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	demo := start(t, "-addr", "127.0.0.1:0", "-postgres", address.String())
	_, session := signIn(t, demo, "admin")
	follow(blocks[0])
	if _, err := demo.client(t, "").SignUp(t.Context(), &demov1.SignUpRequest{Name: "Late", Email: "late@example.com", Password: "a password of theirs"}); err != nil {
		t.Fatal(err)
	}
	if err := demo.end(t, syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	follow(blocks[1])
	restored := start(t, "-addr", "127.0.0.1:0", "-postgres", address.String())
	if strings.Contains(restored.welcome, "The directory is new") {
		t.Errorf("a restored directory counts as new: %s", restored.welcome)
	}
	if code := lists(t, restored, session); code != connect.CodeUnauthenticated {
		t.Errorf("with a session of before the backup: %s", code)
	}
	id, session := signIn(t, restored, "admin")
	list, err := restored.client(t, session).ListUsers(t.Context(), &demov1.ListUsersRequest{})
	if err != nil || len(list.GetUsers()) != len(examples) {
		t.Errorf("it has %v, %v", list, err)
	}
	if _, err := restored.client(t, session).GrantRole(t.Context(), &demov1.GrantRoleRequest{UserId: id, Role: "member"}); connect.CodeOf(err) != connect.CodeFailedPrecondition {
		t.Errorf("the last admin: %v", err)
	}
}
