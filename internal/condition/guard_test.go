package condition

import "testing"

// What one part of a condition makes sure of for another, and what it does not.
func TestGuards(t *testing.T) {
	t.Parallel()
	const (
		compared = `(request.id == request.other)`
		trap     = "BothEmpty request.id request.other"
		all      = `request.tags.all(t, t == principal.id)`
		empty    = "EmptyList request.tags"
	)
	tests := []trapTest{
		{`request.id != "" && ` + compared, ""},
		{compared + ` && "" != request.id`, ""},
		{`request.id != "" || ` + compared, trap},
		{`request.id == "" || ` + compared, ""},
		{`request.id == "a" && ` + compared, ""},
		{`!(request.id == "") && ` + compared, ""},
		{`!(request.id != "") && ` + compared, trap},
		{`size(request.id) > 0 && ` + compared, ""},
		{`size(request.id) >= 0 && ` + compared, trap},
		{`request.id + request.other != "" && ` + compared, trap},
		{`request.id != request.other && request.id == principal.claims.team`, trap + "; BothEmpty request.id"},
		{`(request.id != "" && request.flag) && ` + compared, ""},
		{`(request.flag && request.id != "") && ` + compared, ""},
		{`(request.id != "" || request.flag) && ` + compared, trap},
		{`(request.id == "" || request.flag) || ` + compared, ""},
		{`(request.flag || request.id == "") || ` + compared, ""},
		{`(request.id == "" && request.flag) || ` + compared, trap},
		{`request.id != "" ? ` + compared + ` : request.flag`, ""},
		{`request.id != "" ? request.flag : ` + compared, trap},
		// Of one part of a condition, and not beyond it.
		{`request.id != "" && request.flag || ` + compared, trap},
		{`request.flag && (request.id != "" && request.flag || ` + compared + `)`, trap},
		// Sought among texts.
		{`request.id in ["a", "b"] && ` + compared, ""},
		{`request.id in ["a", ""] && ` + compared, trap},
		{`request.id in ["", "a"] && ` + compared, trap},
		{`!(request.id in ["a", "b"]) && ` + compared, trap},
		{`request.id in request.filled_tags && ` + compared, ""},
		// With a part that is not empty.
		{`request.id.startsWith("a") && ` + compared, ""},
		{`request.id.endsWith("a") && ` + compared, ""},
		{`request.id.contains("a") && ` + compared, ""},
		{`request.id.startsWith("") && ` + compared, trap},
		{`!request.id.startsWith("a") && ` + compared, trap},
		// Compared with what is no whole number.
		{`request.double > -1.0 && request.double == request.share`, "BothEmpty request.double request.share"},
		{`request.double != 0.0 && request.double == request.share`, ""},
		{`request.bytes != b"" && request.bytes == request.blob`, ""},
		// Asked for by has(), which without presence asks whether it is empty.
		{`has(request.id) && ` + compared, ""},
		{`!has(request.id) && ` + compared, trap},
		{`has(request.id) || ` + compared, trap},
		{`has(request.nick) && request.nick == request.id`, "BothEmpty request.nick request.id"},
		{`has(principal.claims.team) && principal.claims.team == request.id`, ""},
		{`principal.claims.team == request.id`, "BothEmpty request.id"},
		// Lists.
		{`request.tags != [] && ` + all, ""},
		{`request.tags == [] && ` + all, empty},
		{`request.tags == [] || ` + all, ""},
		{`request.tags.exists(t, t == "a") && ` + all, ""},
		{`request.tags.exists(t, t == "a") || ` + all, empty},
		{all + ` && request.tags == principal.claims.org_ids`, empty + "; BothEmpty request.tags"},
		// Within loops, whose variables may be called like an input.
		{`request.id != "" && request.tags.exists(t, ` + compared + `)`, ""},
		{`request.id != "" && request.members.exists(request, request.id == principal.claims.team)`, "BothEmpty request.members.id"},
		{`request.id != "" && (request.tags.exists(request, request == "a") == ` + compared + `)`, empty},
		{`[request.member].exists(principal, has(principal.claims.team) && principal.claims.team == request.id)`, "BothEmpty request.id"},
		{`request.owner_id != "" && request.tags.exists(owner, request.owner_id == principal.claims.team)`, ""},
	}
	testTraps(t, tests)
}
