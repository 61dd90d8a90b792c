package declare

// The rules about the option as a whole and about its steps. Those that protovalidate
// applies stand in sallyport/v1/action.proto under the same ids.
const (
	RuleMissing       Rule = "action-missing"
	RuleDeclaredTwice Rule = "action-twice"
	RuleEmpty         Rule = "action-empty"
	RuleUnresolved    Rule = "action-unresolved"
	RuleUnknownField  Rule = "action-unknown-field"
	RuleUnknownValue  Rule = "action-unknown-value"

	RuleExtensionUnvalidated Rule = "extension-unvalidated"

	RuleAuthenticateMissing Rule = "authenticate-missing"
	RuleAuthenticateChoice  Rule = "authenticate-choice"
	RuleSchemeName          Rule = "scheme-name"
	RuleSchemeDuplicate     Rule = "scheme-duplicate"
	RuleAnonymousReason     Rule = "anonymous-reason"
	RuleMaxAgeAnonymous     Rule = "max-age-anonymous"
	RuleMaxAgeRange         Rule = "max-age-range"

	RuleAuthorizeMissing Rule = "authorize-missing"
	RuleAuthorizeChoice  Rule = "authorize-choice"
	RuleAnyoneReason     Rule = "anyone-reason"
	RuleConcealAnyone    Rule = "conceal-anyone"
	RuleAnonymousGrant   Rule = "anonymous-grant"

	RuleCredentialScopesAnonymous Rule = "credential-scopes-anonymous" //nolint:gosec // the id of a rule
	RuleShadowEmpty               Rule = "shadow-empty"
	RuleShadowAnonymous           Rule = "shadow-anonymous"

	RuleResourceType      Rule = "resource-type"
	RuleResourceKey       Rule = "resource-key"
	RuleResourceRequest   Rule = "resource-request"
	RuleResourceAnonymous Rule = "resource-anonymous"
	RuleResourceOpen      Rule = "resource-open"
	RuleResourceUnread    Rule = "resource-unread"
	RuleResourceCollision Rule = "resource-collision"
	RuleAuthorityField    Rule = "authority-field-unguarded"

	RuleFieldUnresolved   Rule = "field-unresolved"
	RuleFieldEmpty        Rule = "field-empty"
	RuleFieldChoice       Rule = "field-choice"
	RuleFieldCheck        Rule = "field-check"
	RuleFieldAnyoneReason Rule = "field-anyone-reason"
	RuleFieldRequired     Rule = "field-required"
	RuleFieldExtension    Rule = "field-extension"
	RuleFieldGroup        Rule = "field-group"
	RuleFieldAnonymous    Rule = "field-anonymous"
	RuleFieldValueAlone   Rule = "field-value-alone"
	RuleFieldValueUnread  Rule = "field-value-unread"

	RuleWritesChoice    Rule = "writes-choice"
	RuleWritesUnused    Rule = "writes-unused"
	RuleWritesMask      Rule = "writes-mask"
	RuleWritesEmptyMask Rule = "writes-empty-mask"
	RuleWritesReplaces  Rule = "writes-replaces"
	RuleWritesPresence  Rule = "writes-presence"

	RuleEachChoice    Rule = "each-choice"
	RuleEachEmpty     Rule = "each-empty"
	RuleEachCheck     Rule = "each-check"
	RuleEachAnonymous Rule = "each-anonymous"
	RuleEachUnary     Rule = "each-unary"
	RuleEachField     Rule = "each-field"
	RuleEachTwice     Rule = "each-twice"
	RuleEachTotal     Rule = "each-total"

	RuleStreamMissing     Rule = "stream-missing"
	RuleStreamUnary       Rule = "stream-unary"
	RuleStreamAuthorize   Rule = "stream-authorize"
	RuleStreamOpenRequest Rule = "stream-open-request"
	RuleRecheckRange      Rule = "recheck-range"
	RuleRecheckAnonymous  Rule = "recheck-anonymous"

	RuleLimitPer                Rule = "limit-per"
	RuleLimitRequests           Rule = "limit-requests"
	RuleLimitWindow             Rule = "limit-window"
	RuleLimitBurst              Rule = "limit-burst"
	RuleLimitDuplicate          Rule = "limit-duplicate"
	RuleLimitCount              Rule = "limit-count"
	RuleLimitPrincipalAnonymous Rule = "limit-principal-anonymous"
)

