package account_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// access says what comes of every action, for every caller and kind of input, with
// the handlers running. A cell is one of
//
//   - write: it is done, and the database is another afterwards;
//   - read: it is done, and the database is the same;
//   - (code): the handler answered with an error, and the database is the same;
//   - code: the gate denied the call, so that the handler did not run, the decision
//     was recorded and the database is the same.
//
// <self> is the caller's own id (the member's, for an anonymous caller), <other> that of
// another member, <missing> that of no user. <key> is the id of the caller's own API
// key, <other key> that of another member's.
const access = `
action         case     anonymous          member             auditor            admin                  request

SignUp         valid    write              write              write              write                  {"name":"New","email":"new@example.com","password":"a new password"}
SignUp         taken    (already_exists)   (already_exists)   (already_exists)   (already_exists)       {"name":"New","email":"Other@Example.com","password":"a new password"}
SignUp         invalid  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"name":"New","email":"new@example.com","password":"too short"}

SignUp         control  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"name":"New\nname","email":"new@example.com","password":"a new password"}
SignUp         bidi     invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"name":"New\u202ename","email":"new@example.com","password":"a new password"}
SignUp         joiner   write              write              write              write                  {"name":"👩\u200d🚀 नमस्\u200dते","email":"new@example.com","password":"a new password"}

SignIn         valid    write              write              write              write                  {"email":"other@example.com","password":"correct horse battery staple"}
SignIn         case     write              write              write              write                  {"email":"OTHER@example.com","password":"correct horse battery staple"}
SignIn         wrong    (unauthenticated)  (unauthenticated)  (unauthenticated)  (unauthenticated)      {"email":"other@example.com","password":"Correct horse battery staple"}
SignIn         unknown  (unauthenticated)  (unauthenticated)  (unauthenticated)  (unauthenticated)      {"email":"unknown@example.com","password":"correct horse battery staple"}
SignIn         invalid  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"email":"other","password":"correct horse battery staple"}

SignOut        valid    unauthenticated    write              write              write                  {}
SignOut        invalid  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"

CreateApiKey   valid    unauthenticated    write              write              write                  {"name":"nightly backup","lifetime":"3600s","scopes":["users.read"]}
CreateApiKey   control  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"name":"nightly\u0007backup","lifetime":"3600s","scopes":["users.read"]}
CreateApiKey   invalid  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"name":"nightly backup","scopes":["users.read"]}
CreateApiKey   brief    invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"name":"nightly backup","lifetime":"59.999s","scopes":["users.read"]}
CreateApiKey   forever  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"name":"nightly backup","lifetime":"31622401s","scopes":["users.read"]}
CreateApiKey   no-scope invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"name":"nightly backup","lifetime":"3600s"}
CreateApiKey   scope    invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"name":"nightly backup","lifetime":"3600s","scopes":["users.grant"]}

ListApiKeys    valid    unauthenticated    read               read               read                   {}
ListApiKeys    invalid  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"

RevokeApiKey   valid    unauthenticated    write              write              write                  {"id":"<key>"}
RevokeApiKey   other    unauthenticated    (not_found)        (not_found)        (not_found)            {"id":"<other key>"}
RevokeApiKey   missing  unauthenticated    (not_found)        (not_found)        (not_found)            {"id":"none"}
RevokeApiKey   invalid  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {}

GetUser        self     unauthenticated    read               read               read                   {"userId":"<self>"}
GetUser        other    unauthenticated    permission_denied  read               read                   {"userId":"<other>"}
GetUser        upper    invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"userId":"<SELF>"}
GetUser        missing  unauthenticated    permission_denied  (not_found)        (not_found)            {"userId":"<missing>"}
GetUser        invalid  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"userId":"me"}

UpdateProfile  self     unauthenticated    write              write              write                  {"userId":"<self>","name":"New","email":"new@example.com"}
UpdateProfile  other    unauthenticated    permission_denied  permission_denied  permission_denied      {"userId":"<other>","name":"New","email":"new@example.com"}
UpdateProfile  missing  unauthenticated    permission_denied  permission_denied  permission_denied      {"userId":"<missing>","name":"New","email":"new@example.com"}
UpdateProfile  control  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"userId":"<self>","name":"New\u001b[31m","email":"new@example.com"}
UpdateProfile  upper    invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"userId":"<SELF>","name":"New","email":"new@example.com"}
UpdateProfile  taken    unauthenticated    (already_exists)   (already_exists)   (already_exists)       {"userId":"<self>","name":"New","email":"OTHER@example.com"}
UpdateProfile  invalid  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"userId":"<self>","name":"","email":"new@example.com"}

DeleteUser     self     unauthenticated    write              write              (failed_precondition)  {"userId":"<self>"}
DeleteUser     other    unauthenticated    permission_denied  permission_denied  write                  {"userId":"<other>"}
DeleteUser     upper    invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"userId":"<OTHER>"}
DeleteUser     missing  unauthenticated    permission_denied  permission_denied  (not_found)            {"userId":"<missing>"}
DeleteUser     invalid  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {}

ListUsers      valid    unauthenticated    permission_denied  read               read                   {"pageSize":2}
ListUsers      token    unauthenticated    permission_denied  (invalid_argument) (invalid_argument)     {"pageToken":"none"}
ListUsers      invalid  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"pageSize":101}

GrantRole      self     unauthenticated    permission_denied  permission_denied  (failed_precondition)  {"userId":"<self>","role":"auditor"}
GrantRole      other    unauthenticated    permission_denied  permission_denied  write                  {"userId":"<other>","role":"auditor"}
GrantRole      upper    invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"userId":"<OTHER>","role":"auditor"}
GrantRole      missing  unauthenticated    permission_denied  permission_denied  (not_found)            {"userId":"<missing>","role":"auditor"}
GrantRole      invalid  invalid_argument   invalid_argument   invalid_argument   invalid_argument       {"userId":"<other>","role":"king"}
`

