package declare

// The rules about the validation rules of requests.
const (
	RuleValidationUnbounded Rule = "validation-unbounded"
)

var validationRules = []Definition{
	{RuleValidationUnbounded, "A validation rule in CEL costs too much at worst, by CEL's own estimate for the largest message that its other rules allow. " +
		"Strangers' requests are validated before anyone is authenticated.",
		"Limit what the rule looks at, with `max_items`, `max_pairs` or `max_len`."},
}