var declarationRules = []Definition{
	{RuleMissing, "An RPC has no declaration.",
		"Write the `(sallyport.v1.action)` option at the RPC."},
	{RuleDeclaredTwice, "An RPC has a declaration in its .proto and another one from outside.",
		"Keep one of the two."},
	{RuleEmpty, "The declaration says nothing.",
		"Write `authenticate` and `authorize`."},
	{RuleUnresolved, "The option is there and cannot be read: the program that built the descriptor did not know the extension.",
		"Link `github.com/sallyport-rpc/sallyport/gen/sallyport/v1` into the program that builds the descriptor."},
	{RuleUnknownField, "The declaration, or a role, has a field that this version does not know.",
		"Compile against the `sallyport/v1/action.proto` of the version of `github.com/sallyport-rpc/sallyport` in go.mod."},
	{RuleUnknownValue, "The declaration has an enum number that this version does not know.",
		"Compile against the `sallyport/v1/action.proto` of the version of `github.com/sallyport-rpc/sallyport` in go.mod."},
	{RuleExtensionUnvalidated, "The request can hold an extension whose field has validation rules. They are not applied.",
		"Make the extension a field of the message, or remove its rules."},
}

var authenticateRules = []Definition{
	{RuleAuthenticateMissing, "Nothing says how the caller is authenticated.",
		"Name the schemes, or give a reason for `anonymous`."},
	{RuleAuthenticateChoice, "`authenticate` has neither `schemes` nor `anonymous`, or both.",
		"Keep exactly one of the two."},
	{RuleSchemeName, "A scheme's name is not a name: lower-case letters, digits, `-` and `_`, at most 64, a letter first.",
		"Write the name that the registry binds to an authenticator."},
	{RuleSchemeDuplicate, "A scheme is named twice.",
		"Name it once."},
	{RuleAnonymousReason, "`anonymous` has no reason, or one of more than 500 characters.",
		"Say in 1 to 500 characters why callers need not authenticate."},
	{RuleMaxAgeAnonymous, "`max_age` stands beside `anonymous`: these callers never authenticate.",
		"Remove `max_age`, or name schemes in place of `anonymous`."},
	{RuleMaxAgeRange, "`max_age` is not longer than nothing, or is longer than 366 days.",
		"Write a duration of at most 366 days."},
}

var authorizeRules = []Definition{
	{RuleAuthorizeMissing, "Nothing says who is let through.",
		"Write `allow`, or give a reason for `anyone`."},
	{RuleAuthorizeChoice, "`authorize` has neither `allow` nor `anyone`, or both.",
		"Keep exactly one of the two."},
	{RuleAnyoneReason, "`anyone` has no reason, or one of more than 500 characters.",
		"Say in 1 to 500 characters why every authenticated caller may call."},
	{RuleConcealAnyone, "`conceal` stands beside `anyone`, where there is no denial to conceal.",
		"Remove `conceal`."},
	{RuleAnonymousGrant, "An anonymous action has grants. There is no principal that they could be about.",
		"Name schemes in place of `anonymous`, or write `anyone` in place of the grants."},
	{RuleCredentialScopesAnonymous, "An anonymous action says what scoped credentials need. It looks at no credential.",
		"Remove `credential_scopes`."},
	{RuleShadowEmpty, "`shadow` has no grant.",
		"Write at least one `allow` in it."},
	{RuleShadowAnonymous, "An anonymous action has a `shadow`. There is no principal that its grants could be about.",
		"Remove `shadow`."},
}

