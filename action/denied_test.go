package action

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"connectrpc.com/connect/v2"

	"github.com/sallyport-rpc/sallyport/authn"
	claimsv1 "github.com/sallyport-rpc/sallyport/gen/test/claims/v1"
	testv1 "github.com/sallyport-rpc/sallyport/gen/test/v1"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/field"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// What callers are answered, and operators read, for what came of the grants.
func TestDenied(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		err     error
		conceal bool
		code    connect.Code
		gone    bool
		cause   bool
	}{
		"no grant holds":               {err: nil, code: connect.CodePermissionDenied},
		"no grant holds, concealed":    {err: nil, conceal: true, code: connect.CodeNotFound},
		"too dear":                     {err: policy.ErrCost, code: connect.CodePermissionDenied},
		"too dear, concealed":          {err: policy.ErrCost, conceal: true, code: connect.CodeNotFound},
		"the caller went away":         {err: fmt.Errorf("check: %w", context.Canceled), code: connect.CodeCanceled, gone: true},
		"the deadline passed":          {err: fmt.Errorf("check: %w", context.DeadlineExceeded), code: connect.CodeDeadlineExceeded, gone: true},
		"a database is down":           {err: authn.Unavailable(errors.New("down")), conceal: true, code: connect.CodeUnavailable, cause: true},
		"a check failed":               {err: errors.New("no such table"), code: connect.CodeInternal, cause: true},
		"a check failed, and conceals": {err: errors.New("no such table"), conceal: true, code: connect.CodeInternal, cause: true},
	} {
		gate := &gate{conceal: test.conceal}
		denial := gate.denied(test.err, policy.Input{})
		if connect.CodeOf(denial.public) != test.code || denial.gone != test.gone || (denial.err != nil) != test.cause || denial.reason == "" {
			t.Errorf("%s: %v, gone %t, %q, %v", name, denial.public, denial.gone, denial.reason, denial.err)
		}
	}
}

// A taken field is one that its caller may not name or write, and why that was not decided.
type taken struct{ why error }

func (taken) Error() string   { return "title: no rule lets the caller write it" }
func (taken) Public() string  { return "title may not be written" }
func (t taken) Unwrap() error { return t.why }

// What callers are answered for what they name or write: what they may not is denied, what was
// not decided is a fault, and a rule that is too dear for their request is no fault.
func TestUntaken(t *testing.T) {
	t.Parallel()
	gone, leave := context.WithCancel(t.Context())
	leave()
	for name, test := range map[string]struct {
		ctx   context.Context
		err   error
		code  connect.Code
		fault bool
	}{
		"not allowed":           {t.Context(), fmt.Errorf("request: %w", taken{}), connect.CodePermissionDenied, false},
		"too dear":              {t.Context(), taken{fmt.Errorf("title: %w", policy.ErrCost)}, connect.CodePermissionDenied, false},
		"not decided":           {t.Context(), taken{errors.New("broken")}, connect.CodeInternal, true},
		"a fault":               {t.Context(), errors.New("broken"), connect.CodeInternal, true},
		"no field has the name": {t.Context(), field.ErrNames, connect.CodeInvalidArgument, false},
		"a mask of another":     {t.Context(), field.ErrMask, connect.CodeInvalidArgument, false},
		"the caller went away":  {gone, taken{}, connect.CodeCanceled, false},
	} {
		denial := untaken(test.ctx, test.err)
		if connect.CodeOf(denial.public) != test.code || (denial.reason == "a fault") != test.fault || denial.gone != (test.ctx == gone) {
			t.Errorf("%s: %v, %q", name, denial.public, denial.reason)
		}
	}
}

// Where an action sees no claims, those of a principal are nothing to it.
func TestClaimsThatAnActionDoesNotSee(t *testing.T) {
	t.Parallel()
	principal := authn.NewPrincipal("alice", authn.Details{Claims: &claimsv1.Claims{}})
	if err := new(gate).holdClaims("session", principal); err != nil {
		t.Error(err)
	}
}

// The order in which a service's methods were registered is no part of the contract.
func TestFingerprintIsOfNoOrder(t *testing.T) {
	t.Parallel()
	reader, err := declare.NewReader(declare.Config{})
	if err != nil {
		t.Fatal(err)
	}
	service := testv1.File_test_v1_test_proto.Services().Get(0)
	declarations, refusals := reader.Service(service, declare.Given{})
	if len(refusals) > 0 || len(declarations) < 2 {
		t.Fatal(len(declarations), refusals)
	}
	actions := make([]*registered, len(declarations))
	for i, declaration := range declarations {
		actions[i] = &registered{declaration: declaration}
	}
	want := fingerprint(actions)
	slices.Reverse(actions)
	if got := fingerprint(actions); got != want {
		t.Errorf("fingerprints %s and %s", got, want)
	}
	if got := fingerprint(actions[1:]); got == want {
		t.Error("a method more makes no difference")
	}
}
