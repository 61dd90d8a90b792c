package declare

import "slices"

// A Rule is the id of a reason to refuse. Ids are stable: people write them into
// notes and scripts.
type Rule string

// A Definition is a rule's row in the table of rules.
type Definition struct {
	// ID is the rule.
	ID Rule
	// Refuses says what the rule refuses, in one sentence. It is Markdown.
	Refuses string
	// Fix says what to do in general. A [Refusal] has a fix for its own input where
	// the reader can make one. It is Markdown.
	Fix string
}

// A Section is a group of rules that are about one thing and that the same walls
// apply.
type Section struct {
	// Title names what the rules are about.
	Title string
	// Walls says where they are applied.
	Walls Walls
	// Rules are in the order in which a reader of the option messages meets them.
	Rules []Definition
}

// Walls says which of the walls apply a rule.
type Walls int

const (
	// OfSchema is code generation, lint and registration. The schema alone decides.
	OfSchema Walls = iota + 1
	// OfGo is code generation and lint. The names and files of the Go code decide.
	OfGo
	// OfOutside is code generation, lint and registration, where declarations are
	// given from outside the .proto.
	OfOutside
	// OfProgram is registration. The program decides.
	OfProgram
)

// String lists the walls.
func (w Walls) String() string {
	switch w {
	case OfSchema:
		return "code generation, lint and registration"
	case OfGo:
		return "code generation and lint"
	case OfOutside:
		return "code generation, `sallyport lint` and registration, where declarations are given from outside"
	case OfProgram:
		return "registration"
	default:
		return "none"
	}
}

// Sections returns the table of rules. There is no other list of them:
// docs/refusals.md is made from it, lint takes its rules from it, and a refusal
// without a fix of its own prints the one that stands here.
func Sections() []Section {
	return []Section{
		{"The declaration", OfSchema, slices.Clone(declarationRules)},
		{"How the caller is authenticated", OfSchema, slices.Clone(authenticateRules)},
		{"Who is let through", OfSchema, slices.Clone(authorizeRules)},
		{"What the action is about", OfSchema, slices.Clone(resourceRules)},
		{"Which elements of an answer may be seen", OfSchema, slices.Clone(eachRules)},
		{"Who may read and write a field", OfSchema, slices.Clone(fieldRuleDefinitions)},
		{"How an action writes fields", OfSchema, slices.Clone(writesRules)},
		{"What requests name", OfSchema, slices.Clone(namesRules)},
		{"Streams", OfSchema, slices.Clone(streamRules)},
		{"Limits", OfSchema, slices.Clone(limitRules)},
		{"Grants", OfSchema, slices.Clone(grantRules)},
		{"Catalogues of roles and scopes", OfSchema, slices.Clone(catalogueRules)},
		{"Named conditions", OfSchema, slices.Clone(conditionRules)},
		{"Validation of requests", OfSchema, slices.Clone(validationRules)},
		{"Declarations from outside the .proto", OfOutside, slices.Clone(outsideRules)},
		{"Go code", OfGo, slices.Clone(goRules)},
		{"Registration", OfProgram, slices.Clone(programRules)},
	}
}

// Define returns the rule's row in the table, and a zero Definition for an id that is
// no rule.
func (r Rule) Define() Definition {
	for _, section := range Sections() {
		for _, definition := range section.Rules {
			if definition.ID == r {
				return definition
			}
		}
	}
	return Definition{}
}