var streamRules = []Definition{
	{RuleStreamMissing, "A streaming RPC does not say when it is authorized.",
		"Write `stream`."},
	{RuleStreamUnary, "A unary RPC has `stream`.",
		"Remove `stream`."},
	{RuleStreamAuthorize, "`stream` does not say `authorize`.",
		"Write `authorize: OPEN`, `FIRST_MESSAGE` or `EVERY_MESSAGE`."},
	{RuleStreamOpenRequest, "A grant reads the request on a stream that is authorized before there is one.",
		"Write `FIRST_MESSAGE` in place of `OPEN`."},
	{RuleRecheckRange, "`recheck` is shorter than a second or longer than 24 hours.",
		"Write a duration between the two."},
	{RuleRecheckAnonymous, "`recheck` on a stream of anonymous callers: there is no caller to look at again.",
		"Remove `recheck`."},
}

var resourceRules = []Definition{
	{RuleResourceType, "`type` of a resource is no message of the file or of what it imports, or is one of `google.protobuf`.",
		"Write the full name of the message, such as `acme.docs.v1.Document`, and import its file."},
	{RuleResourceKey, "`key` of a resource is no field of the request, leads through a list or a map, or is neither a string nor an integer.",
		"Write the field that finds the object, such as `request.document_id`."},
	{RuleResourceRequest, "The request carries the resource's message more than once, or carries it and `key` is no field of it.",
		"Carry the message once, and write its id as the key, such as `request.document.id`."},
	{RuleResourceAnonymous, "An anonymous action has a resource. There is no principal to load it for.",
		"Remove `resource`, or name schemes in place of `anonymous`."},
	{RuleResourceOpen, "A stream that is authorized before there is a request has a resource, whose key is read from the request.",
		"Write `FIRST_MESSAGE` or `EVERY_MESSAGE` in place of `OPEN`."},
	{RuleResourceUnread, "No grant reads the action's resource, so that it would be loaded for nothing.",
		"Read `resource` in a condition of a grant, or remove `resource`."},
	{RuleResourceCollision, "Two resources of a service would be loaded by one method in Go, and are of different types or have keys of different types.",
		"Give one of the messages another name, or the keys one type."},
	{RuleAuthorityField, "The request of an action carries the message of its resource, and a rule on that message reads a field of it. " +
		"Nothing says who may write the field: a caller could write what the next call is decided by.",
		"Say who may write the field with `(sallyport.v1.field) = {write: …}`, or take the fields that callers may change, beside the key, in place of the whole message."},
}

var fieldRuleDefinitions = []Definition{
	{RuleFieldUnresolved, "A field carries `(sallyport.v1.field)`, and it cannot be read: the build has no descriptor of `sallyport/v1/action.proto`, or another one.",
		"Import `sallyport/v1/action.proto` from this version of Sallyport."},
	{RuleFieldEmpty, "`(sallyport.v1.field)` says neither who may read or write the field nor whose fields it names.",
		"Write `read`, `write` or `names`, or remove the option."},
	{RuleFieldChoice, "`read` or `write` of a field has neither a grant nor `anyone`, or both.",
		"Write at least one `allow`, or `anyone` with a reason."},
	{RuleFieldCheck, "A grant of a field has a `check` or a `relation`. These are asked about a call, once, and not about each message that is answered.",
		"Write `any_role`, `all_scopes`, `when` or `cel`."},
	{RuleFieldAnyoneReason, "`anyone` of a field has no reason, or one of more than 500 characters.",
		"Write why everyone may read the field, or write it."},
	{RuleFieldRequired, "A required field says who may read or write it. Without it the message cannot be sent.",
		"Make the field optional."},
	{RuleFieldExtension, "An extension says who may read or write it, or whose fields it names.",
		"Make it a field of the message, and move the rule there."},
	{RuleFieldGroup, "The answer of an action has a guarded field in a group.",
		"Make the group a message and a field of its type."},
	{RuleFieldAnonymous, "The answer of an anonymous action has a field that only some may read.",
		"Answer with a message without the field, or open the field with `read: {anyone: …}`, or name schemes in place of `anonymous`."},
	{RuleFieldValueAlone, "A grant of `write` reads `value` and requires neither a role nor anything of `resource`: every caller could find a value that it takes.",
		"Require a role as well, or read `resource`, such as `resource.owner_id == principal.id`."},
	{RuleFieldValueUnread, "Rules of the message read a field, and a grant of its `write` has a condition that does not read `value`: a caller who satisfies it once may write what the next decision is made by.",
		"Say what the field may become, such as `value in principal.claims.org_ids`, or accept it with a reason."},
}

