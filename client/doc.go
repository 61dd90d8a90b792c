// Package client is for programs that call: [New] makes a connection for the clients
// that protoc-gen-action-go generates, and the stream types are what their streaming
// methods return.
//
//	connection, err := client.New("https://accounts.example.com", client.WithTokenSource(tokens))
//	if err != nil {
//		return err
//	}
//	accounts := demov1client.NewAccountServiceClient(connection)
//
// A generated client takes any [connect.Client]: one over another transport works as
// well. The package needs connect, protobuf and the standard library, so a program
// that only calls links no gate, no CEL and no validation.
package client
