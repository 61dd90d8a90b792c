// Buf-plugin-sallyport applies Sallyport's rules in `buf lint` and `buf breaking`. It is a Go tool of the
// module that uses it:
//
//	go get -tool github.com/sallyport-rpc/sallyport/cmd/buf-plugin-sallyport
//
// and buf.yaml names it, and the rules as a category:
//
//	lint:
//	  use: [STANDARD, SALLYPORT]
//	plugins:
//	  - plugin: [go, tool, buf-plugin-sallyport]
//	    options:
//	      declarations: declarations.txtpb # for services whose .proto is not yours
//
// Its rules for lint are those of code generation that the schemas decide alone. A comment
// `buf:lint:ignore SALLYPORT_ACTION_MISSING` silences lint, and nothing else: the code
// generator and the registry refuse the RPC all the same.
//
// In `buf breaking` it reports the changes that let in more callers, as `sallyport diff`
// does:
//
//	breaking:
//	  use: [FILE, SALLYPORT_ACCESS]
//
// The option `accept` names a file of changes that are accepted, as that of diff does.
package main

import "buf.build/go/bufplugin/check"

func main() {
	check.Main(newSpec())
}
