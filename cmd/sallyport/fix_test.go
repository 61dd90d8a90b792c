package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// board is a schema in which nothing is refused. A test writes faults into it.
const board = `syntax = "proto3";

package acme.notes.v1;

import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
import "sallyport/v1/action.proto";

option go_package = "example.com/notes/gen/acme/notes/v1;notesv1";

option (sallyport.v1.condition) = {name: "owns_note" cel: "principal.id == request.owner"};

enum Role {
  option (sallyport.v1.roles) = true;
  ROLE_UNSPECIFIED = 0;
  ROLE_AUTHOR = 1 [(sallyport.v1.role) = {name: "author"}];
  ROLE_EDITOR = 2 [(sallyport.v1.role) = {name: "editor" includes: "author"}];
}

enum Scope {
  option (sallyport.v1.scope_catalogue) = true;
  SCOPE_UNSPECIFIED = 0;
  SCOPE_NOTES_READ = 1 [(sallyport.v1.scope) = {name: "notes.read"}];
  SCOPE_NOTES_WRITE = 2 [(sallyport.v1.scope) = {name: "notes.write"}];
}

service NoteService {
  // ReadNote is declared as it should be.
  rpc ReadNote(NoteRequest) returns (NoteResponse) {
    option (sallyport.v1.action) = {
      authenticate: {schemes: ["token"]}
      authorize: {
        allow: {any_role: "editor"}
        allow: {cel: "principal.id == request.owner"}
      }
    };
  }
  rpc WriteNote(NoteRequest) returns (NoteResponse) {
    option (sallyport.v1.action) = {
      authenticate: {schemes: ["token"]}
      authorize: {
        // Both must hold.
        allow: {any_role: "author" cel: "principal.id == request.owner"}
        allow: {any_role: "editor"}
      }
    };
  }
  rpc WatchNotes(NoteRequest) returns (stream NoteResponse) {
    option (sallyport.v1.action) = {
      authenticate: {schemes: ["token"]}
      authorize: {allow: {any_role: "editor"}}
      stream: {authorize: OPEN}
    };
  }
}

message NoteRequest {
  string owner = 1 [(buf.validate.field).string.pattern = "^[a-z]{1,32}$"];
  string text = 2 [(buf.validate.field).string.max_len = 280];
  google.protobuf.Timestamp due = 3;
}

message NoteResponse {}
`

// A mistake is one that a user makes in the board, and the rule that refuses it.
type mistake struct {
	name, rule   string
	write, there string // what is written, and what stood there
}

// afterPackage is all of the board but its package.
var _, afterPackage, _ = strings.Cut(board, "package acme.notes.v1;\n\n")

// The parts of WriteNote and WatchNotes that mistakes are made in.
const (
	schemes      = `authenticate: {schemes: ["token"]}` + "\n      authorize: {\n        // Both"
	both         = `allow: {any_role: "author" cel: "principal.id == request.owner"}`
	editors      = both + "\n        " + `allow: {any_role: "editor"}`
	begin        = "\n      authorize: {\n        // Both"
	watch        = `stream: {authorize: OPEN}`
	writeOption  = "{\n    option (sallyport.v1.action) = {\n      " + schemes + " must hold.\n        " + editors + "\n      }\n    };\n  }"
	writeHead    = "rpc WriteNote(NoteRequest) returns (NoteResponse) "
	watchReaders = `authorize: {allow: {any_role: "editor"}}` + "\n      " + watch
)

