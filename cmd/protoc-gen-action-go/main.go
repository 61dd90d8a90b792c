// protoc-gen-action-go writes the Go code of guarded actions from the .proto files
// that declare them. It is a plugin for buf and protoc:
//
//	plugins:
//	  - local: [go, tool, protoc-gen-action-go]
//	    out: gen
//	    opt: paths=source_relative
//	    strategy: all
//
// With strategy all, one run reports every refusal in all files. The option
// declarations=FILE names a file of declarations, see sallyport.v1.Declarations, for
// services whose .proto is not yours to edit.
package main

import (
	"fmt"
	"os"
	"runtime/debug"

	"google.golang.org/protobuf/compiler/protogen"

	"github.com/sallyport-rpc/sallyport/internal/generate"
)

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		version := "(devel)"
		if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" {
			version = build.Main.Version
		}
		fmt.Println("protoc-gen-action-go", version)
		return
	}
	if len(os.Args) > 1 {
		fmt.Fprintln(os.Stderr, "protoc-gen-action-go is run by buf or protoc and takes its options from them")
		os.Exit(2)
	}
	var options generate.Options
	protogen.Options{
		ParamFunc:         options.Set,
		ImportRewriteFunc: generate.RewriteImport,
	}.Run(func(plugin *protogen.Plugin) error { return generate.Run(plugin, options) })
}
