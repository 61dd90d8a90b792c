package declare

// The rules about declarations that are given from outside the .proto.
const (
	RuleDeclarationUnknown Rule = "action-unknown"
	RuleDeclarationUnread  Rule = "action-unread"
	RuleGivenTwice         Rule = "action-given-twice"
	RuleUseUnknown         Rule = "use-unknown"
)

// The rules about the Go code that is generated.
const (
	RuleGoNameCollision Rule = "go-name-collision"
	RuleGoFileLeftOut   Rule = "go-file-left-out"
)

// The rules that only a registry applies, because they are about the program.
const (
	RuleSchemeUnconfigured Rule = "scheme-unconfigured"
	RuleSchemeFreshness    Rule = "scheme-freshness"
	RuleAuthenticatorNil   Rule = "authenticator-nil"
	RuleOptionNil          Rule = "option-nil"
	RuleOptionRange        Rule = "option-range"
	RuleRegistryNil        Rule = "registry-nil"
	RuleRegistrySealed     Rule = "registry-sealed"
	RuleServiceNil         Rule = "service-nil"
	RuleImplementationNil  Rule = "implementation-nil"
	RuleProcedureTwice     Rule = "procedure-twice"
	RuleMethodUnknown      Rule = "method-unknown"
	RuleMethodMissing      Rule = "method-missing"
	RuleMethodTwice        Rule = "method-twice"
	RuleMethodKind         Rule = "method-kind"
	RuleMethodType         Rule = "method-type"
	RuleCheckMissing       Rule = "check-missing"
	RuleCheckUnknown       Rule = "check-unknown"
	RuleCheckTwice         Rule = "check-twice"
	RuleCheckNil           Rule = "check-nil"
	RuleRelationEngine     Rule = "relation-engine-missing"
	RuleRelationUnknown    Rule = "relation-unknown"
	RuleRelationLister     Rule = "relation-lister"
	RuleLoaderMissing      Rule = "loader-missing"
	RuleLoaderUnknown      Rule = "loader-unknown"
	RuleLoaderTwice        Rule = "loader-twice"
	RuleLoaderNil          Rule = "loader-nil"
	RuleGeneratedStale     Rule = "generated-stale"
	RuleFingerprintMissing Rule = "fingerprint-missing"
	RuleDescriptorOther    Rule = "descriptor-other"
	RuleClaimsOther        Rule = "claims-other"
	RuleRoleOther          Rule = "role-other"
	RuleValidationInvalid  Rule = "validation-invalid"
)

var outsideRules = []Definition{
	{RuleDeclarationUnread, "The declarations cannot be read.",
		"Correct the file, or generate the code again: `buf generate`."},
	{RuleGivenTwice, "A file of declarations names a procedure twice.",
		"Keep one of the two entries."},
	{RuleUseUnknown, "`uses` names a proto package of which there is no file.",
		"Spell the package as its .proto does, and generate it in the same run: `strategy: all`."},
	{RuleDeclarationUnknown, "A procedure is declared that does not exist.",
		"Spell it \"/package.Service/Method\", or remove the entry."},
}

var goRules = []Definition{
	{RuleGoNameCollision, "The generated code of two services, RPCs or roles would have one name in Go.",
		"Rename one of them, or give one of two proto packages another `go_package`."},
	{RuleGoFileLeftOut, "Go leaves out the generated file, since its name begins with `_` or ends in an operating system or architecture, as `agent_windows.proto` does.",
		"Rename the .proto file."},
}

