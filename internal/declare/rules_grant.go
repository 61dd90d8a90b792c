package declare

// The rules about grants and the roles that they name.
const (
	RuleGrantEmpty       Rule = "grant-empty"
	RuleRoleName         Rule = "role-name"
	RuleRoleDuplicate    Rule = "role-duplicate"
	RuleRoleUnknown      Rule = "role-unknown"
	RuleRoleAmbiguous    Rule = "role-ambiguous"
	RuleScopeName        Rule = "scope-name"
	RuleScopeUnknown     Rule = "scope-unknown"
	RuleScopeDuplicate   Rule = "scope-duplicate"
	RuleCELLength        Rule = "cel-length"
	RuleCELInvalid       Rule = "cel-invalid"
	RuleCELAlwaysTrue    Rule = "cel-always-true"
	RuleCELAlwaysFalse   Rule = "cel-always-false"
	RuleCELReadsNothing  Rule = "cel-reads-nothing"
	RuleCELIdentity      Rule = "cel-identity-empty"
	RuleCELMessage       Rule = "cel-message"
	RuleCELNull          Rule = "cel-null"
	RuleCELDyn           Rule = "cel-dyn"
	RuleCELAny           Rule = "cel-any"
	RuleCELPattern       Rule = "cel-pattern"
	RuleCELPart          Rule = "cel-part"
	RuleCELEmptyList     Rule = "cel-empty-list"
	RuleCELBothEmpty     Rule = "cel-both-empty"
	RuleCELUnset         Rule = "cel-unset-resource"
	RuleCELNameUnknown   Rule = "cel-name-unknown"
	RuleCELTimeZone      Rule = "cel-time-zone"
	RuleCELZoneChosen    Rule = "cel-time-zone-chosen"
	RuleAcceptRule       Rule = "accept-rule"
	RuleAcceptReason     Rule = "accept-reason"
	RuleAcceptUnused     Rule = "accept-unused"
	RuleGrantName        Rule = "grant-name"
	RuleGrantNameTwice   Rule = "grant-name-twice"
	RuleWhenName         Rule = "when-name"
	RuleWhenUnknown      Rule = "when-unknown"
	RuleWhenAmbiguous    Rule = "when-ambiguous"
	RuleWhenInvalid      Rule = "when-invalid"
	RuleCheckName        Rule = "check-name"
	RuleCheckCollision   Rule = "check-collision"
	RuleRelationName     Rule = "relation-name"
	RuleRelationID       Rule = "relation-id"
	RuleGrantRedundant   Rule = "grant-redundant"
	RuleGrantUnreachable Rule = "grant-unreachable"

	RuleUseUnresolved         Rule = "use-unresolved"
	RuleClaimsTwice           Rule = "claims-twice"
	RuleClaimsUnresolved      Rule = "claims-unresolved"
	RuleCatalogueTwice        Rule = "catalogue-twice"
	RuleCatalogueUnresolved   Rule = "catalogue-unresolved"
	RuleRoleUnnamed           Rule = "role-unnamed"
	RuleRoleZero              Rule = "role-zero"
	RuleRoleOutside           Rule = "role-outside-catalogue"
	RuleRoleRedefined         Rule = "role-redefined"
	RuleRoleIncludesDuplicate Rule = "role-includes-duplicate"
	RuleRoleCycle             Rule = "role-cycle"
	RuleScopeCatalogueTwice   Rule = "scope-catalogue-twice"
	RuleScopeUnnamed          Rule = "scope-unnamed"
	RuleScopeZero             Rule = "scope-zero"
	RuleScopeOutside          Rule = "scope-outside-catalogue"
	RuleScopeRedefined        Rule = "scope-redefined"

	RuleConditionName       Rule = "condition-name"
	RuleConditionLength     Rule = "condition-length"
	RuleConditionTwice      Rule = "condition-twice"
	RuleConditionUnresolved Rule = "condition-unresolved"
)

