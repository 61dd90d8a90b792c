// Package reviewtest has changes of a contract, of every kind, for the tests of what
// compares contracts.
package reviewtest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A Seed is a change of the contract in internal/review/testdata/proto.
type Seed struct {
	// Name says what is changed.
	Name string
	// Replace has what is replaced and by what, in turn.
	Replace []string
	// Want has each change as "judgement kind"; it is empty where who may call stays the
	// same.
	Want []string
}

// path is the one file of the contract.
const path = "acme/notes/v1/notes.proto"

// Write writes the contract in the folder from into the folder to, with the change.
func (s Seed) Write(from, to string) error {
	text, err := os.ReadFile(filepath.Join(from, path)) //nolint:gosec // a test's own folder
	if err != nil {
		return err
	}
	changed := string(text)
	for pair := range slices.Chunk(s.Replace, 2) {
		if !strings.Contains(changed, pair[0]) {
			return fmt.Errorf("there is no %q to replace", pair[0])
		}
		changed = strings.Replace(changed, pair[0], pair[1], 1)
	}
	file := filepath.Join(to, path)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	return os.WriteFile(file, []byte(changed), 0o600) //nolint:gosec // a test's own folder
}

// Failing returns the kinds of the changes that need to be looked at, sorted.
func (s Seed) Failing() []string {
	var kinds []string
	for _, want := range s.Want {
		judgement, kind, _ := strings.Cut(want, " ")
		if judgement == "looser" || judgement == "undecided" || kind == "grants-different" && judgement == "different" {
			kinds = append(kinds, kind)
		}
	}
	return slices.Sorted(slices.Values(kinds))
}

