package authn_test

import (
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/sallyport-rpc/sallyport/authn"
	claimsv1 "github.com/sallyport-rpc/sallyport/gen/test/claims/v1"
)

// A nil message is no claims, and neither is a nil pointer to one.
func TestNoClaims(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]proto.Message{"nil": nil, "a nil pointer": (*claimsv1.Claims)(nil)} {
		principal := authn.NewPrincipal("ada", authn.Details{Claims: message})
		if got := principal.Claims(); got != nil {
			t.Errorf("%s: claims = %#v", name, got)
		}
		if err := principal.CheckClaims("gate", func(proto.Message) error { return errors.New("called") }); err != nil {
			t.Errorf("%s: the check was called", name)
		}
	}
}

// A principal's claims are checked once by each who checks, and what was found is kept:
// a failure stays one.
func TestCheckClaims(t *testing.T) {
	t.Parallel()
	for name, found := range map[string]error{"good": nil, "bad": errors.New("no id")} {
		claims := &claimsv1.Claims{}
		principal := authn.NewPrincipal("ada", authn.Details{Claims: claims})
		checks := 0
		check := func(got proto.Message) error {
			if checks++; got != proto.Message(claims) {
				t.Errorf("%s: the check was given %v", name, got)
			}
			return found
		}
		for i, by := range []string{"gate", "gate", "another gate"} {
			if err := principal.WithScheme("session").CheckClaims(by, check); !errors.Is(err, found) {
				t.Errorf("%s: CheckClaims by %s = %v, want %v", name, by, err, found)
			}
			if want := []int{1, 1, 2}[i]; checks != want {
				t.Errorf("%s: %d checks after %d calls, want %d", name, checks, i+1, want)
			}
		}
	}
}
