package declare

// A Rule is the id of a reason to refuse. Ids are stable: people write them into
// notes and scripts.
type Rule string

// The rules about the option as a whole.
const (
	// RuleMissing: the RPC has no declaration.
	RuleMissing Rule = "action-missing"
	// RuleDeclaredTwice: the RPC has a declaration in its .proto and another one from
	// outside.
	RuleDeclaredTwice Rule = "action-twice"
	// RuleGivenTwice: a file of declarations names a procedure twice.
	RuleGivenTwice Rule = "action-given-twice"
	// RuleDeclarationUnknown: a declaration from outside for a procedure that does not
	// exist.
	RuleDeclarationUnknown Rule = "action-unknown"
	// RuleDeclarationUnread: a declaration from outside that cannot be read.
	RuleDeclarationUnread Rule = "action-unread"
	// RuleEmpty: the declaration says nothing.
	RuleEmpty Rule = "action-empty"
	// RuleUnresolved: the option is there, but this build cannot read it: the
	// extension was not linked in when the descriptor was built, or has another
	// type.
	RuleUnresolved Rule = "action-unresolved"
	// RuleUnknownField: the declaration, or a role, has a field that this build does
	// not know.
	RuleUnknownField Rule = "action-unknown-field"
	// RuleUnknownValue: the declaration has an enum number that this build does not
	// know.
	RuleUnknownValue Rule = "action-unknown-value"
)

// The rules about the steps. Those that protovalidate applies stand in
// sallyport/v1/action.proto under these same ids.
const (
	// RuleAuthenticateMissing: nothing says how the caller is authenticated.
	RuleAuthenticateMissing Rule = "authenticate-missing"
	// RuleAuthenticateChoice: neither or both of `schemes` and `anonymous`.
	RuleAuthenticateChoice Rule = "authenticate-choice"
	// RuleSchemeName: a scheme's name is not a name.
	RuleSchemeName Rule = "scheme-name"
	// RuleSchemeDuplicate: a scheme is named twice.
	RuleSchemeDuplicate Rule = "scheme-duplicate"
	// RuleAnonymousReason: `anonymous` without a reason.
	RuleAnonymousReason Rule = "anonymous-reason"
	// RuleMaxAgeAnonymous: `max_age` for callers who never sign in.
	RuleMaxAgeAnonymous Rule = "max-age-anonymous"
	// RuleMaxAgeRange: `max_age` is out of its range.
	RuleMaxAgeRange Rule = "max-age-range"
	// RuleAuthorizeMissing: nothing says who is let through.
	RuleAuthorizeMissing Rule = "authorize-missing"
	// RuleAuthorizeChoice: neither or both of `allow` and `anyone`.
	RuleAuthorizeChoice Rule = "authorize-choice"
	// RuleAnyoneReason: `anyone` without a reason.
	RuleAnyoneReason Rule = "anyone-reason"
	// RuleAnonymousGrant: an anonymous action with grants. There is no principal
	// that they could speak of.
	RuleAnonymousGrant Rule = "anonymous-grant"
	// RuleStreamMissing: a streaming RPC that does not say when it is authorized.
	RuleStreamMissing Rule = "stream-missing"
	// RuleStreamUnary: a unary RPC with `stream`.
	RuleStreamUnary Rule = "stream-unary"
	// RuleStreamAuthorize: `stream` without `authorize`.
	RuleStreamAuthorize Rule = "stream-authorize"
	// RuleRecheckRange: `recheck` is out of its range.
	RuleRecheckRange Rule = "recheck-range"
	// RuleStreamOpenRequest: a grant that reads the request, on a stream that is
	// authorized before there is one.
	RuleStreamOpenRequest Rule = "stream-open-request"
	// RuleRecheckAnonymous: `recheck` for callers who never sign in.
	RuleRecheckAnonymous Rule = "recheck-anonymous"
)

