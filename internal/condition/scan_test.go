package condition

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/sallyport-rpc/sallyport/authn"
)

func TestConstancy(t *testing.T) {
	t.Parallel()
	tests := map[string]Constancy{
		`true`:                             AlwaysTrue,
		`!false`:                           AlwaysTrue,
		`true || request.flag`:             AlwaysTrue,
		`request.flag || !request.flag`:    AlwaysTrue,
		`principal.id == principal.id`:     AlwaysTrue,
		`principal.id == ( principal.id )`: AlwaysTrue,
		`1 == 1`:                           AlwaysTrue,
		`"a" != "b"`:                       AlwaysTrue,
		`request.flag ? true : true`:       AlwaysTrue,
		`request.flag ? !request.flag : false || true`:                          Varies,
		`principal.id == request.user_id || request.user_id != principal.id`:    AlwaysTrue,
		`request.tags.exists(t, t == "a") || !request.tags.exists(t, t == "a")`: AlwaysTrue,
		`false`:                         AlwaysFalse,
		`1 == 2`:                        AlwaysFalse,
		`request.flag && false`:         AlwaysFalse,
		`request.flag && !request.flag`: AlwaysFalse,
		`principal.id != principal.id`:  AlwaysFalse,
		`principal.id == request.user_id && !(request.user_id == principal.id)`: AlwaysFalse,
		`request.flag`:                                                       Varies,
		`principal.id == request.user_id`:                                    Varies,
		`request.flag || has(request.nick)`:                                  Varies,
		`now > timestamp("2026-01-01T00:00:00Z")`:                            Varies,
		`request.int32 == 1 && request.int32 == 2`:                           AlwaysFalse,
		`"a" == request.user_id && "b" == request.user_id`:                   AlwaysFalse,
		`request.user_id == request.nick && request.user_id == principal.id`: Varies,
		`request.double == 0.0 && request.double == -0.0`:                    Varies,
		`0 <= size(request.tags)`:                                            AlwaysTrue,
		`0 > size(request.tags)`:                                             AlwaysFalse,
		`size(request.tags) >= request.int64`:                                Varies,
		`request.int64 >= 0`:                                                 Varies,
		`size(request.tags) > 3`:                                             Varies,
		`size(request.tags) == -1`:                                           AlwaysFalse,
		`size(principal.id) > 0`:                                             AlwaysTrue,
		`size(request.user_id) > 0`:                                          Varies,
		`principal.id == ""`:                                                 AlwaysFalse,
		`principal.id != ""`:                                                 AlwaysTrue,
		`request.user_id == ""`:                                              Varies,
		`has(principal.id)`:                                                  AlwaysTrue,
		`has(principal.roles)`:                                               Varies,
		`request.user_id.matches("^[a-z]*$")`:                                Varies,
		`request.user_id.matches("^(?s:.)*$")`:                               AlwaysTrue,
		`request.flags[0]`:                                                   Varies,
		`principal.id.matches(".+")`:                                         AlwaysTrue,
		`request.user_id.matches(".+")`:                                      Varies,
		strings.TrimSuffix(strings.Repeat("request.tags[0] == 'x' || ", 200), " || "): Varies,
	}
	environment := environment(t)
	kind := requestType(t)
	for text, want := range tests {
		if got := compiled(t, environment, text, kind).Constancy(); got != want {
			t.Errorf("%s: %d, want %d", text[:min(len(text), 60)], got, want)
		}
	}
	// As many comparisons as are tried in every combination, and one more.
	for number, want := range map[int]Constancy{maxAtoms: AlwaysTrue, maxAtoms + 1: Varies} {
		text := "request.flag || !request.flag || " + alternatives(number-1)
		if got := compiled(t, environment, text, kind).Constancy(); got != want {
			t.Errorf("of %d comparisons: %d, want %d", number, got, want)
		}
	}
}