var grantRules = []Definition{
	{RuleGrantEmpty, "A grant has no condition.",
		"Write a condition, or remove the grant."},
	{RuleRoleName, "A role's name is not a name: lower-case letters, digits, `.`, `-` and `_`, at most 64, a letter first.",
		"Write the name that the catalogue gives the role."},
	{RuleRoleDuplicate, "A grant names a role twice.",
		"Name it once."},
	{RuleRoleUnknown, "No role catalogue that the declaration sees has the role. It sees those of its proto package within its Go package, and those of the packages that this uses; an import alone is no use.",
		"Name a role of the catalogue, or add the role to it."},
	{RuleRoleAmbiguous, "Two packages that are used have the role.",
		"Define the role in a catalogue of this package."},
	{RuleScopeName, "A scope is not 1 to 255 printable ASCII characters other than space, `\"` and `\\` (RFC 6749, section 3.3).",
		"Write the scope as the issuer does."},
	{RuleScopeUnknown, "No scope catalogue that the declaration sees has the scope: of its package, or of those that this uses. Without one it names no scope.",
		"Name a scope of the catalogue, or add the scope to it."},
	{RuleScopeDuplicate, "A grant names a scope twice.",
		"Name it once."},
	{RuleWhenName, "`when` is not lower_snake_case of at most 64 characters.",
		"Write the name of a condition that a file option `(sallyport.v1.condition)` defines."},
	{RuleWhenUnknown, "No file that the declaration sees defines the condition that `when` names. It sees those of its proto package within its Go package, and those of the packages that this uses.",
		"Name a condition that is defined, or define it."},
	{RuleWhenAmbiguous, "Two packages that are used define the condition that `when` names.",
		"Define the condition in this package."},
	{RuleWhenInvalid, "The condition that `when` names does not parse, is not boolean, does not type-check against this RPC's request, or has a part that reads nothing and has no value.",
		"Correct the expression where the caret points, or use another condition here."},
	{RuleCELLength, "`cel` is empty, or has more than 4096 characters.",
		"Write an expression, or move a long condition into a `check`."},
	{RuleCELInvalid, "`cel` does not parse, does not type-check or is not boolean, or a part of it that reads nothing has no value: `int('x')`, `1 / 0`, `[][0]`.",
		"Correct the expression where the caret points."},
	{RuleCELAlwaysTrue, "An expression is true of every caller.",
		"Say `anyone` with a reason, or write a condition that not every caller meets."},
	{RuleCELAlwaysFalse, "An expression is true of no caller.",
		"Remove the grant, or write a condition that some caller meets."},
	{RuleCELReadsNothing, "An expression reads neither `principal` nor `request`.",
		"Add a condition on `principal` or `request`."},
	{RuleCELIdentity, "An expression compares the principal's id with a value that may be empty. It can be accepted with a reason.",
		"Give the request's field a validation rule that keeps it from being empty, or require `has()` of it in the expression."},
	{RuleCELMessage, "An expression compares whole messages. A part of a message that is not set is absent, and a comparison of the whole would not say so.",
		"Compare the fields that the condition is about."},
	{RuleCELNull, "An expression compares a value with null. What is not set is absent, and not null.",
		"Ask `has()` whether the value is there."},
	{RuleCELDyn, "An expression uses `dyn()`, or mixes types in a list, a map or a ternary, so that nothing says which of its parts may be absent.",
		"Write values of one type."},
	{RuleCELAny, "An expression reads a `google.protobuf.Any`, whose content may be a message of any type.",
		"Read a field of a message type, or decide in a `check`."},
	{RuleCELPattern, "The pattern of `matches()` comes from the call or from the resource: a caller who sends or is called `.*`, or has stored it, matches every text.",
		"Write the pattern in the expression, or compare with `==`."},
	{RuleCELPart, "The caller, or the resource, has the prefix, suffix or part that a text must have, or the text that must have a part of the principal's. One letter is part of nearly every text. It can be accepted with a reason.",
		"Compare with `==` or `in`."},
	{RuleCELEmptyList, "`all()`, `!exists()` or an empty `filter()` holds of a list without elements, and the list may be without. It can be accepted with a reason.",
		"Give the list a `min_items` rule, or require `size() > 0` in the expression."},
	{RuleCELBothEmpty, "Two values are compared, or one is a key of the other, that may both be empty, and then are equal. It can be accepted with a reason.",
		"Give a field of the request, or the claim, a validation rule that keeps it from being empty (of a list: `repeated.items.string.min_len = 1`), or require `!= ''` in the expression."},
	{RuleCELUnset, "An expression is true of a resource, or of a message that holds a field, of which nothing is set: a field that is missing, or that another version of the schema has, would let callers in. It can be accepted with a reason.",
		"Say what must be so, and not what must not: `resource.state in [acme.v1.State.STATE_DRAFT]` in place of `resource.state != acme.v1.State.STATE_ARCHIVED`. A claim that may be empty is equal to what is not set: keep it from being empty by a validation rule."},
	{RuleCELNameUnknown, "An expression names a role, scope or scheme that there is not.",
		"Name one that there is."},
	{RuleCELTimeZone, "An expression names a time zone that the machine does not know.",
		"Write a name of the IANA time zone database, such as `Europe/Oslo`, or an offset, such as `+02:00`."},
	{RuleCELZoneChosen, "The caller sends the time zone in which an expression reads a part of a time, and so chooses the hour or the day.",
		"Write the time zone in the expression, or read it from `principal.claims`."},
	{RuleAcceptRule, "A grant accepts a rule that cannot be accepted.",
		"Remove the acceptance. Only `cel-identity-empty`, `cel-both-empty`, `cel-empty-list`, `cel-unset-resource` and `cel-part` can be accepted."},
	{RuleAcceptReason, "`accept` has no reason, or one of more than 500 characters.",
		"Say in 1 to 500 characters why what the rule refuses is right here."},
	{RuleAcceptUnused, "A grant accepts a rule that its expression does not break.",
		"Remove the acceptance."},
	{RuleGrantName, "A grant's name is not lower_snake_case of at most 64 characters, or is `anyone`.",
		"Write the name in lower_snake_case."},
	{RuleGrantNameTwice, "Two grants of an action have the same name.",
		"Give one of them another name."},
	{RuleCheckName, "A check's name is not lower_snake_case of at most 64 characters.",
		"Write the name in lower_snake_case."},
	{RuleCheckCollision, "Two checks of a service have the same name in Go.",
		"Give one of them another name."},
	{RuleRelationName, "A relation, or the type of its object, is not a name: letters, digits, `_` and `-`, at most 50, a letter first.",
		"Write the names that the model of the relation engine has."},
	{RuleRelationID, "The `id` of a relation is no string of the request, nor of the resource that the action declares or, in `each`, none of the element.",
		"Name the field that holds the id of the object, such as `request.document_id` or, in `each`, `item.id`."},
	{RuleGrantRedundant, "A grant adds nothing: every caller that satisfies it satisfies another grant as well.",
		"Remove the grant."},
	{RuleGrantUnreachable, "All roles that would satisfy a grant are deprecated.",
		"Name a role that is still in use, or remove the grant."},
}

