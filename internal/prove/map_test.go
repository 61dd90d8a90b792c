package prove

import "testing"

// What a map holds for a key is decided: it is the same for the same key, and absent where
// there is none.
func TestMaps(t *testing.T) {
	t.Parallel()
	const open = "prove.v1.State.STATE_OPEN"
	for name, test := range map[string]struct {
		old, updated string
		want         Verdict
	}{
		"the same":                     {`principal.claims.by_org[request.org_id].state == ` + open, `!(principal.claims.by_org[request.org_id].state != ` + open + `)`, Same},
		"member or manager":            {`principal.claims.by_org[request.org_id].state == ` + open, `request.org_id in principal.claims.by_org`, Looser},
		"in, and in by the value":      {`request.org_id in principal.claims.labels`, `principal.claims.labels[request.org_id] == 'x' || principal.claims.labels[request.org_id] != 'x'`, Same},
		"of another key":               {`principal.claims.labels[request.org_id] == 'x'`, `principal.claims.labels[request.free] == 'x'`, Different},
		"of another key, that is it":   {`principal.claims.labels[request.org_id] == 'x' && request.org_id == request.free`, `principal.claims.labels[request.free] == 'x' && request.org_id == request.free`, Same},
		"of a constant":                {`principal.claims.labels['a'] == 'x' && request.free == 'a'`, `principal.claims.labels[request.free] == 'x' && request.free == 'a'`, Same},
		"of a constant, of any":        {`principal.claims.labels['a'] == 'x'`, `principal.claims.labels[request.free] == 'x'`, Different},
		"what one key has, twice":      {`principal.claims.labels['a'] == 'x' && principal.claims.labels[request.free] == 'y' && request.free == 'a'`, `request.free == 'a' && request.free == 'b'`, Same},
		"absent is not let in":         {`principal.claims.by_org[request.org_id].state == ` + open, `principal.claims.by_org[request.org_id].state != prove.v1.State.STATE_CLOSED && request.org_id in principal.claims.by_org`, Looser},
		"a negation keeps absent":      {`principal.claims.labels[request.org_id] != 'x'`, `!(principal.claims.labels[request.org_id] == 'x')`, Same},
		"not in":                       {`!(request.org_id in principal.claims.labels)`, `!(principal.claims.labels[request.org_id] == 'x')`, Different},
		"a key that may be unset":      {`request.nick in principal.claims.labels || !(request.nick in principal.claims.labels)`, `has(request.nick)`, Same},
		"a key in what may be unset":   {`request.inner.id in principal.claims.labels || !(request.inner.id in principal.claims.labels)`, `has(request.inner)`, Same},
		"a field that may be unset":    {`has(principal.claims.by_org[request.org_id].title) || !has(principal.claims.by_org[request.org_id].title)`, `request.org_id in principal.claims.by_org`, Same},
		"the values of two keys":       {`principal.claims.labels[request.org_id] == principal.claims.labels[request.free]`, `principal.claims.labels[request.org_id] == principal.claims.labels[request.free] && request.free in principal.claims.labels`, Same},
		"the values of one key":        {`request.org_id == request.free && request.free in principal.claims.labels`, `request.org_id == request.free && principal.claims.labels[request.org_id] == principal.claims.labels[request.free]`, Same},
		"a map that holds bools":       {`principal.claims.flags[request.org_id]`, `principal.claims.flags[request.org_id] == true`, Same},
		"in a loop, by another's key":  {`request.tags.exists(e, e == principal.claims.labels[request.org_id])`, `principal.claims.labels[request.org_id] in request.tags`, Same},
		"a value that is looked into":  {`principal.claims.labels[request.org_id].startsWith('x')`, `principal.claims.labels[request.org_id] == 'xy'`, Tighter},
		"a value in two ways":          {`principal.claims.labels[request.org_id] == 'x'`, `principal.claims.labels[request.free] in ['x', 'y'] && request.free == request.org_id`, Different},
		"a map of the request":         {`request.extra[principal.id] == 'x'`, `principal.id in request.extra`, Looser},
		"what a message holds further": {`principal.claims.by_org[request.org_id].org_id == request.org_id`, `principal.claims.by_org[request.org_id].org_id == request.org_id && has(principal.claims.by_org[request.org_id].title)`, Tighter},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newContracts(t, 1)
			got, err := newProver().compare(t.Context(), c.declaration(t, []string{"cel " + test.old}), c.declaration(t, []string{"cel " + test.updated}))
			if err != nil {
				t.Fatal(err)
			}
			if got.Verdict != test.want || got.Reason != nil {
				t.Errorf("it is %s, want %s: %v, %v, %v", got.Verdict, test.want, got.Reason, got.Looser, got.Tighter)
			}
		})
	}
}