var mistakes = []mistake{
	{"no option", "action-missing", writeHead + ";", writeHead + writeOption},
	{"an empty option", "action-empty", writeHead + "{\n    option (sallyport.v1.action) = {};\n  }", writeHead + writeOption},
	{"no authenticate", "authenticate-missing", "authorize: {\n        // Both", schemes},
	{"an empty authenticate", "authenticate-choice", "authenticate: {}" + begin, schemes},
	{"schemes beside anonymous", "authenticate-choice", `authenticate: {schemes: "token" anonymous: "the board is public"}` + begin, schemes},
	{"a scheme in capitals", "scheme-name", `authenticate: {schemes: ["Token"]}` + begin, schemes},
	{"a scheme with a space", "scheme-name", `authenticate: {schemes: ["to ken"]}` + begin, schemes},
	{"a scheme twice", "scheme-duplicate", `authenticate: {schemes: ["token", "token"]}` + begin, schemes},
	{"a reason of blanks", "anonymous-reason", `authenticate: {anonymous: "  "}` + "\n      authorize: {anyone: \"the board is public\"}\n    };\n  }\n  rpc Other(NoteRequest) returns (NoteResponse) {\n    option (sallyport.v1.action) = {\n      " + schemes, schemes},
	{"grants for anonymous callers", "anonymous-grant", `authenticate: {anonymous: "the board is public"}` + begin, schemes},
	{"max_age of anonymous callers", "max-age-anonymous", `authenticate: {anonymous: "public" max_age: {seconds: 60}}` + "\n      authorize: {anyone: \"public\"}\n    };\n  }\n  rpc Other(NoteRequest) returns (NoteResponse) {\n    option (sallyport.v1.action) = {\n      " + schemes, schemes},
	{"a max_age of nothing", "max-age-range", `authenticate: {schemes: "token" max_age: {}}` + begin, schemes},
	{"a max_age of years", "max-age-range", `authenticate: {schemes: "token" max_age: {seconds: 99999999}}` + begin, schemes},
	{"no authorize", "authorize-missing", watch, watchReaders},
	{"an empty authorize", "authorize-choice", "authorize: {}\n      " + watch, watchReaders},
	{"anyone beside a grant", "authorize-choice", `authorize: {anyone: "all of us" allow: {any_role: "editor"}}` + "\n      " + watch, watchReaders},
	{"anyone without a reason", "anyone-reason", `authorize: {anyone: ""}` + "\n      " + watch, watchReaders},
	{"conceal beside anyone", "conceal-anyone", `authorize: {anyone: "all of us" conceal: true}` + "\n      " + watch, watchReaders},
	{"a stream without stream", "stream-missing", "", "\n      " + watch},
	{"a stream that says no time", "stream-authorize", "stream: {}", watch},
	{"a unary RPC with stream", "stream-unary", watch + "\n      " + schemes, schemes},
	{"a stream that reads too early", "stream-open-request", `authorize: {allow: {cel: "principal.id == request.owner"}}` + "\n      " + watch, watchReaders},
	{"a recheck of nothing", "recheck-range", "stream: {authorize: OPEN recheck: {}}", watch},
	{"a recheck of days", "recheck-range", "stream: {authorize: OPEN recheck: {seconds: 999999}}", watch},
	{"a limit that says nothing", "limit-per", watch + " limit: {requests: 5 window: {seconds: 60} burst: 5}", watch},
	{"a limit of nothing", "limit-requests", watch + " limit: {per: ADDRESS window: {seconds: 60} burst: 5}", watch},
	{"a limit without a window", "limit-window", watch + " limit: {per: ADDRESS requests: 5 burst: 5}", watch},
	{"a limit of days", "limit-window", watch + " limit: {per: ADDRESS requests: 5 window: {seconds: 999999} burst: 5}", watch},
	{"a limit without a burst", "limit-burst", watch + " limit: {per: ADDRESS requests: 5 window: {seconds: 60}}", watch},
	{"a limit with much too high a burst", "limit-burst", watch + " limit: {per: ADDRESS requests: 5 window: {seconds: 60} burst: 501}", watch},
	{"a limit twice", "limit-duplicate", watch + " limit: {per: ADDRESS requests: 5 window: {seconds: 60} burst: 5} limit: {per: ADDRESS requests: 9 window: {seconds: 60} burst: 1}", watch},
	{"a limit of principals of anonymous callers", "limit-principal-anonymous", `authenticate: {anonymous: "public"}` + "\n      authorize: {anyone: \"public\"}\n limit: {per: PRINCIPAL requests: 5 window: {seconds: 60} burst: 5}\n    };\n  }\n  rpc Other(NoteRequest) returns (NoteResponse) {\n    option (sallyport.v1.action) = {\n      " + schemes, schemes},
	{"an empty grant", "grant-empty", both + "\n        allow: {}", both},
	{"a misspelt role", "role-unknown", `allow: {any_role: "auhtor" cel: "principal.id == request.owner"}`, both},
	{"a role that is not there", "role-unknown", `allow: {any_role: "librarian"}`, both},
	{"a role in capitals", "role-name", `allow: {any_role: "Author" cel: "principal.id == request.owner"}`, both},
	{"a role twice", "role-duplicate", `allow: {any_role: ["author", "author"] cel: "principal.id == request.owner"}`, both},
	{"a scope with a space", "scope-name", `allow: {all_scopes: "notes write"}`, both},
	{"a misspelt scope", "scope-unknown", `allow: {all_scopes: "notes.wirte"}`, both},
	{"a scope that is not there", "scope-unknown", `allow: {all_scopes: "board.clear"}`, both},
	{"a value without a scope", "scope-unnamed", "SCOPE_NOTES_DROP = 3;\n  SCOPE_NOTES_WRITE", "SCOPE_NOTES_WRITE"},
	{"a scope defined twice", "scope-redefined", `SCOPE_NOTES_DROP = 3 [(sallyport.v1.scope) = {name: "notes.read"}];` + "\n  SCOPE_NOTES_WRITE", "SCOPE_NOTES_WRITE"},
	{"a scope of value zero", "scope-zero", `SCOPE_UNSPECIFIED = 0 [(sallyport.v1.scope) = {name: "notes.all"}]`, "SCOPE_UNSPECIFIED = 0"},
	{"a scope outside of the catalogue", "scope-outside-catalogue", "", "\n  option (sallyport.v1.scope_catalogue) = true;"},
	{"a scope twice", "scope-duplicate", `allow: {all_scopes: ["notes.write", "notes.write"]}`, both},
	{"a misspelt field of the request", "cel-invalid", `allow: {cel: "principal.id == request.ownr"}`, both},
	{"a misspelt field of the principal", "cel-invalid", `allow: {cel: "principal.idd == request.owner"}`, both},
	{"an empty expression", "cel-length", `allow: {cel: ""}`, both},
	{"an expression that is always true", "cel-always-true", `allow: {cel: "principal.id == principal.id || true"}`, both},
	{"an identity that may be empty", "cel-identity-empty", `allow: {cel: "principal.id == request.text"}`, both},
	{"a check in capitals", "check-name", `allow: {check: "IsOwner"}`, both},
	{"a grant that adds nothing", "grant-redundant", both + "\n        " + `allow: {any_role: "editor" all_scopes: "notes.write"}`, both},
	{"a value without a role", "role-unnamed", "ROLE_GUEST = 3;\n  ROLE_EDITOR = 2", "ROLE_EDITOR = 2"},
	{"a role included twice", "role-includes-duplicate", `includes: ["author", "author"]`, `includes: "author"`},
	{"roles that include each other", "role-cycle", `{name: "author" includes: "editor"}`, `{name: "author"}`},
	{"a role that includes what is not there", "role-unknown", `includes: "writer"`, `includes: "author"`},
	{"a role defined twice", "role-redefined", `ROLE_OTHER = 3 [(sallyport.v1.role) = {name: "author"}];` + "\n  ROLE_EDITOR = 2", "ROLE_EDITOR = 2"},
	{"no import of the options", "action-missing", "service Other {\n  rpc Note(OtherRequest) returns (OtherRequest);\n}\nmessage OtherRequest {}\n", afterPackage},
	{"no catalogue", "role-unknown", "", board[strings.Index(board, "enum Role"):strings.Index(board, "enum Scope")]},
	{"a role of value zero", "role-zero", `ROLE_UNSPECIFIED = 0 [(sallyport.v1.role) = {name: "guest"}]`, "ROLE_UNSPECIFIED = 0"},
	{"a role outside of the catalogue", "role-outside-catalogue", "", "\n  option (sallyport.v1.roles) = true;"},
	{"a misspelt condition", "when-unknown", `allow: {any_role: "author" when: "owns_notes"}`, both},
}