var conditionRules = []Definition{
	{RuleConditionName, "A condition's name is not lower_snake_case of at most 64 characters.",
		"Write the name in lower_snake_case."},
	{RuleConditionLength, "The expression of a condition is empty, or has more than 4096 characters.",
		"Write an expression, or move a long condition into a `check`."},
	{RuleConditionTwice, "A proto package defines a condition twice.",
		"Keep one of the two."},
	{RuleConditionUnresolved, "A file option `(sallyport.v1.condition)` is there and cannot be read: the program that built the descriptor did not know the extension, or it has fields that this build does not know.",
		"Link `github.com/sallyport-rpc/sallyport/gen/sallyport/v1`, of the version whose `action.proto` the schema uses, into the program that builds the descriptor."},
}

var catalogueRules = []Definition{
	{RuleUseUnresolved, "A file option of type `sallyport.v1.Use` says something that this version does not know.",
		"Write it as `{}`."},
	{RuleClaimsTwice, "Two messages are marked as claims where a declaration sees both.",
		"Mark one message, and put the fields of both into it."},
	{RuleClaimsUnresolved, "A message option `(sallyport.v1.claims)` is there and cannot be read: the program that built the descriptor did not know the extension.",
		"Link `github.com/sallyport-rpc/sallyport/gen/sallyport/v1` into the program that builds the descriptor."},
	{RuleCatalogueTwice, "A proto package has two role catalogues.",
		"Move all roles into one enum."},
	{RuleCatalogueUnresolved, "An option of a catalogue is there and cannot be read: the program that built the descriptor did not know the extension.",
		"Link `github.com/sallyport-rpc/sallyport/gen/sallyport/v1` into the program that builds the descriptor."},
	{RuleRoleUnnamed, "A value of the catalogue names no role.",
		"Give the value a `(sallyport.v1.role)`."},
	{RuleRoleZero, "The zero value of the catalogue is a role, so that a principal without a chosen role would have it.",
		"Give the role another number, and keep zero for `…_UNSPECIFIED`."},
	{RuleRoleOutside, "A value has a role, and its enum is no catalogue.",
		"Move the role into the catalogue, or make the enum the catalogue."},
	{RuleRoleRedefined, "A catalogue defines a role twice.",
		"Give one of the two another name."},
	{RuleRoleIncludesDuplicate, "A role includes another role twice.",
		"Include it once."},
	{RuleRoleCycle, "A role includes itself, directly or through others.",
		"Remove one of the includes."},
	{RuleScopeCatalogueTwice, "A proto package has two scope catalogues.",
		"Move all scopes into one enum."},
	{RuleScopeUnnamed, "A value of the scope catalogue names no scope.",
		"Give the value a `(sallyport.v1.scope)`."},
	{RuleScopeZero, "The zero value of the scope catalogue is a scope, so that a credential without a chosen scope would have it.",
		"Give the scope another number, and keep zero for `…_UNSPECIFIED`."},
	{RuleScopeOutside, "A value has a scope, and its enum is no scope catalogue.",
		"Move the scope into the catalogue, or make the enum the catalogue."},
	{RuleScopeRedefined, "A catalogue defines a scope twice.",
		"Give one of the two another name."},
}