// The rules about grants and roles.
const (
	// RuleGrantEmpty: a grant with no condition.
	RuleGrantEmpty Rule = "grant-empty"
	// RuleRoleName: a role's name is not a name.
	RuleRoleName Rule = "role-name"
	// RuleRoleDuplicate: a grant names a role twice.
	RuleRoleDuplicate Rule = "role-duplicate"
	// RuleRoleUnknown: no catalogue of the proto package or its imports has the
	// role.
	RuleRoleUnknown Rule = "role-unknown"
	// RuleRoleAmbiguous: two imported catalogues have the role.
	RuleRoleAmbiguous Rule = "role-ambiguous"
	// RuleScopeName: a scope is not one.
	RuleScopeName Rule = "scope-name"
	// RuleScopeDuplicate: a grant names a scope twice.
	RuleScopeDuplicate Rule = "scope-duplicate"
	// RuleCELLength: `cel` is empty or too long.
	RuleCELLength Rule = "cel-length"
	// RuleCELInvalid: `cel` does not parse, does not type-check or is not boolean.
	RuleCELInvalid Rule = "cel-invalid"
	// RuleCELAlwaysTrue: `cel` lets everyone through. `anyone` says so with a reason.
	RuleCELAlwaysTrue Rule = "cel-always-true"
	// RuleCELAlwaysFalse: `cel` lets nobody through.
	RuleCELAlwaysFalse Rule = "cel-always-false"
	// RuleCELReadsNothing: `cel` looks at nothing that could tell callers apart.
	RuleCELReadsNothing Rule = "cel-reads-nothing"
	// RuleCELIdentity: `cel` compares the principal's id with what may be empty.
	RuleCELIdentity Rule = "cel-identity-empty"
	// RuleGrantRedundant: a grant that lets nobody through whom another one does not.
	RuleGrantRedundant Rule = "grant-redundant"
	// RuleGrantUnreachable: a grant that only roles could satisfy that are given to
	// nobody any more, as their values are deprecated.
	RuleGrantUnreachable Rule = "grant-unreachable"
	// RuleCheckName: a check's name is not a name.
	RuleCheckName Rule = "check-name"
	// RuleConcealAnyone: `conceal` where there is no denial to conceal.
	RuleConcealAnyone Rule = "conceal-anyone"
	// RuleCheckCollision: two checks of a service whose names in Go are the same.
	RuleCheckCollision Rule = "check-collision"

	// RuleCatalogueTwice: a proto package with two role catalogues.
	RuleCatalogueTwice Rule = "catalogue-twice"
	// RuleCatalogueUnresolved: a role option that this build cannot read.
	RuleCatalogueUnresolved Rule = "catalogue-unresolved"
	// RuleRoleUnnamed: a value of the catalogue without a role.
	RuleRoleUnnamed Rule = "role-unnamed"
	// RuleRoleZero: the zero value of the catalogue is a role, so that a principal
	// for whom nobody chose a role would have one.
	RuleRoleZero Rule = "role-zero"
	// RuleRoleOutside: a role on a value of an enum that is no catalogue.
	RuleRoleOutside Rule = "role-outside-catalogue"
	// RuleRoleRedefined: a catalogue with two roles of one name.
	RuleRoleRedefined Rule = "role-redefined"
	// RuleRoleIncludesDuplicate: a role includes another twice.
	RuleRoleIncludesDuplicate Rule = "role-includes-duplicate"
	// RuleRoleCycle: a role that includes itself, directly or through others.
	RuleRoleCycle Rule = "role-cycle"
)

