// Package access serves sallyport.v1.AccessService, which says what its caller may call,
// and whether a call would be let in: for pages that hide a button, and for other programs
// that show only what can be used.
//
//	err := access.Register(registry, `authenticate: {schemes: ["session"]}
//		authorize: {anyone: "a caller learns what its own calls would be answered"}`)
//
// The service is an action like any other: without a declaration, which the program gives,
// its registration is refused. Its answers decide nothing, and say no more than the denials
// of the calls themselves would. Each question leaves an event of kind
// [github.com/sallyport-rpc/sallyport/action/event.Question].
package access