// The scheme of a principal is one of the action's.
func TestConstancyOfSchemes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text    string
		schemes []string
		want    Constancy
	}{
		{`principal.scheme == "session"`, nil, Varies},
		{`principal.scheme == "session"`, []string{"session"}, AlwaysTrue},
		{`principal.scheme == "session"`, []string{"session", "token"}, Varies},
		{`principal.scheme == "ghost"`, []string{"session"}, AlwaysFalse},
		{`principal.scheme == "ghost"`, []string{"session", "token"}, AlwaysFalse},
		{`principal.scheme in ["session", "token"]`, []string{"session", "token"}, AlwaysTrue},
		{`principal.scheme in ["session", "token"]`, nil, Varies},
		{`request.user_id == "session"`, []string{"session"}, Varies},
		{`request.user_id == "ghost"`, []string{"session"}, Varies},
	}
	environment, kind := environment(t), requestType(t)
	for _, test := range tests {
		expression, _, err := environment.Examine(test.text, kind, Facts{Schemes: test.schemes})
		if err != nil {
			t.Fatal(err)
		}
		if got := expression.Constancy(); got != test.want {
			t.Errorf("%s of %v: %d, want %d", test.text, test.schemes, got, test.want)
		}
	}
}

func TestReads(t *testing.T) {
	t.Parallel()
	tests := []struct {
		text       string
		reads      string
		identities string
		request    bool
	}{
		{`now > timestamp("2026-01-01T00:00:00Z")`, "", "", false},
		{`principal.id == "x"`, "principal.id", "", false},
		{`principal.id == request.user_id`, "principal.id request.user_id", "request.user_id", true},
		{`request.owner.id != principal.id || request.owner.id == ""`, "request.owner.id principal.id", "", true},
		{`principal.id in request.tags`, "principal.id request.tags", "request.tags", true},
		{`principal.id in request.labels`, "principal.id request.labels", "request.labels", true},
		{`principal.id == request.labels["x"]`, "principal.id request.labels", "?request.labels[\"x\"]", true},
		{`principal.id == request.members.map(m, m.id)[0]`, "principal.id request.members", "?request.members.map(m, m.id)[0]", true},
		{`principal.id == request.user_id + ""`, "principal.id request.user_id", `?request.user_id + ""`, true},
		{`request.members.exists(m, m.id == principal.id)`, "request.members principal.id", "request.members.id", true},
		{`request.members.exists(m, m.address.city == principal.id)`, "request.members principal.id", "request.members.address.city", true},
		{`request.tags.exists(t, principal.id == t)`, "request.tags principal.id", "request.tags", true},
		{`has(request.owner.address) && "a" in principal.roles`, "request.owner.address principal.roles", "", true},
		{`request == request`, "request", "", true},
		{`principal.claims.labels.tenant == request.labels.tenant`, "principal.claims.labels request.labels", "", true},
		{`request.at < now`, "request.at", "", true},
		{`[request.user_id].size() == {request.nick: 1}.size()`, "request.user_id request.nick", "", true},
		{`test.v1.Request{user_id: request.nick} == test.v1.Request{}`, "request.nick", "", true},
	}
	environment := environment(t)
	kind := requestType(t)
	for _, test := range tests {
		expression := compiled(t, environment, test.text, kind)
		var reads, identities []string
		for _, read := range expression.Reads() {
			reads = append(reads, read.Name)
		}
		for _, identity := range expression.Identities() {
			if identity.Path == nil {
				identities = append(identities, "?"+identity.Text)
				continue
			}
			identities = append(identities, identity.Path.String())
		}
		if diff := cmp.Diff(strings.Fields(test.reads), reads); diff != "" && test.reads != strings.Join(reads, " ") {
			t.Errorf("%s reads: -want +got\n%s", test.text, diff)
		}
		if got := strings.Join(identities, " "); got != test.identities {
			t.Errorf("%s: identities %q, want %q", test.text, got, test.identities)
		}
		if got := expression.ReadsRequest(); got != test.request {
			t.Errorf("%s: it reads the request: %t", test.text, got)
		}
	}
	if (*Expression)(nil).ReadsRequest() {
		t.Error("no condition reads the request")
	}
}