// Seeds returns one change of each kind, and changes after which the same callers are let
// in.
func Seeds() []Seed {
	return []Seed{
		{"nothing", nil, nil},
		{"another reason", []string{`anyone: "it is about the caller alone"`, `anyone: "it says who one is"`}, nil},
		{"a shadow", []string{`authorize: {allow: {cel: "'reader' in principal.roles"}}`, `authorize: {allow: {cel: "'reader' in principal.roles"} shadow: {allow: {any_role: "admin"} allow: {cel: "principal.id == 'ada'"}}}`}, nil},
		{"a comment", []string{"service NoteService {", "// Notes.\nservice NoteService {"}, nil},
		{"grants in another order", []string{
			`allow: {name: "org_reader" any_role: "reader" when: "same_org"}`, "",
			`credential_scopes: "notes.read"`, `allow: {name: "org_reader" any_role: "reader" when: "same_org"} credential_scopes: "notes.read"`,
		}, nil},
		{"a named condition, written out", []string{`when: "same_org"`, `cel: "request.org_id in principal.claims.org_ids"`}, nil},
		{"operands in another order", []string{"request.note_id == principal.id", "principal.id == request.note_id"}, nil},

		{"a scheme more", []string{`["session", "token"]`, `["session", "token", "cookie"]`}, []string{"looser scheme-added"}},
		{"a scheme less", []string{`["session", "token"]`, `"session"`}, []string{"tighter scheme-removed"}},
		{"schemes in another order", []string{`["session", "token"]`, `["token", "session"]`}, []string{"different scheme-order"}},
		{"a scheme for another", []string{`["session", "token"]`, `["session", "cookie"]`}, []string{"looser scheme-added", "tighter scheme-removed"}},
		{"anonymous", []string{`authenticate: {schemes: "session"}
      authorize: {anyone: "it is about the caller alone"}`, `authenticate: {anonymous: "why not"} authorize: {anyone: "it is about the caller alone"}`}, []string{"looser anonymous"}},
		{"not anonymous", []string{`authenticate: {anonymous: "probes have | no <credential>"}`, `authenticate: {schemes: "session"}`}, []string{"tighter anonymous-removed"}},

		{"max_age raised", []string{"max_age: {seconds: 900}", "max_age: {seconds: 901}"}, []string{"looser max-age-raised"}},
		{"max_age lowered", []string{"max_age: {seconds: 900}", "max_age: {seconds: 899}"}, []string{"tighter max-age-lowered"}},
		{"max_age removed", []string{" max_age: {seconds: 900}", ""}, []string{"looser max-age-removed"}},
		{"max_age given", []string{`["session", "token"]`, `["session", "token"] max_age: {seconds: 900}`}, []string{"tighter max-age-given"}},

		{"recheck longer", []string{"recheck: {seconds: 30}", "recheck: {seconds: 60}"}, []string{"looser recheck-raised"}},
		{"recheck shorter", []string{"recheck: {seconds: 30}", "recheck: {seconds: 10}"}, []string{"tighter recheck-lowered"}},
		{"recheck removed", []string{" recheck: {seconds: 30}", ""}, []string{"looser recheck-removed"}},
		{"every message", []string{"FIRST_MESSAGE", "EVERY_MESSAGE"}, []string{"tighter stream-timing-every"}},
		{"open", []string{"FIRST_MESSAGE", "OPEN", ` check: "is_open"`, ""}, []string{"looser grants-looser", "different stream-timing-changed"}},

		{"conceal removed", []string{"conceal: true", ""}, []string{"looser conceal-removed"}},
		{"conceal given", []string{`authorize: {allow: {any_role: "admin" check: "is_open"}}`, `authorize: {allow: {any_role: "admin" check: "is_open"} conceal: true}`}, []string{"tighter conceal-given"}},

		{"limit raised", []string{"requests: 10 window", "requests: 11 window"}, []string{"looser limit-raised"}},
		{"limit lowered", []string{"requests: 10 window", "requests: 9 window"}, []string{"tighter limit-lowered"}},
		{"limit with more burst", []string{"burst: 20", "burst: 21"}, []string{"looser limit-raised"}},
		{"limit of a longer window", []string{"window: {seconds: 1}", "window: {seconds: 2}"}, []string{"tighter limit-lowered"}},
		{"limit of all calls", []string{"per: ADDRESS", "per: ACTION"}, []string{"tighter limit-coarser"}},
		{"limit removed", []string{"limit: {per: ADDRESS requests: 10 window: {seconds: 1} burst: 20}", ""}, []string{"looser limit-removed"}},
		{"limit given", []string{"stream: {authorize: FIRST", "limit: {per: PRINCIPAL requests: 1 window: {seconds: 1} burst: 1} stream: {authorize: FIRST"}, []string{"tighter limit-given"}},

		{"a scoped credential needs more", []string{`credential_scopes: "notes.read"`, `credential_scopes: ["notes.read", "notes.list"]`,
			`  SCOPE_NOTES_READ = 1`, `  SCOPE_NOTES_LIST = 2 [(sallyport.v1.scope) = {name: "notes.list"}]; SCOPE_NOTES_READ = 1`},
			[]string{"tighter credential-scope-added", "tighter grants-tighter"}},
		{"no scoped credential", []string{`credential_scopes: "notes.read"`, ""}, []string{"tighter credential-scopes-removed", "tighter grants-tighter"}},
		{"the first scoped credential", []string{`check: "is_open"}}`, `check: "is_open"} credential_scopes: "notes.read"}`}, []string{"looser credential-scopes-given", "looser grants-looser"}},

		{"a role includes more", []string{`{name: "reader"}`, `{name: "reader" includes: "guest"}];
  ROLE_GUEST = 4 [(sallyport.v1.role) = {name: "guest"}`}, []string{"looser role-includes", "looser role-includes", "looser role-includes"}},
		{"a role includes less", []string{`{name: "editor" includes: "reader"}`, `{name: "editor"}`},
			[]string{"tighter grants-tighter", "tighter grants-tighter", "tighter role-includes-less", "tighter role-includes-less"}},
		{"a role more", []string{`any_role: "admin"`, `any_role: ["admin", "editor"]`}, []string{"looser grants-looser"}},
		{"a role less", []string{`any_role: "admin"`, `any_role: ["admin", "editor"]`, `any_role: "reader" when`, `any_role: "editor" when`}, []string{"tighter grants-tighter", "looser grants-looser"}},
		{"a role for another", []string{`any_role: "reader" when`, `any_role: "admin" when`}, []string{"tighter grants-tighter"}},
		{"anyone for grants", []string{`authorize: {allow: {cel: "'reader' in principal.roles"}}`, `authorize: {anyone: "why not"}`}, []string{"looser grants-looser"}},
		{"grants for anyone", []string{`authorize: {anyone: "it is about the caller alone"}`, `authorize: {allow: {any_role: "reader"}}`}, []string{"tighter grants-tighter"}},
		{"a condition less", []string{` && !request.draft`, ``}, []string{"looser grants-looser"}},
		{"a condition more", []string{`'reader' in principal.roles`, `'reader' in principal.roles && principal.id != 'eve'`}, []string{"tighter grants-tighter"}},
		{"a condition negated", []string{`!request.draft`, `request.draft`}, []string{"different grants-different"}},
		{"a constant", []string{`'public'`, `'private'`}, []string{"different grants-different"}},
		{"or for and", []string{`== 'public' && !`, `== 'public' || !`}, []string{"looser grants-looser"}},
		{"a named condition", []string{`request.org_id in principal.claims.org_ids`, `request.org_id in principal.claims.org_ids || request.org_id == 'public'`}, []string{"looser grants-looser"}},
		{"a check renamed", []string{`check: "is_open"`, `check: "is_opened"`}, []string{"different check-renamed", "different grants-different"}},
		{"a check removed", []string{` check: "is_open"`, ``}, []string{"looser grants-looser"}},
		{"a grant less", []string{`allow: {name: "org_reader" any_role: "reader" when: "same_org"}`, ""}, []string{"tighter grants-tighter"}},
		{"what is not decided", []string{`'reader' in principal.roles`, `principal.id.matches('(?m)^staff-')`}, []string{"undecided grants-undecided"}},

		{"validation removed", []string{` [(buf.validate.field).uint32.lte = 100]`, ``}, []string{"looser validation-removed"}},
		{"validation given", []string{`bool draft = 3;`, `bool draft = 3 [(buf.validate.field).bool.const = false];`}, []string{"tighter validation-given"}},
		{"validation by less", []string{`min_len: 1 max_len: 40`, `min_len: 1 max_len: 80`}, []string{"looser validation-loosened"}},
		{"validation by a rule less", []string{`min_len: 1 max_len: 40`, `min_len: 1`}, []string{"looser validation-loosened"}},
		{"validation by more", []string{`min_len: 1 max_len: 40`, `min_len: 1 max_len: 39 uuid: true`}, []string{"tighter validation-tightened"}},
		{"validation changed", []string{`min_len: 1 max_len: 40`, `min_len: 2 max_len: 80`}, []string{"undecided validation-changed"}},
		{"an action more", []string{"service NoteService {", `service NoteService {
  rpc Fresh(Request) returns (Response) { option (sallyport.v1.action) = {authenticate: {schemes: "session"} authorize: {allow: {any_role: "admin"}}}; }`}, []string{"added action-added"}},
		{"an action for anyone more", []string{"service NoteService {", `service NoteService {
  rpc Fresh(Request) returns (Response) { option (sallyport.v1.action) = {authenticate: {schemes: "session"} authorize: {anyone: "why not"}}; }`}, []string{"looser action-added"}},
		{"an anonymous action more", []string{"service NoteService {", `service NoteService {
  rpc Fresh(Request) returns (Response) { option (sallyport.v1.action) = {authenticate: {anonymous: "why not"} authorize: {anyone: "why not"}}; }`}, []string{"looser action-added"}},
		{"an action renamed", []string{"rpc Staff(", "rpc Team("}, []string{"added action-added", "removed action-removed"}},
	}
}
