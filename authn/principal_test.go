package authn_test

import (
	"fmt"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	claimsv1 "github.com/sallyport-rpc/sallyport/gen/test/claims/v1"
	"google.golang.org/protobuf/testing/protocmp"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/authn"
)

var noon = time.Date(2026, time.July, 1, 12, 0, 0, 0, time.UTC)

// The zero principal carries nothing and has no id, so every gate denies it.
func TestZeroPrincipal(t *testing.T) {
	t.Parallel()
	zero := new(authn.Principal)
	if zero.ID() != "" || zero.Scheme() != "" || len(zero.Roles()) > 0 || len(zero.Scopes()) > 0 || zero.Claims() != nil {
		t.Errorf("the zero principal carries something: %+v", zero)
	}
	if zero.CarriesRole("") || zero.CarriesScope("") || zero.CarriesRole("admin") || zero.CarriesScope("read") {
		t.Error("the zero principal carries a role or a scope")
	}
	if claims := authn.ClaimsOf[*claimsv1.Claims](zero); claims != nil {
		t.Errorf("claims = %v", claims)
	}
	if !zero.AuthenticatedAt().IsZero() || !zero.ExpiresAt().IsZero() || zero.Expired(noon) {
		t.Error("the zero principal has a time")
	}
	if named := zero.WithScheme("session"); named.ID() != "" || named.Scheme() != "session" {
		t.Errorf("WithScheme = %q of %q", named.Scheme(), named.ID())
	}
}

