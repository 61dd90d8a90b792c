package prove

import "testing"

// What is never decided has a rule of its own, with solvers or without.
func TestNeverDecided(t *testing.T) {
	t.Parallel()
	for condition, want := range map[string]string{
		"request.size * request.by_number == 4": RuleProduct,
		"request.size * 2 == 4":                 RuleArithmetic,
		"request.free.matches(principal.claims.org_id) && request.free == 'x' && principal.claims.org_id == 'y'": RulePattern,
		"request.free.matches('(?m)^x')": RuleText,
		"request.free.contains(principal.claims.org_id) && request.free == 'x' && principal.claims.org_id == 'y'": RuleText,
		"now.getHours('Europe/Berlin') < 9":                            RuleTimeZone,
		"now.getDayOfWeek() == 0":                                      RuleTimeZone,
		"principal.claims.labels.exists(l, l == 'x')":                  RuleMap,
		"principal.claims.numbered[request.total] == 'x'":              RuleMap,
		"size(principal.claims.labels) == 1":                           RuleSize,
		"request.tags.exists(t, t in principal.claims.labels)":         RuleMap,
		"principal.claims.labels[principal.claims.labels['x']] == 'x'": RuleMap,
		"principal.claims.labels[request.size > 1 ? 'x' : 'y'] == 'x'": RuleMap,
		"size(principal.roles) > 1":                                    RuleSize,
		"request.tags.exists(t, request.tags.all(o, o == t))":          RuleNested,
	} {
		t.Run(condition, func(t *testing.T) {
			t.Parallel()
			declaration := newContracts(t, 1).declaration(t, []string{"cel " + condition})
			_, reason, err := newProver().looser(t.Context(), declaration, without(declaration))
			if err != nil {
				t.Fatal(err)
			}
			if reason == nil || reason.Rule != want {
				t.Errorf("it is %v, want %s", reason, want)
			}
		})
	}
}