// The rules that only a registry can apply, because they are about the program.
const (
	// RuleSchemeUnconfigured: nobody gave the registry an authenticator for a scheme.
	RuleSchemeUnconfigured Rule = "scheme-unconfigured"
	// RuleSchemeUndated: an action with a `max_age` names a scheme that cannot tell when
	// a caller authenticated.
	RuleSchemeUndated Rule = "scheme-undated"
	// RuleAuthenticatorNil: a scheme was given a nil authenticator.
	RuleAuthenticatorNil Rule = "authenticator-nil"
	// RuleOptionNil: an option of the registry was given nil.
	RuleOptionNil Rule = "option-nil"
	// RuleOptionRange: an option of the registry is out of its range.
	RuleOptionRange Rule = "option-range"
	// RuleRegistryNil: there is no registry, or one that was not made by NewRegistry.
	RuleRegistryNil Rule = "registry-nil"
	// RuleServiceNil: the registration names no service.
	RuleServiceNil Rule = "service-nil"
	// RuleImplementationNil: the implementation is nil.
	RuleImplementationNil Rule = "implementation-nil"
	// RuleMethodUnknown: Go code for an RPC that the service does not have.
	RuleMethodUnknown Rule = "method-unknown"
	// RuleMethodMissing: an RPC of the service without Go code.
	RuleMethodMissing Rule = "method-missing"
	// RuleMethodTwice: an RPC with Go code twice.
	RuleMethodTwice Rule = "method-twice"
	// RuleMethodKind: a handler for anonymous callers on an action that
	// authenticates, or the other way round, or another streaming shape.
	RuleMethodKind Rule = "method-kind"
	// RuleMethodType: a handler whose message types are not the RPC's.
	RuleMethodType Rule = "method-type"
	// RuleCheckMissing: a declared check without Go code.
	RuleCheckMissing Rule = "check-missing"
	// RuleCheckUnknown: Go code for a check that the declaration does not name.
	RuleCheckUnknown Rule = "check-unknown"
	// RuleCheckTwice: a check with Go code twice.
	RuleCheckTwice Rule = "check-twice"
	// RuleCheckNil: the implementation of the checks is nil.
	RuleCheckNil Rule = "check-nil"
	// RuleProcedureTwice: the procedure is registered already.
	RuleProcedureTwice Rule = "procedure-twice"
	// RuleGeneratedStale: the generated code was made from another version of the
	// .proto than the descriptor it is linked with.
	RuleGeneratedStale Rule = "generated-stale"
	// RuleValidationInvalid: a protovalidate rule of the request does not compile.
	RuleValidationInvalid Rule = "validation-invalid"
	// RuleRegistrySealed: the registry serves already.
	RuleRegistrySealed Rule = "registry-sealed"
)

// snippet is what to paste where a declaration is missing.
const snippet = `option (sallyport.v1.action) = {
  authenticate: {schemes: ["session"]}
  authorize: {
    allow: {any_role: "admin"}
  }
};`

// streamSnippet is the same for a streaming RPC.
const streamSnippet = `option (sallyport.v1.action) = {
  authenticate: {schemes: ["session"]}
  authorize: {
    allow: {any_role: "admin"}
  }
  stream: {authorize: FIRST_MESSAGE}
};`

