package prove

import (
	"os/exec"
	"testing"
)

// solvers are those that are installed. The test is skipped where not all are.
func solvers(tb testing.TB) []Solver {
	tb.Helper()
	made, err := NewSolvers([]string{"z3", "cvc5"})
	if err != nil {
		tb.Fatal(err)
	}
	for _, solver := range made {
		if _, err := exec.LookPath(solver.Name()); err != nil {
			tb.Skipf("%s is not installed: `make solvers` installs it and runs this test", solver.Name())
		}
	}
	return made
}

// What solvers alone decide.
func TestSolved(t *testing.T) {
	t.Parallel()
	asked := solvers(t)
	tests := []struct {
		name, grant, assertion string
		want                   Outcome
		rule                   string
	}{
		{"a beginning that is a variable", `request.free.startsWith(principal.claims.org_id) && request.owner == principal.id`,
			`never: "!request.free.contains(principal.claims.org_id)"`, Proved, ""},
		{"a part is no beginning", `request.free.contains(principal.claims.org_id) && request.owner == principal.id`,
			`never: "!request.free.startsWith(principal.claims.org_id)"`, Refuted, ""},
		{"a folder of one's own", `request.free.startsWith(principal.id + '/')`, `never: "size(request.free) <= size(principal.id)"`, Proved, ""},
		{"a folder of another", `request.free.startsWith(principal.id)`, `never: "!request.free.startsWith(principal.id + '/') && request.free != principal.id"`, Refuted, ""},
		{"an end", `request.free.endsWith(request.nick) && request.owner == principal.id`, `never: "size(request.nick) > size(request.free)"`, Proved, ""},
		{"beginnings of beginnings", `request.free.startsWith(request.org_id) && request.org_id.startsWith(principal.claims.team)`,
			`never: "!request.free.startsWith(principal.claims.team)"`, Proved, ""},
		{"a sum", `request.size + 1 <= request.total && request.owner == principal.id`, `never: "request.size >= request.total"`, Proved, ""},
		{"a sum that overflows is absent", `request.total + 1 > request.total && request.owner == principal.id`, `never: "request.total == 9223372036854775807"`, Proved, ""},
		{"a sum that overflows", `!(request.total - 1 > request.total) && request.owner == principal.id`, `equal: "request.owner == principal.id"`, Refuted, ""},
		{"a product with a constant", `request.size * 2 == request.total && request.owner == principal.id`, `never: "request.total == 7"`, Proved, ""},
		{"a validation rule of a number", `request.count + 1u < 200u && request.owner == principal.id`, `equal: "request.owner == principal.id"`, Proved, ""},
		{"a length", `size(request.org_id) > 0 && request.owner == principal.id`, `equal: "request.owner == principal.id"`, Proved, ""},
		{"a length of letters", `size(request.free) == 2 && request.owner == principal.id`, `never: "request.free == 'þx'"`, Refuted, ""},
		{"a size of a list", `size(request.tags) < 2 && 'a' in request.tags && request.owner == principal.id`, `never: "'b' in request.tags"`, Proved, ""},
		{"a size of a longer list", `size(request.tags) < 3 && 'a' in request.tags && request.owner == principal.id`, `never: "'b' in request.tags"`, Refuted, ""},
		{"a size of one element five times", `size(request.tags) == 5 && request.tags.all(t, t == 'a') && request.owner == principal.id`, `never: "true"`, Refuted, ""},
		{"a size of messages", `size(request.inners) == 4 && request.inners.all(i, i.open) && request.owner == principal.id`, `never: "request.inners.exists(i, i.id.startsWith(request.org_id))"`, Refuted, ""},
		{"a size alone", `size(principal.claims.org_ids) == 3 && request.owner == principal.id`, `never: "true"`, Refuted, ""},
		{"a size and no element", `size(request.tags) > 0 && request.owner == principal.id`, `equal: "has(request.tags) && request.owner == principal.id"`, Proved, ""},
		{"fresh", `now - principal.authenticated_at < duration('1h') && request.owner == principal.id`, `never: "now > principal.authenticated_at + duration('2h')"`, Proved, ""},
		{"not so fresh", `now - principal.authenticated_at < duration('3h') && request.owner == principal.id`, `never: "now > principal.authenticated_at + duration('2h')"`, Refuted, ""},
		{"loops in loops", `request.tags.exists(t, request.inners.exists(i, i.id == t)) && request.owner == principal.id`,
			`equal: "request.inners.exists(i, request.tags.exists(t, i.id == t)) && request.owner == principal.id"`, Open, RuleNested},
		{"a loop in a loop", `request.tags.exists(t, request.inners.exists(i, i.id == t)) && request.owner == principal.id`,
			`never: "!has(request.inners)"`, Proved, ""},
		{"a role in a loop", `principal.roles.exists(r, request.free.startsWith(r)) && request.owner == principal.id`,
			`never: "request.free == 'admin' && !has(principal.roles)"`, Proved, ""},
		{"an included role in a loop", `principal.roles.exists(r, request.free.endsWith(r)) && request.owner == principal.id`,
			`never: "request.free == 'xmember' && principal.roles.all(r, r in ['admin', 'member'])"`, Refuted, ""},
		{"products", `request.size * request.size == 4 && request.owner == principal.id`, `never: "request.size == 3"`, Open, RuleProduct},
		{"a variable pattern", `request.free.matches(principal.claims.org_id)`, `never: "request.free == 'x' && principal.claims.org_id == 'y'"`, Open, RulePattern},
		{"a time zone", `now.getHours('Europe/Berlin') < 9 && request.owner == principal.id`, `never: "request.open"`, Open, RuleTimeZone},
		{"a character", `request.free.contains('\U00030000' + request.nick) && request.owner == principal.id`, `never: "request.open"`, Open, RuleCharacter},
		{"a map", `principal.claims.labels.exists(l, l == request.org_id)`, `never: "true"`, Open, RuleMap},
		{"a product beside what is proved", `request.size * request.size == 4 && request.owner == principal.id; any_role admin`, `only {any_role: "admin"}`, Proved, ""},
		{"a product that is in the way", `request.size * request.size == 4 && request.free.startsWith(request.nick) && request.owner == principal.id`, `never: "request.size == 3"`, Open, RuleProduct},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			answer, err := NewProver(asked, false).Assert(t.Context(), newContracts(t, 1).declaration(t, []string{"cel " + test.grant}), asserted(t, test.assertion))
			if err != nil {
				t.Fatal(err)
			}
			expectAnswer(t, answer, test.want, test.rule)
			t.Logf("by %v: %v %v", answer.By, answer.Witness, answer.Reason)
		})
	}
}