// Roles and scopes are found however many there are, and near misses are not.
func TestCarries(t *testing.T) {
	t.Parallel()
	for _, count := range []int{0, 1, 8, 9, 1000} {
		t.Run(strconv.Itoa(count), func(t *testing.T) {
			t.Parallel()
			var roles, scopes []string
			for i := range count {
				roles, scopes = append(roles, fmt.Sprint("role", i)), append(scopes, fmt.Sprint("scope", i))
			}
			principal := authn.NewPrincipal("ada", authn.Details{Roles: roles, Scopes: scopes})
			for i := range count {
				if !principal.CarriesRole(roles[i]) || !principal.CarriesScope(scopes[i]) {
					t.Errorf("%s or %s is missing", roles[i], scopes[i])
				}
				if principal.CarriesRole(scopes[i]) || principal.CarriesScope(roles[i]) {
					t.Errorf("%s or %s is in the wrong list", roles[i], scopes[i])
				}
			}
			for _, absent := range []string{"", "role", "ROLE0", "role0 ", "scope", "role" + strconv.Itoa(count)} {
				if principal.CarriesRole(absent) || principal.CarriesScope(absent) {
					t.Errorf("%q is carried", absent)
				}
			}
			if diff := cmp.Diff(roles, principal.Roles()); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(scopes, principal.Scopes()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCarriesAllocatesNothing(t *testing.T) {
	for _, count := range []int{1, 8, 9, 100} {
		var names []string
		for i := range count {
			names = append(names, fmt.Sprint("name", i))
		}
		principal := authn.NewPrincipal("ada", authn.Details{Roles: names, Scopes: names})
		if got := testing.AllocsPerRun(100, func() {
			_ = principal.CarriesRole(names[count-1])
			_ = principal.CarriesScope("none")
		}); got != 0 {
			t.Errorf("%d names: %v allocations", count, got)
		}
	}
}

// Neither what a principal was made of nor what it returns is a way to change it.
func TestPrincipalIsImmutable(t *testing.T) {
	t.Parallel()
	for _, count := range []int{2, 20} {
		details := authn.Details{
			Roles: slices.Repeat([]string{"member"}, count), Scopes: slices.Repeat([]string{"read"}, count),
		}
		principal := authn.NewPrincipal("ada", details)
		tamper := func(roles, scopes []string) {
			for i := range count {
				roles[i], scopes[i] = "admin", "write"
			}
		}
		tamper(details.Roles, details.Scopes)
		tamper(principal.Roles(), principal.Scopes())
		named := principal.WithScheme("session")
		tamper(named.Roles(), named.Scopes())
		for _, p := range []*authn.Principal{principal, named} {
			if p.CarriesRole("admin") || p.CarriesScope("write") || !p.CarriesRole("member") || !p.CarriesScope("read") {
				t.Errorf("%d: roles %q, scopes %q", count, p.Roles(), p.Scopes())
			}
		}
	}
}

func TestExpired(t *testing.T) {
	t.Parallel()
	principal := authn.NewPrincipal("ada", authn.Details{ExpiresAt: noon})
	for at, want := range map[time.Time]bool{
		noon.Add(-1): false, noon: true, noon.Add(1): true, noon.AddDate(100, 0, 0): true,
	} {
		if got := principal.Expired(at); got != want {
			t.Errorf("%v: %v", at, got)
		}
	}
	if authn.NewPrincipal("ada", authn.Details{}).Expired(noon.AddDate(1000, 0, 0)) {
		t.Error("a credential without an end has expired")
	}
}

func TestEndBy(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ expires, end, want time.Time }{
		"no end":                   {expires: noon, want: noon},
		"no end of either":         {},
		"the first end":            {end: noon, want: noon},
		"an earlier end":           {expires: noon.Add(1), end: noon, want: noon},
		"a later end changes none": {expires: noon, end: noon.Add(1), want: noon},
		"the same end":             {expires: noon, end: noon, want: noon},
	} {
		details := authn.Details{ExpiresAt: test.expires}
		if details.EndBy(test.end); !details.ExpiresAt.Equal(test.want) {
			t.Errorf("%s: %v, want %v", name, details.ExpiresAt, test.want)
		}
	}
}

// WithScheme changes the scheme and nothing else, on the copy alone.
func TestWithScheme(t *testing.T) {
	t.Parallel()
	details := authn.Details{
		Roles: []string{"member"}, Scopes: []string{"read"}, Claims: &claimsv1.Claims{OrgIds: []string{"red"}},
		AuthenticatedAt: noon, ExpiresAt: noon.Add(time.Hour),
	}
	principal := authn.NewPrincipal("ada", details)
	session, bearer := principal.WithScheme("session"), principal.WithScheme("bearer")
	for want, p := range map[string]*authn.Principal{"": principal, "session": session, "bearer": bearer} {
		got := authn.Details{
			Roles: p.Roles(), Scopes: p.Scopes(), Claims: p.Claims(),
			AuthenticatedAt: p.AuthenticatedAt(), ExpiresAt: p.ExpiresAt(),
		}
		if diff := cmp.Diff(details, got, protocmp.Transform()); diff != "" || p.ID() != "ada" || p.Scheme() != want {
			t.Errorf("%q is %q of %q: %s", want, p.Scheme(), p.ID(), diff)
		}
	}
	if session.WithScheme("session") != session {
		t.Error("a principal that has the scheme was copied")
	}
	if principal.WithScheme("bearer") != bearer {
		t.Error("the last copy was not used again")
	}
	if again := principal.WithScheme("session"); again.Scheme() != "session" {
		t.Errorf("after another scheme: %q", again.Scheme())
	}
	if back := session.WithScheme(""); back.Scheme() != "" {
		t.Errorf("without a scheme: %q", back.Scheme())
	}
}

// One principal serves many calls at once, by several schemes: none sees the scheme of
// another. It means something under the race detector.
func TestWithSchemeAtOnce(t *testing.T) {
	t.Parallel()
	principal := authn.NewPrincipal("ada", authn.Details{Roles: []string{"member"}})
	var group sync.WaitGroup
	for i := range 8 {
		scheme := fmt.Sprint("scheme", i%3)
		group.Go(func() {
			for range 2000 {
				named := principal.WithScheme(scheme)
				if named.Scheme() != scheme || named.ID() != "ada" || !named.CarriesRole("member") {
					t.Errorf("%q of %q, want %q", named.Scheme(), named.ID(), scheme)
					return
				}
			}
		})
	}
	group.Wait()
	if principal.Scheme() != "" {
		t.Errorf("the principal itself has got the scheme %q", principal.Scheme())
	}
}

// A principal that is made anew for a call takes two allocations: itself, with what a
// gate binds, and its roles. One that is bound again, to another scheme, takes one more.
func TestAllocationsOfAPrincipal(t *testing.T) { //nolint:paralleltest // it counts what the process allocates
	hierarchy, roles := authn.NewHierarchy(map[string][]string{"admin": {"member"}}), []string{"admin"}
	var bound *authn.Principal
	for schemes, want := range map[int]float64{1: 2, 2: 3} {
		if got := testing.AllocsPerRun(100, func() {
			principal := authn.NewPrincipal("ada", authn.Details{Roles: roles, Unscoped: true})
			for i := range schemes {
				bound = principal.Bound([]string{"session", "bearer"}[i], hierarchy)
			}
		}); got != want {
			t.Errorf("%d schemes: %v allocations, want %v", schemes, got, want)
		}
		if !bound.Has("member") || bound.ID() != "ada" || bound.Scoped() {
			t.Errorf("%d schemes: bound wrongly: %q of %q", schemes, bound.Scheme(), bound.ID())
		}
	}
}

func TestWithSchemeAllocatesOnce(t *testing.T) {
	principal := authn.NewPrincipal("ada", authn.Details{})
	principal.WithScheme("session")
	if got := testing.AllocsPerRun(100, func() { principal.WithScheme("session") }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}
