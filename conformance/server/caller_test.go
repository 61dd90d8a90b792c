package main

import (
	"errors"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	conformancev1 "github.com/sallyport-rpc/sallyport/conformance/gen/connectrpc/conformance/v1"
)

// The suite would also pass if every caller were let in.
func TestCallers(t *testing.T) {
	t.Parallel()
	cleartext := &conformancev1.ServerCompatRequest{}
	certificates := &conformancev1.ServerCompatRequest{ClientTlsCert: []byte("some")}
	for _, test := range []struct {
		name    string
		wanted  *conformancev1.ServerCompatRequest
		address string
		id      string
		fault   error
	}{
		{"IPv4", cleartext, "127.0.0.1:1234", "127.0.0.1", nil},
		{"IPv6", cleartext, "[::1]:1234", "::1", nil},
		{"another machine", cleartext, "192.0.2.1:1234", "", authn.ErrInvalidCredential},
		{"no certificate", certificates, "127.0.0.1:1234", "", authn.ErrNoCredential},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			callers, err := callers(test.wanted)
			if err != nil {
				t.Fatal(err)
			}
			principal, err := callers.Authenticate(t.Context(), &connect.CallInfo{PeerAddr: test.address})
			if !errors.Is(err, test.fault) {
				t.Errorf("error %v, want %v", err, test.fault)
			}
			if err == nil && principal.ID() != test.id {
				t.Errorf("principal %q, want %q", principal.ID(), test.id)
			}
		})
	}
}
