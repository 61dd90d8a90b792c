package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// manyActions names, in the environment, of how many actions TestManyActions makes its
// contract: see make bench-review.
const manyActions = "SALLYPORT_TEST_REVIEW_ACTIONS"

// manyOf is the text of a contract of so many actions, 50 a service, with three rules and
// two grants each. changed of them let in one more role.
func manyOf(actions, changed int) string {
	var text strings.Builder
	text.WriteString(`syntax = "proto3";
package acme.many.v1;
import "buf/validate/validate.proto";
import "sallyport/v1/action.proto";
enum Role {
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
  ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: "admin" includes: "editor"}];
  ROLE_EDITOR = 2 [(sallyport.v1.role) = {name: "editor" includes: "viewer"}];
  ROLE_VIEWER = 3 [(sallyport.v1.role) = {name: "viewer"}];
  ROLE_AUDITOR = 4 [(sallyport.v1.role) = {name: "auditor"}];
}
message Response {}
`)
	for i := range actions {
		fmt.Fprintf(&text, `message Request%d {
  string user_id = 1 [(buf.validate.field).string.uuid = true];
  string name = 2 [(buf.validate.field).string = {min_len: 1 max_len: 100}];
  int32 size = 3 [(buf.validate.field).int32 = {gte: 0 lte: 1000}];
}
`, i)
	}
	for i := range actions {
		if i%50 == 0 {
			fmt.Fprintf(&text, "service Service%d {\n", i/50)
		}
		roles := `"admin"`
		if i < changed {
			roles = `["admin", "auditor"]`
		}
		fmt.Fprintf(&text, `  rpc Do%d(Request%d) returns (Response) {
    option (sallyport.v1.action) = {
      authenticate: {schemes: ["session", "token"]}
      authorize: {
        allow: {any_role: %s}
        allow: {any_role: "viewer" cel: "principal.id == request.user_id && request.size < 10 && request.name != 'n%d'"}
      }
    };
  }
`, i, i, roles, i)
		if i%50 == 49 || i == actions-1 {
			text.WriteString("}\n")
		}
	}
	return text.String()
}

// TestManyActions reviews a contract of many actions, and prints how long that takes:
// the matrix, a diff in which a tenth of the actions let in more, and ten assertions.
func TestManyActions(t *testing.T) {
	t.Parallel()
	actions := 100
	if text := os.Getenv(manyActions); text != "" {
		var err error
		if actions, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
		collectLess() // as the program does
	}
	var assertions strings.Builder
	for i := range 10 {
		fmt.Fprintf(&assertions, `assertion {
  name: "only members change others' %d"
  procedures: "/acme.many.v1.Service%d/*"
  never: "request.user_id != principal.id && !('admin' in principal.roles)"
}
`, i, i*actions/50/10)
	}
	dir := folderOf(t, map[string]string{
		"old/acme/many/v1/many.proto": manyOf(actions, 0),
		"new/acme/many/v1/many.proto": manyOf(actions, actions/10),
		"assertions.txtpb":            assertions.String(),
	})
	for _, test := range []struct {
		arguments []string
		code      int
		lines     string // what is there once an action that is told of
		count     int
	}{
		{[]string{"matrix", dir + "/old", "-o", "csv"}, exitDone, "\n/acme.many.v1.Service", 2 * actions},
		{[]string{"diff", dir + "/old", dir + "/old"}, exitDone, "[grants-looser]", 0},
		{[]string{"diff", dir + "/old", dir + "/new"}, exitFailed, "[grants-looser]", actions / 10},
		{[]string{"prove", dir + "/old", "--assertions", dir + "/assertions.txtpb"}, exitDone, "proved ", 10 * min(50, actions)},
	} {
		began := time.Now()
		got := sallyport(t, test.arguments...)
		t.Logf("%d actions: %s took %s", actions, test.arguments[0], time.Since(began).Round(time.Millisecond))
		if count := strings.Count(got.out, test.lines); got.code != test.code || count != test.count {
			t.Errorf("%s exits with %d, want %d, and has %q %d times, want %d: %s", test.arguments[0], got.code, test.code, test.lines, count, test.count, got.errs)
		}
	}
}
