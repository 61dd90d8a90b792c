package mtls_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"testing"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/authn/mtls"
)

// A narrator lets an example use what tests use.
type narrator struct {
	testing.TB

	cleanups []func()
}

func (*narrator) Helper()                   {}
func (*narrator) Context() context.Context  { return context.Background() }
func (*narrator) Fatal(args ...any)         { panic(fmt.Sprint(args...)) }
func (n *narrator) Cleanup(cleanup func())  { n.cleanups = append(n.cleanups, cleanup) }
func (*narrator) Fatalf(f string, a ...any) { panic(fmt.Sprintf(f, a...)) }

func (n *narrator) end() {
	for _, cleanup := range slices.Backward(n.cleanups) {
		cleanup()
	}
}

func ExampleNewSPIFFE() {
	roles := map[string]string{"spiffe://example.org/billing": "biller"}
	lookup := func(_ context.Context, id string) (authn.Details, error) {
		role, ok := roles[id]
		if !ok {
			return authn.Details{}, authn.InvalidCredential("workload is unknown")
		}
		return authn.Details{Unscoped: true, Roles: []string{role}}, nil
	}
	workloads, err := mtls.NewSPIFFE(lookup, mtls.TrustDomain{Name: "example.org"})
	if err != nil {
		fmt.Println(err)
		return
	}

	// The server asks for certificates of its authorities, and verifies them.
	tb := new(narrator)
	defer tb.end()
	root := sign(tb, nil, authority)
	fixture := serve(tb, workloads, &tls.Config{
		ClientAuth: tls.VerifyClientCertIfGiven,
		ClientCAs:  pool(root),
	})

	call := func(shown *signer) {
		fixture.call(tb, fixture.client(tb, shown, true), nil)
		switch answer := fixture.last.Load(); {
		case answer == nil:
			fmt.Println("refused by TLS")
		case answer.err != nil:
			fmt.Println(answer.err)
		default:
			fmt.Println(answer.principal.ID(), answer.principal.Roles())
		}
	}
	call(sign(tb, root, named("spiffe://example.org/billing")))
	call(sign(tb, root, named("spiffe://example.org/retired")))
	call(sign(tb, root, named("spiffe://other.org/billing")))
	call(sign(tb, nil, named("spiffe://example.org/billing")))
	call(nil)
	// Output:
	// spiffe://example.org/billing [biller]
	// invalid credential: workload is unknown
	// invalid credential: client certificate is of another trust domain
	// refused by TLS
	// no credential offered
}
