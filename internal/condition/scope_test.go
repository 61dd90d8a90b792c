package condition

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// What the principal's id is compared with, where it is not written plainly: through
// variables, which may be called like an input, and through what an empty text gets
// past.
func TestIdentities(t *testing.T) {
	t.Parallel()
	kind := file(t, "test.proto", map[string]string{"test.proto": `
		syntax = "proto3";
		package test;
		message Request {
			string id = 1;
			repeated Member members = 2;
			repeated string ids = 3;
			map<string, string> labels = 4;
			message Member {
				string id = 1;
				repeated string ids = 2;
				repeated Member members = 3;
				map<string, string> labels = 4;
			}
		}`}).Messages().Get(0)
	tests := []struct {
		text       string
		identities []string // a path, or "?" and what is not one
		reads      string
	}{
		{`request.members.exists(request, request.id == principal.id)`, []string{"request.members.id"}, "request.members principal.id"},
		{`request.members.exists(request, request.id == "x")`, nil, "request.members"},
		{`request.members.exists(m, m.id == principal.id) && request.id == principal.id`, []string{"request.members.id", "request.id"}, "request.members principal.id request.id"},
		{`request.members.exists(m, m.ids.exists(i, i == principal.id))`, []string{"request.members.ids"}, "request.members principal.id"},
		{`request.members.exists(m, principal.id in m.ids)`, []string{"request.members.ids"}, "request.members principal.id"},
		{`request.members.exists(m, m.members.exists(m, m.id == principal.id))`, []string{"request.members.members.id"}, "request.members principal.id"},
		{`request.members.exists(m, m.members.exists(m, m.id == "x") && m.id == principal.id)`, []string{"request.members.id"}, "request.members principal.id"},
		{`request.members.exists(m, m.labels.key == principal.id)`, []string{"?m.labels.key"}, "request.members principal.id"},
		{`request.members.exists(m, m.labels.value == principal.id)`, []string{"?m.labels.value"}, "request.members principal.id"},
		{`request.members.exists(m, m.labels.exists(k, k == principal.id))`, []string{"?k"}, "request.members principal.id"},
		{`request.ids.exists(request, request == "x") && request.id == principal.id`, []string{"request.id"}, "request.ids request.id principal.id"},
		{`request.ids.exists(x, [x].exists(x, x == principal.id))`, []string{"?x"}, "request.ids principal.id"},
		{`request.ids.exists(x, x + "" == principal.id)`, []string{`?x + ""`}, "request.ids principal.id"},
		{`request.ids.exists(x, {"a": x}.a == principal.id)`, []string{`?{"a": x}.a`}, "request.ids principal.id"},
		{`request.ids.map(i, i).exists(i, i == principal.id)`, []string{"?i"}, "request.ids principal.id"},
		{`request.labels.exists(k, k == principal.id)`, []string{"?k"}, "request.labels principal.id"},
		{`request.labels.exists(k, request.labels[k] == principal.id)`, []string{"?request.labels[k]"}, "request.labels principal.id"},
		{`["a"].exists(principal, principal == request.id)`, nil, "request.id"},
		{`["a"].exists(x, x == principal.id)`, nil, "principal.id"},
		{`principal.roles.exists(r, r == principal.id)`, nil, "principal.roles principal.id"},
		{`[request.id].exists(x, x == principal.id)`, []string{"?x"}, "request.id principal.id"},
		{`principal.id.startsWith(request.id)`, nil, "principal.id request.id"},
		{`principal.id.endsWith(request.id)`, nil, "principal.id request.id"},
		{`principal.id.contains(request.id)`, nil, "principal.id request.id"},
		{`principal.id.matches("^" + request.id)`, nil, "principal.id request.id"},
		{`matches(principal.id, request.id)`, nil, "principal.id request.id"},
		{`request.id != "" && principal.id == request.id`, nil, "request.id principal.id"},
		{`request.id == "" || principal.id == request.id`, nil, "request.id principal.id"},
		{`request.id == "" && principal.id == request.id`, []string{"request.id"}, "request.id principal.id"},
		{`has(request.id) ? principal.id == request.id : principal.id == "a"`, nil, "request.id principal.id"},
		{`request.id.startsWith(principal.id)`, nil, "request.id principal.id"},
		{`principal.id.startsWith("a")`, nil, "principal.id"},
		{`principal.id in {request.id: true}`, []string{"?{request.id: true}"}, "principal.id request.id"},
		{`.principal.id == .request.id`, []string{"request.id"}, "principal.id request.id"},
		{"principal.`id` == request.`id`", []string{"request.id"}, "principal.id request.id"},
	}
	environment := environment(t)
	for _, test := range tests {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			expression := compiled(t, environment, test.text, kind)
			var identities []string
			for _, identity := range expression.Identities() {
				if identity.Path == nil {
					identities = append(identities, "?"+identity.Text)
					continue
				}
				identities = append(identities, identity.Path.String())
			}
			if diff := cmp.Diff(test.identities, identities); diff != "" {
				t.Errorf("identities: -want +got\n%s", diff)
			}
			if got := strings.Join(names(expression.Reads()), " "); got != test.reads {
				t.Errorf("it reads %q, want %q", got, test.reads)
			}
			if got, want := expression.ReadsRequest(), strings.Contains(test.reads, "request"); got != want {
				t.Errorf("it reads the request: %t, want %t", got, want)
			}
		})
	}
}

// A message type that contains itself many times over is read in no more time than its
// length asks for.
func TestDeepConditions(t *testing.T) {
	t.Parallel()
	environment := environment(t)
	kind := requestType(t)
	nested := func(depth int, before, innermost, after string) string {
		return strings.Repeat(before, depth) + innermost + strings.Repeat(after, depth)
	}
	for name, text := range map[string]string{
		"comparisons": nested(40, "(principal.id == ", "request.user_id", ` ? "a" : "b")`) + ` == "a"`,
		"lists":       nested(30, "", "request.tags", ".filter(x, x != principal.id)") + " == []",
		"variables":   nested(20, "request.tags.exists(x, x == principal.id && ", "true", ")"),
		"nots":        nested(60, "!(", "request.flag", ")"),
		"equalities":  nested(60, "(", "request.flag", " == request.flag)"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()
			if expression := compiled(t, environment, text, kind); len(expression.Reads()) == 0 {
				t.Error("it reads nothing")
			}
			if spent := time.Since(start); spent > 10*time.Second {
				t.Errorf("it took %s", spent)
			}
		})
	}
}
