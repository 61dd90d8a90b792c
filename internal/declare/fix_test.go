package declare

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"

	sallyportv1 "github.com/sallyport-rpc/sallyport/gen/sallyport/v1"
)

// follow does what the fixes of some refusals say, where they are written in proto, and
// reports whether all of them are.
func follow(t *testing.T, option *sallyportv1.Action, refusals []Refusal) (fixed *sallyportv1.Action, all bool) {
	t.Helper()
	fixed, all = proto.CloneOf(option), true
	remove, removeShadow := map[int]bool{}, map[int]bool{}
	for _, refusal := range refusals {
		text, _, _ := strings.Cut(refusal.Fix, "\nor\n")
		removed, removes := strings.CutPrefix(text, "remove ")
		part := &sallyportv1.Action{}
		parsed := prototext.Unmarshal([]byte(removed), part) == nil
		grant := &sallyportv1.Authorize{}
		switch {
		case removes && parsed && part.GetStream() != nil:
			fixed.Stream = nil
		case parsed && part.GetAuthenticate() != nil:
			fixed.Authenticate = part.GetAuthenticate()
		case parsed && part.GetAuthorize() != nil:
			fixed.Authorize = part.GetAuthorize()
			return fixed, all // it has all the grants
		case parsed && part.GetStream() != nil:
			fixed.Stream = part.GetStream()
		case prototext.Unmarshal([]byte(removed), grant) == nil && grant.GetShadow() != nil:
			fixed.Authorize.Shadow = grant.GetShadow()
			if removes {
				fixed.Authorize.Shadow = nil
			}
		case len(grant.GetEach()) == 1:
			if fixed.Authorize.Each = grant.GetEach(); removes {
				fixed.Authorize.Each = nil
			}
		case len(grant.GetAllow()) == 1:
			_, after, _ := strings.Cut(refusal.Problem, "authorize.")
			at := indexOf(after)
			if within, ok := strings.CutPrefix(after, "each[0]."); ok {
				each, at := fixed.GetAuthorize().GetEach()[0], indexOf(within)
				if each.GetAllow()[at] = grant.GetAllow()[0]; removes {
					each.Allow = slices.Delete(each.GetAllow(), at, at+1)
				}
				continue
			}
			if strings.HasPrefix(after, "shadow.") {
				fixed.Authorize.Shadow.Allow[at] = grant.GetAllow()[0]
				removeShadow[at] = removeShadow[at] || removes
				continue
			}
			fixed.Authorize.Allow[at] = grant.GetAllow()[0]
			remove[at] = remove[at] || removes
		case strings.HasPrefix(text, "option (sallyport.v1.action) = {"):
			whole := strings.TrimSuffix(strings.TrimPrefix(text, "option (sallyport.v1.action) = {"), "};")
			if err := prototext.Unmarshal([]byte(whole), part); err != nil {
				t.Fatalf("%v: %s", err, text)
			}
			fixed = part
		default:
			all = false
		}
	}
	kept := func(grants []*sallyportv1.Grant, remove map[int]bool) (kept []*sallyportv1.Grant) {
		for i, grant := range grants {
			if !remove[i] {
				kept = append(kept, grant)
			}
		}
		return kept
	}
	if len(remove) > 0 {
		fixed.Authorize.Allow = kept(fixed.GetAuthorize().GetAllow(), remove)
	}
	if len(removeShadow) > 0 {
		fixed.Authorize.Shadow.Allow = kept(fixed.GetAuthorize().GetShadow().GetAllow(), removeShadow)
	}
	return fixed, all
}

