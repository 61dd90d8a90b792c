// Package actiongen is what the code calls that the plugin protoc-gen-action-go
// writes. Applications call the generated code and the package action.
//
// There is one maker for each shape of RPC ([Unary], [ClientStreaming],
// [ServerStreaming], [BidiStreaming]). The type of the handler's argument says which
// kind of call it takes, and registration compares that to the declaration. RPCs that are
// about a resource have makers of their own, such as [ResourceUnary].
package actiongen
