// Buf-plugin-sallyport applies Sallyport's rules in `buf lint`. It is a Go tool of the
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
// Its rules are those of code generation that the schemas decide alone. A comment
// `buf:lint:ignore SALLYPORT_ACTION_MISSING` silences lint, and nothing else: the code
// generator and the registry refuse the RPC all the same.
package main

import "buf.build/go/bufplugin/check"

func main() {
	check.Main(newSpec())
}