var programRules = []Definition{
	{RuleClaimsOther, "Two actions of a registry have claims of different types.",
		"Mark one message (sallyport.v1.claims) for all of them, or serve them from two registries."},
	{RuleRoleOther, "Two role catalogues of a registry define one role name: a principal has the role of both or of neither.",
		"Give one of the two another name, or use one catalogue in both packages."},
	{RuleSchemeUnconfigured, "The registry has no authenticator for a scheme that an action names.",
		"Give `action.NewRegistry` an authenticator for the scheme."},
	{RuleSchemeFreshness, "An action with a `max_age` names a scheme that does not report when a caller authenticated.",
		"Name schemes that report it, such as sessions, or remove `max_age`."},
	{RuleAuthenticatorNil, "A scheme has a nil authenticator.",
		"Give the scheme an authenticator, or leave the scheme out."},
	{RuleOptionNil, "An option is nil, or was given nil.",
		"Leave the option out to have its default."},
	{RuleOptionRange, "An option is out of its range.",
		"Give it a value within the range."},
	{RuleRegistryNil, "There is no registry, or one that `action.NewRegistry` did not make.",
		"Make the registry with `action.NewRegistry`."},
	{RuleRegistrySealed, "The registry serves already.",
		"Register every service before the registry is first served."},
	{RuleServiceNil, "The registration names no service.",
		"Register with the generated function."},
	{RuleImplementationNil, "The implementation is nil.",
		"Pass the value whose methods are the handlers."},
	{RuleProcedureTwice, "The procedure is registered already.",
		"Register each service once."},
	{RuleMethodUnknown, "There is Go code for an RPC that the service does not have.",
		"Generate the code again: `buf generate`."},
	{RuleMethodMissing, "There is no Go code for an RPC of the service.",
		"Generate the code again: `buf generate`."},
	{RuleMethodTwice, "There is Go code for an RPC twice.",
		"Register with the generated function."},
	{RuleMethodKind, "A handler is for anonymous callers on an action that authenticates them, or the other way round, has another streaming shape, or takes a call with a resource where the action has none, or without.",
		"Generate the code again: `buf generate`."},
	{RuleMethodType, "A handler's message types are not those of the RPC.",
		"Generate the code again: `buf generate`."},
	{RuleCheckMissing, "There is no Go code for a declared check.",
		"Generate the code again: `buf generate`."},
	{RuleCheckUnknown, "There is Go code for a check that the declaration does not name.",
		"Generate the code again: `buf generate`."},
	{RuleCheckTwice, "There is Go code for a check twice.",
		"Register with the generated function."},
	{RuleCheckNil, "The implementation of the checks is nil.",
		"Pass the value whose methods are the checks."},
	{RuleRelationEngine, "An action names a relation, and the registry has no relation engine.",
		"Give `action.NewRegistry` an engine, by `action.WithRelations`."},
	{RuleRelationUnknown, "The model of the registry's relation engine does not have a relation that an action names, on objects of the type.",
		"Name a relation of the model, or add the relation to it."},
	{RuleRelationLister, "The `each` of an action names a relation, and the registry's relation engine does not list.",
		"Give `action.WithRelations` an engine that is a `relation.Lister`."},
	{RuleLoaderMissing, "There is no Go code that loads the resource of an action.",
		"Generate the code again: `buf generate`."},
	{RuleLoaderUnknown, "There is Go code that loads what no action of the service names as its resource.",
		"Generate the code again: `buf generate`."},
	{RuleLoaderTwice, "There is Go code twice that loads one resource.",
		"Register with the generated function."},
	{RuleLoaderNil, "The implementation of the loaders is nil.",
		"Pass the value whose methods load the resources."},
	{RuleGeneratedStale, "The code was generated from another version of the .proto than the descriptor that is linked in.",
		"Generate the code again: `buf generate`."},
	{RuleFingerprintMissing, "The registration has no fingerprint, so that nothing says from which .proto its code was generated.",
		"Register with the generated function."},
	{RuleDescriptorOther, "The service, or a message of a handler, is described by another descriptor than the program's own of that name.",
		"Register with the generated function, and link each .proto once."},
	{RuleValidationInvalid, "A validation rule of the request message does not compile.",
		"Correct the `(buf.validate)` rule."},
}