// What is shown of a request to an operator, and what is not.
func TestReadValue(t *testing.T) {
	t.Parallel()
	kind := file(t, "test.proto", map[string]string{"test.proto": `
		syntax = "proto3";
		package test;
		import "google/protobuf/timestamp.proto";
		message Request {
			string name = 1;
			string secret = 2 [debug_redact = true];
			Inner inner = 3;
			Inner hidden = 4 [debug_redact = true];
			repeated string names = 5;
			repeated Inner inners = 6;
			map<string, string> by_name = 7;
			bytes key = 8;
			Color color = 9;
			google.protobuf.Timestamp at = 10;
			repeated string secrets = 11 [debug_redact = true];
			int64 number = 12;
			message Inner {
				string text = 1;
				string secret = 2 [debug_redact = true];
			}
		}
		enum Color { COLOR_UNSPECIFIED = 0; COLOR_RED = 1; }`}).Messages().Get(0)
	input := Input{Principal: alice(), Now: now, Request: message(t, kind, `name: "a\"\n\001" secret: "hunter2" inner {text: "t" secret: "hunter2"} hidden {text: "hunter2"}
		names: "a" names: "" inners {text: "hunter2"} by_name {key: "hunter2" value: "x"} key: "\xff" color: COLOR_RED at {seconds: 1} secrets: "hunter2" number: -7`)}
	tests := map[string]string{
		`request.name == ""`:                `"a\"\n\x01"`,
		`request.secret == ""`:              redacted,
		`request.inner.text == ""`:          `"t"`,
		`request.inner.secret == ""`:        redacted,
		`request.hidden.text == ""`:         redacted,
		`request.names == []`:               "a list of 2",
		`request.inners == []`:              "a list of 1",
		`request.by_name == {}`:             "a map of 1",
		`request.key == b""`:                `"\xff"`,
		`request.color == 0`:                "COLOR_RED",
		`request.at == now`:                 "seconds:1",
		`request.secrets == []`:             redacted,
		`request.number == 0`:               "-7",
		`has(request.inner)`:                "",
		`request == request`:                "",
		`principal.id == ""`:                `"alice"`,
		`principal.scheme == ""`:            `"session"`,
		`principal.roles == []`:             "a list of 3",
		`principal.scopes == []`:            "a list of 2",
		`principal.claims.labels == {}`:     "a map of 2",
		`principal.expires_at == now`:       "2026-05-04T13:00:00Z",
		`principal.authenticated_at == now`: "2026-05-04T11:50:00Z",
		`principal.claims.team == ""`:       `""`,
		`principal.claims.home.role == 0`:   "",
		`principal.claims.secret == ""`:     redacted,
		`has(principal.claims)`:             "",
		`dyn(principal) == principal`:       "",
	}
	bare := principalOf("bob", "session", authn.Details{})
	ofNothing := map[string]string{
		`request.name == ""`:                `""`,
		`request.secret == ""`:              redacted,
		`request.inner.text == ""`:          "",
		`request.at == now`:                 "",
		`request.names == []`:               "a list of 0",
		`request.number == 0`:               "0",
		`principal.roles == []`:             "a list of 0",
		`principal.claims.labels == {}`:     "a map of 0",
		`principal.claims.team == ""`:       `""`,
		`principal.claims.home.role == 0`:   "",
		`has(principal.claims)`:             "",
		`principal.expires_at == now`:       "",
		`principal.authenticated_at == now`: "",
	}
	environment := environment(t)
	for text, want := range tests {
		reads := compiled(t, environment, text, kind).Reads()
		if len(reads) != 1 {
			t.Errorf("%s: %d reads", text, len(reads))
			continue
		}
		// prototext puts spaces in at random.
		if got := strings.ReplaceAll(reads[0].Value(input), ":  ", ":"); got != want {
			t.Errorf("%s: %s is %s, want %s", text, reads[0].Name, got, want)
		}
		if want, ok := ofNothing[text]; ok {
			if got := reads[0].Value(Input{Principal: bare, Request: message(t, kind, ``)}); got != want {
				t.Errorf("%s: %s of a bare principal and an empty request is %s, want %s", text, reads[0].Name, got, want)
			}
		}
		for _, nothing := range []Input{{}, {Request: &emptypb.Empty{}}} {
			if got := reads[0].Value(nothing); got != "" && got != redacted {
				t.Errorf("%s: of nothing %s", text, got)
			}
		}
	}
	name := compiled(t, environment, `request.name == ""`, kind).Reads()[0]
	for length, want := range map[int]string{
		maxShown - 2: `"` + strings.Repeat("x", maxShown-2) + `"`, maxShown - 1: `"` + strings.Repeat("x", maxShown-1) + "…",
	} {
		if got := name.Value(Input{Request: message(t, kind, `name: "`+strings.Repeat("x", length)+`"`)}); got != want {
			t.Errorf("of a text of %d bytes %s is shown, want %s", length, got, want)
		}
	}
	long := Input{Request: message(t, kind, `name: "`+strings.Repeat("þ", 1000)+`"`)}
	if got := name.Value(long); len(got) > 70 || !strings.HasSuffix(got, "þ…") {
		t.Errorf("a long text is %d bytes: %s", len(got), got)
	}
}