var writesRules = []Definition{
	{RuleWritesChoice, "`writes` has neither `empty_mask` nor `replaces`, or both.",
		"Write `empty_mask` where the request has a mask, and `replaces: true` where it takes the place of what is stored."},
	{RuleWritesUnused, "An action has `writes`, and its request has no field that says who may write it.",
		"Remove `writes`."},
	{RuleWritesMask, "`mask` is no `google.protobuf.FieldMask` of the request, or more than one field of the request may be the mask, or nothing says which message the mask is about.",
		"Name the mask that stands beside the one message with guarded fields, such as `mask: \"update_mask\"`."},
	{RuleWritesEmptyMask, "The request has a mask beside a message with guarded fields, and nothing says what an empty mask names; or it says that, and has no mask.",
		"Write `writes: {empty_mask: NOTHING}`, or `ALL` where the action reads an empty mask that way."},
	{RuleWritesReplaces, "`replaces` is true, and the request has a mask that says what it writes.",
		"Write `empty_mask` in place of `replaces`."},
	{RuleWritesPresence, "The request has a field that says who may write it, without presence and without a mask: a call that does not set it and one that empties it are the same.",
		"Make the field `optional`, or add a `google.protobuf.FieldMask` beside its message, or write `replaces: true` where the request takes the place of what is stored."},
}

var eachRules = []Definition{
	{RuleEachChoice, "`each` names neither `items` nor `item`, or both.",
		"Name the repeated field of the response as `items` or, on a stream, the field of one element as `item`."},
	{RuleEachEmpty, "`each` has no grant, so that no element could be seen.",
		"Write at least one `allow`."},
	{RuleEachCheck, "A grant of `each` has a `check`. It is asked about a call, once, and not about each element.",
		"Write `any_role`, `all_scopes`, `when`, `cel` or `relation`."},
	{RuleEachAnonymous, "An anonymous action has `each`. The rule says what a principal may see, and there is none.",
		"Remove `each`, or name schemes in place of `anonymous`."},
	{RuleEachUnary, "`item` stands at an RPC that answers once.",
		"Name a repeated field of the response as `items`."},
	{RuleEachField, "`items` is no repeated field of messages of the response, or `item` no single message of it; or the field is a map, is of `google.protobuf`, or lies within what is repeated.",
		"Write the field of the response that has the elements, such as `documents`."},
	{RuleEachTwice, "Two `each` of an action are about one field.",
		"Put the grants into one of them."},
	{RuleEachTotal, "`total` is no integer field of the response, or stands beside `item`.",
		"Write the field that counts the elements, such as `total_size`, or remove `total`."},
}

var limitRules = []Definition{
	{RuleLimitPer, "A limit does not say what it counts.",
		"Write `per: PRINCIPAL`, `ADDRESS` or `ACTION`."},
	{RuleLimitRequests, "`requests` of a limit is missing, 0, or more than 1,000,000.",
		"Write how many calls a window has room for."},
	{RuleLimitWindow, "`window` of a limit is missing, shorter than a second or longer than 24 hours.",
		"Write a duration between the two."},
	{RuleLimitBurst, "`burst` of a limit is missing, 0, more than 1,000,000, or more than 100 times `requests`.",
		"Write how many calls may come at once."},
	{RuleLimitDuplicate, "Two limits count the same in windows of the same length.",
		"Keep the stricter one."},
	{RuleLimitCount, "An action has more than 8 limits.",
		"Keep those that matter."},
	{RuleLimitPrincipalAnonymous, "A limit of each principal on an anonymous action, which has no principals.",
		"Write `per: ADDRESS`."},
}