// accessRow is a row of the table.
type accessRow struct {
	action, input string
	want          map[string]string // by caller
	request       string
}

// readAccess reads the table, and fails the test where a cell is missing: of a row,
// or of all the rows that the registry's actions need.
func readAccess(t *testing.T, registry *action.Registry) (callers []string, rows []accessRow) {
	t.Helper()
	there := map[string]bool{}
	for line := range strings.Lines(access) {
		cells := strings.Fields(line)
		switch {
		case len(cells) == 0:
			continue
		case callers == nil:
			callers = cells[2 : len(cells)-1]
			continue
		case len(cells) < 3+len(callers):
			t.Fatalf("cells are missing from %q", line)
		}
		row := accessRow{action: cells[0], input: cells[1], want: map[string]string{}}
		for i, caller := range callers {
			row.want[caller] = cells[2+i]
		}
		_, request, _ := strings.Cut(line, "{") // the rest of the line, spaces and all
		row.request = "{" + strings.TrimSpace(request)
		rows = append(rows, row)
		there[row.action+" "+row.input] = true
	}
	for _, row := range rows {
		if !slices.ContainsFunc(registry.Actions(), func(a action.Action) bool { return string(a.Method.Name()) == row.action }) {
			t.Errorf("there is no action %s", row.action)
		}
	}
	for _, action := range registry.Actions() {
		if isStream(action) {
			continue
		}
		needs := []string{"valid", "invalid"}
		if action.Method.Input().Fields().ByName("user_id") != nil {
			needs = []string{"self", "other", "invalid"}
		}
		for _, input := range needs {
			if key := string(action.Method.Name()) + " " + input; !there[key] {
				t.Errorf("nothing is expected of: %s", key)
			}
		}
	}
	return callers, rows
}

// isStream reports whether an action takes or sends more than one message.
func isStream(action action.Action) bool {
	return action.Method.IsStreamingClient() || action.Method.IsStreamingServer()
}

func TestAccess(t *testing.T) {
	t.Parallel()
	registry := newFixture(t).registry
	callers, rows := readAccess(t, registry)
	if want := []string{"anonymous", "member", "auditor", "admin"}; !slices.Equal(callers, want) {
		t.Fatalf("the callers are %q, want %q", callers, want)
	}
	for _, action := range registry.Actions() {
		if isStream(action) {
			continue
		}
		t.Run(string(action.Method.Name()), func(t *testing.T) {
			t.Parallel()
			var f *fixture // a new one after each change of the database
			for _, row := range rows {
				if row.action != string(action.Method.Name()) {
					continue
				}
				for _, caller := range callers {
					if f == nil {
						f = newFixture(t)
						f.serve(t)
					}
					t.Run(row.input+"/"+caller, func(t *testing.T) {
						if changed := testAccess(t, f, row, caller); changed {
							f = nil
						}
					})
				}
			}
		})
	}
}

// testAccess makes the call of one cell, and reports whether it changed the database.
func testAccess(t *testing.T, f *fixture, row accessRow, caller string) bool {
	self := caller
	if f.ids[self] == "" {
		self = "member"
	}
	request := strings.NewReplacer("<self>", f.ids[self], "<other>", f.ids["other"], "<missing>", missing,
		"<SELF>", strings.ToUpper(f.ids[self]), "<OTHER>", strings.ToUpper(f.ids["other"]),
		"<key>", f.ownKeys[self].id, "<other key>", f.ownKeys["other"].id).Replace(row.request)
	before, ranBefore := f.dump(t), f.handler.ran.Load()
	reply := f.post(t, "/"+demov1client.AccountServiceName+"/"+row.action, f.tokens[caller], request)
	after, ran := f.dump(t), f.handler.ran.Load()-ranBefore

	code, written := codeOf(t, reply), !slices.Equal(before, after)
	var got string
	switch {
	case code == "" && ran == 1 && written:
		got = "write"
	case code == "" && ran == 1:
		got = "read"
	case ran == 1 && !written:
		got = "(" + code + ")"
	case ran == 0 && !written:
		got = code
	default:
		got = "nonsense"
	}
	want := row.want[caller]
	if got != want {
		t.Errorf("got %s, want %s\nanswer: %d %s\nthe handler ran %d times; the database: %s",
			got, want, reply.status, reply.body, ran, cmp.Diff(before, after))
	}
	var denial []string
	if ran == 0 {
		denial = []string{want}
	}
	if diff := cmp.Diff(denial, f.recorder.takeDenials()); diff != "" {
		t.Errorf("the denials recorded: %s", diff)
	}
	return written
}

// codeOf returns the code of an answer in Connect's JSON, or "" for a success.
func codeOf(t *testing.T, reply reply) string {
	t.Helper()
	if reply.status == http.StatusOK {
		return ""
	}
	var failure failure
	if err := json.Unmarshal([]byte(reply.body), &failure); err != nil || failure.Code == 0 {
		t.Fatalf("the answer is no error of Connect's: %d %s", reply.status, reply.body)
	}
	return failure.Code.String()
}
