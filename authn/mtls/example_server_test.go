package mtls_test

import (
	"fmt"
)

func Example_server() {
	tb := new(narrator)
	defer tb.end()
	root := sign(tb, nil, authority)
	srv, err := newServer(workloadRoles{"spiffe://example.org/billing": "biller"}, sign(tb, root).shown(), pool(root))
	fmt.Println(srv != nil, err)
	// Output: true <nil>
}
