// This program is no test, and yet asks for a call that no gate has seen.
package main

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
)

// pretender has the methods of a test that it needs to get through.
type pretender struct{ testing.TB }

func (pretender) Helper() {}

func main() {
	message := "a request"
	call := actiontest.NewCall(pretender{}, authn.NewPrincipal("root", authn.Details{Unscoped: true}), &message)
	println("got a call by " + call.Principal().ID())
}
