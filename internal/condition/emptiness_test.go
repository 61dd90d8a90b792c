package condition

import "testing"

// Values that may both be empty, by what they are made of.
func TestEmptiness(t *testing.T) {
	t.Parallel()
	tests := []trapTest{
		{`request.id == request.other`, "BothEmpty request.id request.other"},
		{`request.id == request.filled`, ""},
		{`request.filled == request.id`, ""},
		{`request.id == principal.id`, ""},
		{`principal.id == request.id`, ""},
		{`request.id == request.id`, ""},
		{`(request.flag ? "" : "a") == request.id`, ""},
		{`(request.flag ? "a" : "") == request.id`, ""},
		{`(request.flag ? "" : request.other) == request.id`, "BothEmpty request.other request.id"},
		{`(request.flag ? request.other : "") == request.id`, "BothEmpty request.other request.id"},
		{`(request.flag ? "a" : request.filled) == request.id`, ""},
		{`request.tags == [request.id]`, ""},
		{`request.labels == {request.id: "a"}`, ""},
		{`request.id in ["a", request.other]`, "BothEmpty request.id request.other"},
		{`request.id in ["a", request.filled]`, ""},
		{`request.id in {request.other: true}`, "BothEmpty request.id request.other"},
		{`request.id in {request.filled: true}`, ""},
		{`request.id in request.tags.filter(t, t != "a")`, "BothEmpty request.id request.tags"},
		{`request.id in principal.roles.filter(r, r != "member")`, ""},
		{`request.id in principal.roles.map(r, r)`, "BothEmpty request.id"},
		{`request.number + 1 == request.sum`, "BothEmpty request.sum"},
		{`"a" + request.id == request.other`, ""},
		{`request.id + request.filled == request.other`, ""},
		{`request.bytes + b"a" == request.blob`, ""},
		{`request.tags + ["a"] == request.words`, ""},
		{`request.id + request.other == principal.claims.team`, "BothEmpty request.id request.other"},
		{`string(request.bytes) == request.id`, "BothEmpty request.bytes request.id"},
		{`string(request.id) == request.other`, "BothEmpty request.id request.other"},
		{`string(request.number) == request.id`, ""},
		{`request.tags[0] == request.id`, "BothEmpty request.tags request.id"},
		{`principal.roles[0] == request.id`, ""},
		{`request.labels["a"] == request.id`, "BothEmpty request.id"},
		{`request.labels[request.id] == "a"`, "BothEmpty request.id request.labels"},
		{`request.tags[request.number] == "a"`, ""},
		{`request.tags.exists(t, t == request.id)`, "BothEmpty request.tags request.id"},
		{`request.filled_tags.exists(t, t == request.id)`, ""},
		{`request.members.exists(m, m.id == request.id)`, "BothEmpty request.members.id request.id"},
		{`request.members.exists(m, m.labels.key == request.id)`, "BothEmpty request.id"},
		{`request.id in principal.claims.org_ids`, ""},
		{`request.id == principal.claims.team`, "BothEmpty request.id"}, // where no claims were given
		{`request.number == principal.claims.home.role`, ""},
	}
	testTraps(t, tests)
}