// fixes says, for each rule, what to write. A refusal may know better.
var fixes = map[Rule]string{
	RuleMissing:             snippet,
	RuleDeclaredTwice:       `keep one of the two`,
	RuleGivenTwice:          `keep one of the two entries`,
	RuleDeclarationUnknown:  `spell the procedure as "/package.Service/Method"`,
	RuleDeclarationUnread:   `generate the code again: buf generate`,
	RuleEmpty:               snippet,
	RuleUnresolved:          `import "sallyport/v1/action.proto", and link github.com/sallyport-rpc/sallyport/gen/sallyport/v1 into whatever builds the descriptor`,
	RuleUnknownField:        `use the sallyport/v1/action.proto of the version of github.com/sallyport-rpc/sallyport in go.mod`,
	RuleUnknownValue:        `use the sallyport/v1/action.proto of the version of github.com/sallyport-rpc/sallyport in go.mod`,
	RuleAuthenticateMissing: `authenticate: {schemes: ["session"]}`,
	RuleAuthenticateChoice:  `authenticate: {schemes: ["session"]}`,
	RuleSchemeName:          `authenticate: {schemes: ["session"]}`,
	RuleSchemeDuplicate:     `authenticate: {schemes: ["session", "bearer"]}`,
	RuleAnonymousReason:     `authenticate: {anonymous: "signing in comes before any session exists"}`,
	RuleMaxAgeAnonymous:     `authenticate: {schemes: ["session"] max_age: {seconds: 900}}`,
	RuleMaxAgeRange:         `max_age: {seconds: 900}`,
	RuleAuthorizeMissing:    `authorize: {allow: {any_role: "admin"}}`,
	RuleAuthorizeChoice:     `authorize: {allow: {any_role: "admin"}}`,
	RuleAnyoneReason:        `authorize: {anyone: "everyone who is signed in may sign out"}`,
	RuleAnonymousGrant:      `authorize: {anyone: "whoever knows the password may sign in"}`,
	RuleStreamMissing:       `stream: {authorize: FIRST_MESSAGE}`,
	RuleStreamUnary:         `remove stream`,
	RuleStreamAuthorize:     `stream: {authorize: FIRST_MESSAGE}`,
	RuleRecheckRange:        `stream: {authorize: OPEN recheck: {seconds: 60}}`,
	RuleStreamOpenRequest:   `stream: {authorize: FIRST_MESSAGE}`,
	RuleRecheckAnonymous:    `stream: {authorize: OPEN}`,
	RuleGrantEmpty:          `allow: {any_role: "admin"}`,
	RuleRoleName:            `allow: {any_role: "admin"}`,
	RuleRoleDuplicate:       `allow: {any_role: ["admin", "auditor"]}`,
	RuleRoleUnknown:         `ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: "admin"}];`,
	RuleRoleAmbiguous:       `define the role in a catalogue of this package`,
	RuleScopeName:           `allow: {all_scopes: ["users.read"]}`,
	RuleScopeDuplicate:      `allow: {all_scopes: ["users.read", "users.write"]}`,
	RuleCELLength:           `allow: {cel: "principal.id == request.user_id"}`,
	RuleCELInvalid:          `allow: {cel: "principal.id == request.user_id"}`,
	RuleCELAlwaysTrue:       `authorize: {anyone: "everyone who is signed in may do this"}`,
	RuleCELAlwaysFalse:      `allow: {cel: "principal.id == request.user_id"}`,
	RuleCELReadsNothing:     `allow: {cel: "principal.id == request.user_id"}`,
	RuleCELIdentity:         `string user_id = 1 [(buf.validate.field).string.min_len = 1];`,
	RuleGrantRedundant:      `remove the grant that adds nothing`,
	RuleGrantUnreachable:    `allow: {any_role: "admin"}`,
	RuleCheckName:           `allow: {check: "owns_document"}`,
	RuleConcealAnyone:       `authorize: {allow: {any_role: "admin"} conceal: true}`,
	RuleCheckCollision:      `give one of the checks another name`,

	RuleCatalogueTwice:        `keep one enum with option (sallyport.v1.roles) = true`,
	RuleCatalogueUnresolved:   `import "sallyport/v1/action.proto", and link github.com/sallyport-rpc/sallyport/gen/sallyport/v1 into whatever builds the descriptor`,
	RuleRoleUnnamed:           `ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: "admin"}];`,
	RuleRoleZero:              `ROLE_UNSPECIFIED = 0;`,
	RuleRoleOutside:           `option (sallyport.v1.roles) = true;`,
	RuleRoleRedefined:         `ROLE_ADMIN = 1 [(sallyport.v1.role) = {name: "admin"}];`,
	RuleRoleIncludesDuplicate: `includes: ["member"]`,
	RuleRoleCycle:             `remove one of the includes`,

	RuleSchemeUnconfigured: `action.NewRegistry(authn.Schemes{"session": sessions})`,
	RuleSchemeUndated:      `name schemes that can tell, such as sessions, or remove max_age`,
	RuleAuthenticatorNil:   `action.NewRegistry(authn.Schemes{"session": sessions})`,
	RuleOptionNil:          `leave the option out to have the default`,
	RuleOptionRange:        `action.WithRecheck(5 * time.Minute)`,
	RuleRegistryNil:        `registry, err := action.NewRegistry(authn.Schemes{"session": sessions})`,
	RuleServiceNil:         `register with the generated function`,
	RuleImplementationNil:  `pass the value whose methods are the handlers`,
	RuleMethodUnknown:      `generate the code again: buf generate`,
	RuleMethodMissing:      `generate the code again: buf generate`,
	RuleMethodTwice:        `register with the generated function`,
	RuleMethodKind:         `generate the code again: buf generate`,
	RuleMethodType:         `generate the code again: buf generate`,
	RuleCheckMissing:       `generate the code again: buf generate`,
	RuleCheckUnknown:       `generate the code again: buf generate`,
	RuleCheckTwice:         `register with the generated function`,
	RuleCheckNil:           `pass the value whose methods are the checks`,
	RuleProcedureTwice:     `register each service once`,
	RuleGeneratedStale:     `generate the code again: buf generate`,
	RuleValidationInvalid:  `fix the (buf.validate) rule of the request message`,
	RuleRegistrySealed:     `register every service before the registry is first served`,
}
