package prove

import "testing"

// Each pair is compared both ways.
func TestCompare(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name     string
		old, new string
		want     Verdict
	}{
		{"the same", `allow: {any_role: "admin"}`, `allow: {any_role: "admin"}`, Same},
		{"the order of grants", `allow: {any_role: "admin"} allow: {when: "own"}`, `allow: {when: "own"} allow: {any_role: "admin"}`, Same},
		{"a named condition written out", `allow: {when: "own"}`, `allow: {cel: "principal.id == request.owner"}`, Same},
		{"turned around", `allow: {cel: "principal.id == request.owner"}`, `allow: {cel: "request.owner == principal.id"}`, Same},
		{"a role by cel", `allow: {any_role: "member"}`, `allow: {cel: "'member' in principal.roles"}`, Same},
		{"a role by cel, included", `allow: {any_role: "member"}`, `allow: {cel: "'member' in principal.roles || 'admin' in principal.roles"}`, Same},
		{"a shadow", `allow: {any_role: "admin"}`, `allow: {any_role: "admin"} shadow: {allow: {any_role: "member"}}`, Same},
		{"a shadow of anyone", `anyone: "a test"`, `anyone: "a test" shadow: {allow: {any_role: "member"}}`, Same},
		{"a role added", `allow: {any_role: "admin"}`, `allow: {any_role: ["admin", "auditor"]}`, Looser},
		{"a role above", `allow: {any_role: "admin"}`, `allow: {any_role: "member"}`, Looser},
		{"another role", `allow: {any_role: "admin"}`, `allow: {any_role: "auditor"}`, Different},
		{"a grant added", `allow: {any_role: "admin"}`, `allow: {any_role: "admin"} allow: {when: "own"}`, Looser},
		{"a condition added", `allow: {any_role: "admin"}`, `allow: {any_role: "admin" when: "own"}`, Tighter},
		{"a condition in another's place", `allow: {any_role: "admin"}`, `allow: {when: "own"}`, Different},
		{"anyone", `allow: {any_role: "admin"}`, `anyone: "a test"`, Looser},
		{"a check", `allow: {any_role: "admin"}`, `allow: {any_role: "admin" check: "is_open"}`, Tighter},
		{"another check", `allow: {check: "is_closed"}`, `allow: {check: "is_open"}`, Different},
		{"a relation", `allow: {any_role: "admin"}`, `allow: {any_role: "admin" relation: {name: "editor" object: "document" id: "request.nick"}}`, Tighter},
		{"another relation", `allow: {relation: {name: "editor" object: "document" id: "request.nick"}}`, `allow: {relation: {name: "viewer" object: "document" id: "request.nick"}}`, Different},
		{"a relation to what another field names", `allow: {relation: {name: "editor" object: "document" id: "request.nick"}}`, `allow: {relation: {name: "editor" object: "document" id: "request.org_id"}}`, Different},
		{"a relation, and a part of what it needs", `allow: {relation: {name: "editor" object: "document" id: "request.nick"}}`, `allow: {relation: {name: "editor" object: "document" id: "request.nick"} cel: "request.nick != '' && principal.id != ''"}`, Same},
		{"a relation, and more than it needs", `allow: {relation: {name: "editor" object: "document" id: "request.nick"}}`, `allow: {relation: {name: "editor" object: "document" id: "request.nick"} cel: "request.nick != 'x'"}`, Tighter},
		{"a scope", `allow: {any_role: "admin"}`, `allow: {any_role: "admin" all_scopes: "a"}`, Tighter},
		{"a scope by cel", `allow: {all_scopes: ["a", "b"]}`, `allow: {cel: "'a' in principal.scopes && 'b' in principal.scopes"}`, Same},
		{"one scope of two", `allow: {all_scopes: ["a", "b"]}`, `allow: {all_scopes: "b"}`, Looser},
		{"credentials first given", `allow: {any_role: "admin"}`, `allow: {any_role: "admin"} credential_scopes: "a"`, Looser},
		{"a credential scope more", `allow: {any_role: "admin"} credential_scopes: "a"`, `allow: {any_role: "admin"} credential_scopes: ["a", "b"]`, Tighter},
		{"another credential scope", `anyone: "a" credential_scopes: "a"`, `anyone: "a" credential_scopes: "b"`, Different},
		{"a credential scope that the grant needs too", `allow: {all_scopes: "a"} credential_scopes: "b"`, `allow: {all_scopes: "a"} credential_scopes: ["a", "b"]`, Same},
		{"what validation leaves out", `allow: {cel: "request.kind == 'small' && principal.id == request.owner"} allow: {cel: "request.kind == 'large' && principal.id == request.owner"}`, `allow: {when: "own"}`, Same},
		{"what validation does not leave out", `allow: {cel: "request.kind == 'small' && principal.id == request.owner"}`, `allow: {when: "own"}`, Looser},
		{"de Morgan", `allow: {cel: "!(request.open || request.state == prove.v1.State.STATE_CLOSED) && request.owner == principal.id"}`,
			`allow: {cel: "!request.open && request.state != prove.v1.State.STATE_CLOSED && request.owner == principal.id"}`, Same},
		{"one state more", `allow: {cel: "request.state == prove.v1.State.STATE_OPEN && request.owner == principal.id"}`,
			`allow: {cel: "request.state in [prove.v1.State.STATE_OPEN, prove.v1.State.STATE_CLOSED] && request.owner == principal.id"}`, Looser},
		{"a number", `allow: {cel: "request.size < 10 && request.owner == principal.id"}`, `allow: {cel: "request.size <= 9 && request.owner == principal.id"}`, Same},
		{"a number more", `allow: {cel: "request.size < 10 && request.owner == principal.id"}`, `allow: {cel: "request.size <= 10 && request.owner == principal.id"}`, Looser},
		{"numbers in order", `allow: {cel: "request.size < request.total && request.total < 5 && request.owner == principal.id"}`,
			`allow: {cel: "request.size < 4 && request.total < 5 && request.owner == principal.id && request.size < request.total"}`, Same},
		{"the range of a number", `allow: {cel: "request.total > 2147483646 && request.size == request.total && request.owner == principal.id"}`,
			`allow: {cel: "request.size == 2147483647 && request.total == 2147483647 && request.owner == principal.id"}`, Same},
		{"times", `allow: {cel: "request.from < now && now < request.until && request.owner == principal.id"}`,
			`allow: {cel: "request.from < request.until && request.from < now && now < request.until && request.owner == principal.id"}`, Same},
		{"time or equal", `allow: {cel: "request.from <= now && request.owner == principal.id"}`, `allow: {cel: "request.from < now && request.owner == principal.id"}`, Tighter},
		{"a time of the principal", `allow: {cel: "principal.expires_at > timestamp('2026-01-01T00:00:00Z') && request.owner == principal.id"}`,
			`allow: {cel: "has(principal.expires_at) && !(principal.expires_at <= timestamp('2026-01-01T00:00:00Z')) && request.owner == principal.id"}`, Same},
		{"a duration", `allow: {cel: "request.length < duration('1h') && request.owner == principal.id"}`, `allow: {cel: "request.length < duration('2h') && request.owner == principal.id"}`, Looser},
		{"what is absent", `allow: {cel: "request.inner.id != 'x' && request.owner == principal.id"}`,
			`allow: {cel: "(!has(request.inner) || request.inner.id != 'x') && request.owner == principal.id"}`, Looser},
		{"what is absent, asked for", `allow: {cel: "request.inner.id != 'x' && request.owner == principal.id"}`,
			`allow: {cel: "has(request.inner) && request.inner.id != 'x' && request.owner == principal.id"}`, Same},
		{"an optional that is empty", `allow: {cel: "request.nick != 'x' && request.owner == principal.id"}`,
			`allow: {cel: "has(request.nick) && request.nick != 'x' && request.nick != '' && request.owner == principal.id"}`, Tighter},
		{"has of what has no presence", `allow: {cel: "has(request.free) && request.owner == principal.id"}`, `allow: {cel: "request.free != '' && request.owner == principal.id"}`, Same},
		{"a wrapper", `allow: {cel: "request.wrapped == 'x' && request.owner == principal.id"}`, `allow: {cel: "has(request.wrapped) && request.wrapped == 'x' && request.owner == principal.id"}`, Same},
		{"a maybe", `allow: {cel: "request.maybe && request.owner == principal.id"}`, `allow: {cel: "!(!request.maybe) && request.owner == principal.id"}`, Same},
		{"not a maybe", `allow: {cel: "!request.maybe && request.owner == principal.id"}`, `allow: {cel: "(!has(request.maybe) || !request.maybe) && request.owner == principal.id"}`, Looser},
		{"a oneof", `allow: {cel: "request.by_name == 'x' && request.owner == principal.id"}`, `allow: {cel: "request.by_name == 'x' && !has(request.by_number) && request.owner == principal.id"}`, Same},
		{"a list", `allow: {cel: "'x' in request.tags && request.owner == principal.id"}`, `allow: {cel: "request.tags.exists(t, t == 'x') && request.owner == principal.id"}`, Same},
		{"two in a list", `allow: {cel: "'x' in request.tags && 'y' in request.tags && request.owner == principal.id"}`, `allow: {cel: "'x' in request.tags && request.owner == principal.id"}`, Looser},
		{"a list in a list", `allow: {cel: "request.tags.exists(t, t in principal.claims.org_ids) && request.owner == principal.id"}`,
			`allow: {cel: "principal.claims.org_ids.exists(o, o in request.tags) && request.owner == principal.id"}`, Same},
		{"all of a list in a list", `allow: {cel: "has(request.tags) && request.tags.all(t, t in principal.claims.org_ids) && request.owner == principal.id"}`,
			`allow: {cel: "request.tags.exists(t, t in principal.claims.org_ids) && request.owner == principal.id"}`, Looser},
		{"all and not exists", `allow: {cel: "request.inners.all(i, i.open) && request.owner == principal.id && has(request.inners)"}`,
			`allow: {cel: "!request.inners.exists(i, !i.open) && request.owner == principal.id && has(request.inners)"}`, Same},
		{"two parts of one element", `allow: {cel: "principal.claims.memberships.exists(m, m.org_id == request.org_id && m.state == prove.v1.State.STATE_OPEN)"}`,
			`allow: {cel: "principal.claims.memberships.exists(m, m.org_id == request.org_id) && principal.claims.memberships.exists(m, m.state == prove.v1.State.STATE_OPEN)"}`, Looser},
		{"an element that is absent", `allow: {cel: "principal.claims.memberships.exists(m, m.org_id == request.org_id && m.title != 'guest')"}`,
			`allow: {cel: "principal.claims.memberships.exists(m, m.org_id == request.org_id && (!has(m.title) || m.title != 'guest'))"}`, Looser},
		{"a ternary", `allow: {cel: "request.open ? request.owner == principal.id : 'admin' in principal.roles"}`,
			`allow: {cel: "(request.open && request.owner == principal.id) || (!request.open && 'admin' in principal.roles)"}`, Same},
		{"a role from the request", `allow: {cel: "request.org_id in principal.roles"}`, `allow: {cel: "principal.roles.exists(r, r == request.org_id)"}`, Same},
		{"three that are equal", `allow: {cel: "principal.id == request.owner && request.owner == request.org_id"}`,
			`allow: {cel: "principal.id == request.org_id && request.owner == request.org_id && principal.id == request.owner"}`, Same},
		{"two that differ", `allow: {cel: "principal.id == request.owner && request.org_id != request.owner"}`, `allow: {cel: "principal.id == request.owner && request.org_id != principal.id"}`, Same},
		{"a longer beginning", `allow: {cel: "request.org_id.startsWith('x') && request.owner == principal.id"}`,
			`allow: {cel: "request.org_id.startsWith('xy') && request.owner == principal.id"}`, Tighter},
		{"a beginning and an end that overlap", `allow: {cel: "request.free.startsWith('aba') && request.free.endsWith('bab') && request.owner == principal.id"}`,
			`allow: {cel: "request.free.startsWith('ab') && request.free.endsWith('ab') && request.free.contains('bab') && request.free.startsWith('aba') && request.owner == principal.id"}`, Looser},
		{"an end that implies a part", `allow: {cel: "request.free.endsWith('xy') && request.owner == principal.id"}`,
			`allow: {cel: "request.free.endsWith('xy') && request.free.contains('x') && request.owner == principal.id"}`, Same},
		{"a part that is there twice", `allow: {cel: "request.free.contains('ab') && request.free.contains('bc') && request.owner == principal.id"}`,
			`allow: {cel: "request.free.contains('abc') && request.owner == principal.id"}`, Tighter},
		{"a beginning of one name", `allow: {cel: "request.free == 'xy' && request.owner == principal.id"}`,
			`allow: {cel: "request.free.startsWith('xy') && request.owner == principal.id"}`, Looser},
		{"no text starts so twice", `allow: {cel: "request.free.startsWith('x') && request.free.startsWith('y') && request.owner == principal.id"}`,
			`allow: {cel: "request.free == 'z' && request.free.startsWith('x') && request.owner == principal.id"}`, Same},
		{"every text has the empty one", `allow: {cel: "request.free.startsWith('') && request.owner == principal.id"}`,
			`allow: {cel: "request.free.contains('') && request.owner == principal.id"}`, Same},
		{"a beginning of two that are equal", `allow: {cel: "request.free == request.org_id && request.free.startsWith('x') && request.owner == principal.id"}`,
			`allow: {cel: "request.free == request.org_id && request.org_id.startsWith('x') && request.owner == principal.id"}`, Same},
		{"a beginning of two that differ", `allow: {cel: "request.free != request.org_id && request.free.startsWith('x') && request.org_id.startsWith('x') && request.owner == principal.id"}`,
			`allow: {cel: "request.free.startsWith('x') && request.org_id.startsWith('x') && request.owner == principal.id"}`, Looser},
		{"a beginning in a list", `allow: {cel: "request.tags.exists(t, t.startsWith('x') && t != 'x') && request.owner == principal.id"}`,
			`allow: {cel: "request.tags.exists(t, t.startsWith('x')) && !('x' in request.tags) && request.owner == principal.id"}`, Tighter},
		{"what is absent begins with nothing", `allow: {cel: "request.nick.startsWith('x') && request.owner == principal.id"}`,
			`allow: {cel: "has(request.nick) && request.nick.startsWith('x') && request.owner == principal.id"}`, Same},
		{"a beginning that is a variable", `allow: {cel: "principal.claims.org_id.startsWith(principal.claims.team) && request.owner == principal.id"}`,
			`allow: {cel: "principal.claims.team.endsWith(principal.claims.org_id) && request.owner == principal.id"}`, Undecided},
		{"a pattern that is a beginning", `allow: {cel: "request.free.matches('^x') && request.owner == principal.id"}`,
			`allow: {cel: "request.free.startsWith('x') && request.owner == principal.id"}`, Same},
		{"a pattern and what it holds", `allow: {cel: "request.free.matches('^[a-c]+$') && request.owner == principal.id"}`,
			`allow: {cel: "request.free.matches('^[a-d]+$') && request.owner == principal.id"}`, Looser},
		{"a pattern of few texts", `allow: {cel: "request.free.matches('^[ab]$') && request.owner == principal.id"}`,
			`allow: {cel: "request.free in ['a', 'b'] && request.owner == principal.id"}`, Same},
		{"a pattern of one text more", `allow: {cel: "request.free.matches('^[ab]?$') && request.owner == principal.id"}`,
			`allow: {cel: "request.free in ['a', 'b'] && request.owner == principal.id"}`, Tighter},
		{"patterns that overlap", `allow: {cel: "request.free.matches('^a.*b$') && request.owner == principal.id"}`,
			`allow: {cel: "request.free.matches('^a.*b$') && request.free.contains('c') && request.owner == principal.id"}`, Tighter},
		{"two different texts of one pattern", `allow: {cel: "request.free.matches('^[ab]$') && request.org_id.matches('^[ab]$') && request.free != request.org_id && request.owner == principal.id"}`,
			`allow: {cel: "request.free in ['a', 'b'] && request.org_id in ['a', 'b'] && !(request.free == request.org_id) && request.owner == principal.id"}`, Same},
		{"three different texts of two", `allow: {cel: "request.free.matches('^[ab]$') && request.org_id.matches('^[ab]$') && request.inner.id.matches('^[ab]$') && request.free != request.org_id && request.org_id != request.inner.id && request.inner.id != request.free && request.owner == principal.id"}`,
			`allow: {cel: "request.free == 'z' && request.free.startsWith('x') && request.owner == principal.id"}`, Same},
		{"letters of either case", `allow: {cel: "request.free.matches('^(?i)ab$') && request.owner == principal.id"}`,
			`allow: {cel: "request.free in ['ab', 'Ab', 'aB', 'AB'] && request.owner == principal.id"}`, Same},
		{"a kelvin sign is a k", `allow: {cel: "request.free.matches('^(?i)k$') && request.owner == principal.id"}`,
			`allow: {cel: "request.free in ['k', 'K'] && request.owner == principal.id"}`, Tighter},
		{"repeated so often", `allow: {cel: "request.free.matches('^x{3,5}$') && request.owner == principal.id"}`,
			`allow: {cel: "request.free.matches('^xx{2,4}$') && request.owner == principal.id"}`, Same},
		{"repeated once more", `allow: {cel: "request.free.matches('^x{3,5}$') && request.owner == principal.id"}`,
			`allow: {cel: "request.free.matches('^x{3,6}$') && request.owner == principal.id"}`, Looser},
		{"no letter but a line's end", `allow: {cel: "request.free.matches('^.$') && request.owner == principal.id"}`,
			`allow: {cel: "request.free.matches('^(?s).$') && request.owner == principal.id"}`, Looser},
		{"the edges of lines", `allow: {cel: "request.free.matches('(?m)^x') && request.owner == principal.id"}`,
			`allow: {cel: "request.free.startsWith('x') && request.owner == principal.id"}`, Undecided},
		{"a beginning that matters", `allow: {any_role: "admin" cel: "request.org_id.startsWith('x')"}`, `allow: {cel: "'admin' in principal.roles"}`, Looser},
		{"a beginning beside what is proved", `allow: {any_role: "admin" cel: "request.org_id.startsWith('x')"}`, `allow: {any_role: ["admin", "auditor"] cel: "'admin' in principal.roles && request.org_id.startsWith('x')"}`, Same},
		{"a pattern beside what is proved", `allow: {any_role: "admin" cel: "request.org_id.matches('(?m)x$')"}`, `allow: {any_role: ["admin", "auditor"] cel: "'admin' in principal.roles && request.org_id.matches('(?m)x$')"}`, Undecided},
		{"a difference of times", `allow: {cel: "now - principal.authenticated_at < duration('1h')"}`, `allow: {cel: "now - principal.authenticated_at < duration('2h')"}`, Undecided},
		{"a map", `allow: {cel: "request.org_id in principal.claims.labels"}`, `allow: {cel: "principal.claims.labels[request.org_id] == 'x'"}`, Tighter},
		{"a loop over a map", `allow: {cel: "principal.claims.labels.exists(l, l == request.org_id)"}`, `allow: {cel: "size(principal.claims.labels) == 1"}`, Undecided},
		{"a size", `allow: {cel: "size(request.tags) == 1 && request.owner == principal.id"}`, `allow: {cel: "size(request.tags) == 2 && request.owner == principal.id"}`, Undecided},
		{"whether it is empty", `allow: {cel: "size(request.tags) > 0 && request.owner == principal.id"}`, `allow: {cel: "has(request.tags) && request.owner == principal.id"}`, Same},
		{"whether there are roles", `allow: {cel: "principal.roles.size() == 0 && request.owner == principal.id"}`, `allow: {cel: "!has(principal.roles) && request.owner == principal.id"}`, Same},
		{"no scope and any scope", `allow: {cel: "0 >= size(principal.scopes) && request.owner == principal.id"}`, `allow: {cel: "size(principal.scopes) >= 1 && request.owner == principal.id"}`, Different},
		{"how many messages", `allow: {cel: "size(request.inners) < 3 && request.owner == principal.id"}`, `allow: {cel: "size(request.inners) < 2 && request.owner == principal.id"}`, Undecided},
		{"how many roles", `allow: {cel: "size(principal.roles) > 2 && request.owner == principal.id"}`, `allow: {cel: "size(principal.roles) > 1 && request.owner == principal.id"}`, Undecided},
		{"loops in loops", `allow: {cel: "request.tags.exists(t, request.inners.exists(i, i.id == t)) && request.owner == principal.id"}`,
			`allow: {cel: "request.inners.exists(i, request.tags.exists(t, i.id == t)) && request.owner == principal.id"}`, Undecided},
	}
	back := map[Verdict]Verdict{Same: Same, Looser: Tighter, Tighter: Looser, Different: Different, Undecided: Undecided}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			old, updated := declared(t, test.old), declared(t, test.new)
			got, err := Compare(old, updated)
			if err != nil {
				t.Fatal(err)
			}
			if got.Verdict != test.want {
				t.Errorf("it is %s, want %s\nlooser: %v\ntighter: %v\nreason: %v", got.Verdict, test.want, got.Looser, got.Tighter, got.Reason)
			}
			reversed, err := Compare(updated, old)
			if err != nil {
				t.Fatal(err)
			}
			if reversed.Verdict != back[test.want] {
				t.Errorf("the other way round it is %s, want %s\nlooser: %v\ntighter: %v\nreason: %v",
					reversed.Verdict, back[test.want], reversed.Looser, reversed.Tighter, reversed.Reason)
			}
			t.Logf("%d steps; looser: %v; tighter: %v; %v", got.Steps, got.Looser, got.Tighter, got.Reason)
		})
	}
}
