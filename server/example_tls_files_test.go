package server_test

import (
	"fmt"
	"strings"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/server"
)

// Files that are not there are refused when the server is made.
func ExampleWithTLSFiles() {
	registry, err := action.NewRegistry(authn.Schemes{})
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = server.New(registry, server.WithTLSFiles(server.TLSFiles{
		Certificate: "/etc/sallyport/tls.crt",
		Key:         "/etc/sallyport/tls.key",
		ClientCAs:   "/etc/sallyport/ca.crt",
	}))
	fmt.Println(strings.Contains(err.Error(), "/etc/sallyport/tls.crt"))
	// Output: true
}