// A declaration in which the printed fixes were followed is accepted.
func TestFixesAreAccepted(t *testing.T) {
	t.Parallel()
	var refused []action
	for _, test := range ruleTests {
		if test.refused != "" {
			refused = append(refused, test.action(test.refused))
		}
	}
	schema := kinds["generated"](t, compile(t, file(refused, func(int) []Rule { return nil }).in("proto3")))
	_, refusals := newReader(t, schema.files).File(schema.file(t, "test/v1/files.proto"), Given{})
	methods := schema.file(t, "test/v1/files.proto").Services().Get(0).Methods()
	var followed []action
	for i, of := range refused {
		option := &sallyportv1.Action{}
		if _, err := readOption(methods.Get(i).Options(), sallyportv1.E_Action, option); err != nil {
			t.Fatal(err)
		}
		own := slices.DeleteFunc(slices.Clone(refusals), func(refusal Refusal) bool { return refusal.Subject != Procedure(methods.Get(i)) })
		if fixed, all := follow(t, option, own); all {
			text := optionText(fixed)
			text = strings.TrimSuffix(strings.TrimPrefix(text, "option (sallyport.v1.action) = {"), "};")
			followed = append(followed, action{of.name, of.rpc, text})
		} else {
			t.Logf("%s: its fixes are not all written in proto", of.name)
		}
	}
	if len(followed) < 70 {
		t.Errorf("only %d of %d were fixed", len(followed), len(refused))
	}
	check(t, nil, file(followed, func(int) []Rule { return nil }), "test/v1/files.proto")
}