// What a read finds no value of has a name: of the first that is not there.
func TestReadMissing(t *testing.T) {
	t.Parallel()
	kind := requestType(t)
	bare := principalOf("bob", "session", authn.Details{})
	home := principalOf("bob", "session", authn.Details{Claims: claimsOf(`home {}`)})
	began := principalOf("bob", "session", authn.Details{AuthenticatedAt: now})
	empty := message(t, kind, ``)
	environment := environment(t)
	for _, test := range []struct {
		text  string
		input Input
		want  string
	}{
		{`principal.authenticated_at == now`, Input{Principal: alice()}, ""},
		{`principal.authenticated_at == now`, Input{Principal: bare}, "principal.authenticated_at"},
		{`principal.authenticated_at == now`, Input{Principal: began}, ""},
		{`principal.authenticated_at == now`, Input{}, ""},
		{`principal.expires_at == now`, Input{Principal: alice()}, ""},
		{`principal.expires_at == now`, Input{Principal: bare}, "principal.expires_at"},
		{`principal.expires_at == now`, Input{Principal: began}, "principal.expires_at"},
		{`principal.expires_at == now`, Input{}, ""},
		{`principal.id == ""`, Input{Principal: bare}, ""},
		{`principal.id == ""`, Input{}, ""},
		{`principal.roles == []`, Input{Principal: bare}, ""},
		{`principal.claims.home.role == 0`, Input{Principal: bare}, "principal.claims.home"},
		{`principal.claims.home.role == 0`, Input{Principal: alice()}, "principal.claims.home"},
		{`principal.claims.home.role == 0`, Input{Principal: home}, ""},
		{`principal.claims.home.role == 0`, Input{}, ""},
		{`principal.claims.team == ""`, Input{Principal: bare}, ""},
		{`request.owner.id == ""`, Input{Principal: bare, Request: empty}, "request.owner"},
		{`request.owner.id == ""`, Input{Request: message(t, kind, `owner {}`)}, "request.owner.id"},
		{`request.owner.id == ""`, Input{Request: message(t, kind, `owner {id: "a"}`)}, ""},
		{`request.owner.id == ""`, Input{Request: &emptypb.Empty{}}, ""},
		{`request.owner.id == ""`, Input{Principal: bare}, ""},
		{`request.at == now`, Input{Request: empty}, "request.at"},
		{`request.user_id == ""`, Input{Request: empty}, ""},
		{`request == request`, Input{Request: empty}, ""},
	} {
		read := compiled(t, environment, test.text, kind).Reads()[0]
		if got := read.Missing(test.input); got != test.want {
			t.Errorf("%s of %+v: %q is missing, want %q", read.Name, test.input, got, test.want)
		}
	}
}
