package declare

import (
	"os"
	"strings"
	"testing"
)

// guided has, for each rule of the guide, what the guide says is refused in its place.
var guided = []struct {
	right, trap string
	rule        Rule
}{
	{`principal.id == request.user_id`, `principal.id == request.folder`, RuleCELIdentity},
	{`'member' in principal.roles && !('suspended' in principal.roles)`, `!('suspendet' in principal.roles)`, RuleCELNameUnknown},
	{`request.folder != '' && request.folder == request.parent`, `request.folder == request.parent`, RuleCELBothEmpty},
	{`size(request.ids) > 0 && request.ids.all(id, id in ['a', 'b'])`, `request.ids.all(id, id in ['a', 'b'])`, RuleCELEmptyList},
	{`!has(request.owner) || request.owner.id != 'root'`, `request.owner == null`, RuleCELNull},
	{`!has(request.owner) || request.owner.id != 'root'`, `principal.id.matches(request.folder)`, RuleCELPattern},
	{`!has(request.owner) || request.owner.id != 'root'`, `principal == principal`, RuleCELMessage},
	{`!has(request.owner) || request.owner.id != 'root'`, `principal.id != ''`, RuleCELAlwaysTrue},
}

// The rules that the guide tells users to write are accepted, and the traps beside them
// are refused.
func TestGuide(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/testdata/rules/rules.proto")
	if err != nil {
		t.Fatal(err)
	}
	read := func(text string) []Refusal {
		schema := compile(t, sources{"rules.proto": text})
		_, refusals := newReader(t, schema.files).File(schema.file(t, "rules.proto"), Given{})
		return refusals
	}
	if refusals := read(string(text)); len(refusals) > 0 {
		t.Errorf("refused:\n%s", texts(refusals))
	}
	for _, test := range guided {
		changed := strings.Replace(string(text), `"`+test.right+`"`, `"`+test.trap+`"`, 1)
		refusals := read(changed)
		if len(refusals) == 0 || refusals[0].Rule != test.rule || changed == string(text) {
			t.Errorf("%s: want %s:\n%s", test.trap, test.rule, texts(refusals))
		}
	}
}