// A fix of one condition keeps the others: without them the grant would let in callers
// that its author meant to keep out.
func TestFixesDoNotWiden(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		grant string
		fixed bool // there is a fix in proto
	}{
		"an empty expression":                 {`any_role: "member" cel: ""`, false},
		"an empty check":                      {`any_role: "member" check: ""`, false},
		"a condition that is not defined":     {`any_role: "Member" when: "is_gone"`, false},
		"a role without a letter":             {`any_role: "" cel: "principal.id == request.user_id"`, false},
		"a scope without a character":         {`all_scopes: ["users.read", ""]`, true},
		"a scope that is spelled in two ways": {`all_scopes: ["users read", "users.read"]`, false},
		"a scope that is named twice":         {`all_scopes: ["users.read", "users.read"]`, true},
		"a role, beside an expression":        {`any_role: "Member" cel: "principal.id == request.user_id"`, true},
		"a check in capitals, beside a role":  {`any_role: "member" check: "IsOwner"`, true},
		"a misspelt field, beside a role":     {`any_role: "member" cel: "principal.idd == request.user_id"`, true},
		"a misspelt field, beside no scope":   {`all_scopes: "" cel: "principal.idd == request.user_id"`, true},
		"an expression without a variable":    {`all_scopes: "" cel: "1 > 2 || now > timestamp('2030-01-01T00:00:00Z')"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			written := &sallyportv1.Grant{}
			if err := prototext.Unmarshal([]byte(test.grant), written); err != nil {
				t.Fatal(err)
			}
			text := `authenticate: {schemes: "session"} authorize: {allow: {` + test.grant + `} allow: {any_role: "admin"}}`
			schema := kinds["generated"](t, compile(t, file([]action{{"One", unary, text}}, func(int) []Rule { return nil }).in("proto3")))
			_, refusals := newReader(t, schema.files).File(schema.file(t, "test/v1/files.proto"), Given{})
			if len(refusals) == 0 {
				t.Fatal("nothing is refused")
			}
			found := false
			for _, refusal := range refusals {
				authorize := &sallyportv1.Authorize{}
				if prototext.Unmarshal([]byte(refusal.Fix), authorize) != nil || len(authorize.GetAllow()) != 1 {
					continue
				}
				found = true
				if fixed := authorize.GetAllow()[0]; len(setFields(fixed.ProtoReflect())) < len(setFields(written.ProtoReflect())) {
					t.Errorf("[%s] the fix lacks a condition of %s: %s", refusal.Rule, test.grant, refusal.Fix)
				}
			}
			if found != test.fixed {
				t.Errorf("there is a fix in proto: %t, want %t: %v", found, test.fixed, refusals)
			}
		})
	}
}

// The fix of an expression is printed where it can be written as it stands: it is a
// condition, and what was wrong is not wrong any more. Where that is not so, none is.
func TestFixesOfExpressions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		expression string
		rule       Rule // of the fix
		want       string
	}{
		"a field":                             {`principal.id == request.userid`, RuleCELInvalid, `principal.id == request.user_id`},
		"a field of the principal":            {`'admin' in principal.role`, RuleCELInvalid, `'admin' in principal.roles`},
		"a field, and then a pattern of it":   {`principal.id.matches(request.userid)`, RuleCELInvalid, ""},
		"a field, and then the same twice":    {`principal.id == principal.idd`, RuleCELInvalid, ""},
		"a field of another type":             {`principal.id == request.numbr`, RuleCELInvalid, ""},
		"a role":                              {`'admim' in principal.roles`, RuleCELNameUnknown, `'admin' in principal.roles`},
		"a role, of two that are not there":   {`'admim' in principal.roles || 'memper' in principal.roles`, RuleCELNameUnknown, `'admin' in principal.roles || 'memper' in principal.roles`},
		"a role beside a pattern":             {`'admim' in principal.roles && principal.id.matches(request.user_id)`, RuleCELNameUnknown, `'admin' in principal.roles && principal.id.matches(request.user_id)`},
		"a role that is like none":            {`'night_watch' in principal.roles`, RuleCELNameUnknown, ""},
		"a scope":                             {`'files.raed' in principal.scopes`, RuleCELNameUnknown, `'files.read' in principal.scopes`},
		"the only scheme":                     {`principal.scheme == 'sesion'`, RuleCELNameUnknown, ""},
		"the only scheme, beside another":     {`principal.scheme == 'sesion' && request.number == 1`, RuleCELNameUnknown, `principal.scheme == 'session' && request.number == 1`},
		"a list":                              {`request.free_ids.all(i, i == 'x')`, RuleCELEmptyList, `size(request.free_ids) > 0 && request.free_ids.all(i, i == 'x')`},
		"a list beside an or":                 {`request.number == 1 || request.free_ids.all(i, i == 'x')`, RuleCELEmptyList, `size(request.free_ids) > 0 && (request.number == 1 || request.free_ids.all(i, i == 'x'))`},
		"a list of the principal's":           {`principal.roles.all(r, r == 'member')`, RuleCELEmptyList, ""},
		"the zone":                            {`now.getHours(request.user_id) < 12 && 'member' in principal.roles`, RuleCELZoneChosen, `now.getHours('UTC') < 12 && 'member' in principal.roles`},
		"the zone, and then nothing is read":  {`now.getHours(request.user_id) < 12`, RuleCELZoneChosen, ""},
		"the zone, made of what is sent":      {`now.getHours('Europe/' + request.user_id) < 12 && 'member' in principal.roles`, RuleCELZoneChosen, ""},
		"nothing is read":                     {`now > timestamp('2030-01-01T00:00:00Z')`, RuleCELReadsNothing, `'admin' in principal.roles && (now > timestamp('2030-01-01T00:00:00Z'))`},
		"an empty list of the only condition": {`!request.free_ids.exists(i, i == 'x')`, RuleCELEmptyList, `size(request.free_ids) > 0 && !request.free_ids.exists(i, i == 'x')`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			read := func(grant string) []Refusal {
				text := `authenticate: {schemes: "session"} authorize: {` + grant + `}`
				schema := kinds["generated"](t, compile(t, file([]action{{"One", unary, text}}, func(int) []Rule { return nil }).in("proto3")))
				_, refusals := newReader(t, schema.files).File(schema.file(t, "test/v1/files.proto"), Given{})
				return refusals
			}
			before := read(`allow: {cel: "` + test.expression + `"}`)
			at := slices.IndexFunc(before, func(refusal Refusal) bool { return refusal.Rule == test.rule })
			if at < 0 {
				t.Fatalf("it is not refused by %s:\n%s", test.rule, texts(before))
			}
			authorize := &sallyportv1.Authorize{}
			written := prototext.Unmarshal([]byte(before[at].Fix), authorize) == nil && len(authorize.GetAllow()) == 1
			got := ""
			if written {
				got = authorize.GetAllow()[0].GetCel()
			}
			if got != test.want {
				t.Fatalf("the fix is\n%s\nwant the expression %q", before[at].Fix, test.want)
			}
			if !written {
				return
			}
			if after := read(before[at].Fix); len(after) >= len(before) {
				t.Errorf("with the fix\n%s\nbefore\n%s", texts(after), texts(before))
			}
		})
	}
}
