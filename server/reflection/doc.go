// Package reflection lets tools such as grpcurl and buf curl call a server without a copy
// of its schema, by gRPC's server reflection.
//
//	err := reflection.Register(registry, `authenticate: {schemes: ["session"]}
//		authorize: {anyone: "a caller sees what it may call"} stream: {authorize: OPEN}`)
//
// The reflection services, v1 and v1alpha, are actions like any other: without a
// declaration, which the program gives, their registration is refused.
//
// A caller sees the services and methods that its scheme, roles and scopes do not rule
// out, and the messages of their files. An anonymous caller sees anonymous actions. That
// a method is hidden protects nothing, and a method that is shown may still be denied:
// gates decide.
package reflection
