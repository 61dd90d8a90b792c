package prove

import (
	"strings"
	"testing"
)

// A rule that a field's value may get around is not assumed.
func TestRulesThatDoNotRun(t *testing.T) {
	t.Parallel()
	rules := map[string]string{
		"always":               ``,
		"not of the zero one":  `option (buf.validate.message).oneof = {fields: ["kind", "free", "size"]};`,
		"ignored where zero":   `,ignore`,
		"never":                `,never`,
		"an optional that has": `,optional`,
	}
	provers := map[string]func(t *testing.T) *Prover{
		"without solvers": func(*testing.T) *Prover { return NewProver(nil, false) },
		"with solvers":    func(t *testing.T) *Prover { t.Helper(); return NewProver(solvers(t), true) },
	}
	for name, how := range rules {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := contract + `allow: {cel: "request.owner == principal.id"}}}; }}`
			source = strings.Replace(source, `string free = 22;`, `string free = 22 [(buf.validate.field).string.min_len = 2];`, 1)
			source = strings.Replace(source, `int32 size = 6;`, `int32 size = 6 [(buf.validate.field).int32.gte = 2];`, 1)
			source = strings.Replace(source, `[(buf.validate.field).string = {in: ["small", "large"]}]`, `[(buf.validate.field).string = {in: ["small", "large"]}, (buf.validate.field).required = false]`, 1)
			want := Refuted
			switch how {
			case "":
				want = Proved
			case ",ignore", ",never":
				ignore := map[string]string{",ignore": "IGNORE_IF_ZERO_VALUE", ",never": "IGNORE_ALWAYS"}[how]
				for _, rule := range []string{"string.min_len = 2", "int32.gte = 2", `string = {in: ["small", "large"]}`} {
					source = strings.Replace(source, "[(buf.validate.field)."+rule, "[(buf.validate.field).ignore = "+ignore+", (buf.validate.field)."+rule, 1)
				}
			case ",optional":
				for _, field := range []string{"string free = 22", "int32 size = 6", "string kind = 3"} {
					source = strings.Replace(source, field, "optional "+field, 1)
				}
				want = Proved
			default:
				source = strings.Replace(source, "message Request {", "message Request { "+how, 1)
			}
			for _, never := range []string{"request.kind == ''", "size(request.free) == 0", "request.size + 1 < 2"} {
				for by, prover := range provers {
					t.Run(never+" "+by, func(t *testing.T) {
						if by == "without solvers" && never != "request.kind == ''" {
							return // it is not decided
						}
						answer, err := prover(t).Assert(t.Context(), declaredIn(t, source), asserted(t, `never: "`+never+`"`))
						if err != nil {
							t.Fatal(err)
						}
						if answer.Outcome != want {
							t.Errorf("it is %s, want %s: %v %v", answer.Outcome, want, answer.Witness, answer.Reason)
						}
					})
				}
			}
		})
	}
}