// lint returns the refusals in a text, and whether the text could be read at all.
func lint(t *testing.T, text string) (refused []refusalLine, readable bool) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "notes.proto"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	got := sallyport(t, "lint", dir, "-o", "json")
	if got.code > exitFailed {
		t.Fatal(got.errs)
	}
	for line := range strings.Lines(got.out) {
		var one refusalLine
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatal(err)
		}
		refused = append(refused, one)
	}
	if got.code == exitFailed && len(refused) == 0 {
		t.Log(got.errs)
		return nil, false
	}
	return refused, true
}

// A user who makes a mistake follows the fix, word for word. Then the refusal is gone,
// and the file is still one that compiles.
func TestFixesCanBeFollowed(t *testing.T) {
	t.Parallel()
	if refused, readable := lint(t, board); len(refused) > 0 || !readable {
		t.Fatalf("the board is refused: %+v", refused)
	}
	for _, mistake := range mistakes {
		t.Run(mistake.name, func(t *testing.T) {
			t.Parallel()
			if strings.Count(board, mistake.there) != 1 {
				t.Fatalf("%q is not once in the board", mistake.there)
			}
			text := strings.Replace(board, mistake.there, mistake.write, 1)
			refused, _ := lint(t, text)
			if len(refused) == 0 || string(refused[0].Rule) != mistake.rule {
				t.Fatalf("got %+v, want %s", refused, mistake.rule)
			}
			for alternative := range strings.SplitSeq(refused[0].Fix, "\nor\n") {
				fixed, followed := follow(text, refused[0], alternative)
				if !followed {
					t.Errorf("cannot be followed: %q", alternative)
					continue
				}
				left, readable := lint(t, fixed)
				if !readable {
					t.Errorf("the fix %q breaks the file:\n%s", alternative, fixed)
				}
				for _, one := range left {
					if string(one.Rule) == mistake.rule && one.Problem == refused[0].Problem {
						t.Errorf("after the fix %q it is still refused: %s", alternative, one.Problem)
					}
				}
			}
		})
	}
}
