// Demo is cmd/demo with OpenFGA, which it may ask which users documents are shared with. It is a
// module of its own, so that no one else downloads and compiles OpenFGA. From the top of the
// repository, with OpenFGA in the process:
//
//	go run -C cmd/demo/openfga . -openfga memory
//
// And with a server, whose store has model.fga, or a model that has more:
//
//	go run -C cmd/demo/openfga . -openfga grpc://127.0.0.1:8081/STORE/MODEL
package main

import "github.com/sallyport-rpc/sallyport/cmd/demo/internal/demo"

func main() { demo.Main(open) }
