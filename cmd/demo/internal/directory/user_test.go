package directory

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestCreateAndGet(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		before := time.Now().Truncate(time.Microsecond)
		given := User{
			ID: "chosen by the caller", Name: "Ada 'Lovelace'; --é", Email: "Ada.Lovelace@Example.com",
			Role: Auditor, PasswordHash: "$argon2id$", CreateTime: time.Unix(0, 0),
		}
		created, err := directory.Create(t.Context(), given)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(created.ID) {
			t.Errorf("the id is %s", created.ID)
		}
		if created.CreateTime.Before(before) || time.Now().Before(created.CreateTime) || created.CreateTime.Location() != time.UTC {
			t.Errorf("created at %v", created.CreateTime)
		}
		given.ID, given.CreateTime = created.ID, created.CreateTime
		if diff := cmp.Diff(given, created); diff != "" {
			t.Error(diff)
		}
		for name, get := range map[string]func() (User, error){
			"Get":                   func() (User, error) { return directory.Get(t.Context(), created.ID) },
			"ByEmail":               func() (User, error) { return directory.ByEmail(t.Context(), created.Email) },
			"ByEmail in lower case": func() (User, error) { return directory.ByEmail(t.Context(), strings.ToLower(created.Email)) },
			"ByEmail in upper case": func() (User, error) { return directory.ByEmail(t.Context(), strings.ToUpper(created.Email)) },
		} {
			got, err := get()
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if diff := cmp.Diff(created, got); diff != "" {
				t.Errorf("%s: %s", name, diff)
			}
		}
	})
}

func TestNotFound(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		ada := add(t, directory, "ada", Admin)
		const missing = "00000000-0000-4000-8000-000000000000"
		for name, do := range map[string]func(id string) error{
			"Get":     func(id string) error { _, err := directory.Get(t.Context(), id); return err },
			"ByEmail": func(id string) error { _, err := directory.ByEmail(t.Context(), id); return err },
			"UpdateProfile": func(id string) error {
				_, err := directory.UpdateProfile(t.Context(), id, "x", "x@example.com")
				return err
			},
			"GrantRole": func(id string) error { _, err := directory.GrantRole(t.Context(), id, Member); return err },
			"Delete":    func(id string) error { return directory.Delete(t.Context(), id) },
		} {
			for _, id := range []string{missing, "", "%", strings.ToUpper(ada.ID), ada.ID + " ", "' OR 1=1 --"} {
				if id == ada.ID {
					continue
				}
				if err := do(id); !errors.Is(err, ErrNotFound) {
					t.Errorf("%s(%q): %v", name, id, err)
				}
			}
		}
		if got, err := directory.Get(t.Context(), ada.ID); err != nil || got != ada {
			t.Errorf("the user is now %v, %v", got, err)
		}
	})
}

func TestEmailsAreUnique(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		ada, bob := add(t, directory, "ada", Admin), add(t, directory, "bob", Member)
		for _, email := range []string{"ada@example.com", "ADA@EXAMPLE.COM", "aDa@eXample.com"} {
			if _, err := directory.Create(t.Context(), User{Name: "x", Email: email, Role: Member}); !errors.Is(err, ErrEmailTaken) {
				t.Errorf("Create with %s: %v", email, err)
			}
			if _, err := directory.UpdateProfile(t.Context(), bob.ID, "x", email); !errors.Is(err, ErrEmailTaken) {
				t.Errorf("UpdateProfile to %s: %v", email, err)
			}
		}
		if got, err := directory.Get(t.Context(), bob.ID); err != nil || got != bob {
			t.Errorf("what failed has changed the user to %v, %v", got, err)
		}
		// One's own email is free, in another case as well, and one given up is too.
		for _, email := range []string{"ada@example.com", "Ada@Example.com", "countess@example.com"} {
			ada.Name, ada.Email = "Ada", email
			got, err := directory.UpdateProfile(t.Context(), ada.ID, ada.Name, email)
			if err != nil || got != ada {
				t.Errorf("UpdateProfile to %s = %v, %v", email, got, err)
			}
		}
		if _, err := directory.UpdateProfile(t.Context(), bob.ID, "Bob", "ada@example.com"); err != nil {
			t.Errorf("an email that was given up: %v", err)
		}
	})
}

func TestRoles(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		_, auditor, member := create3(t, directory)
		for _, role := range []Role{Auditor, Admin, Member, Member} {
			got, err := directory.GrantRole(t.Context(), member.ID, role)
			if err != nil || got.Role != role {
				t.Errorf("GrantRole(%s) = %v, %v", role, got, err)
			}
		}
		for _, role := range []Role{"", "root", "ADMIN", "admin "} {
			if _, err := directory.GrantRole(t.Context(), auditor.ID, role); err == nil {
				t.Errorf("GrantRole(%q) succeeded", role)
			}
			if _, err := directory.Create(t.Context(), User{Name: "x", Email: "x@example.com", Role: role}); err == nil {
				t.Errorf("Create with role %q succeeded", role)
			}
		}
		if got, err := directory.Get(t.Context(), auditor.ID); err != nil || got != auditor {
			t.Errorf("what failed has changed the user to %v, %v", got, err)
		}
	})
}

func TestLastAdmin(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		admin, auditor, member := create3(t, directory)
		for name, do := range map[string]func() error{
			"Delete":        func() error { return directory.Delete(t.Context(), admin.ID) },
			"to a member":   func() error { _, err := directory.GrantRole(t.Context(), admin.ID, Member); return err },
			"to an auditor": func() error { _, err := directory.GrantRole(t.Context(), admin.ID, Auditor); return err },
		} {
			if err := do(); !errors.Is(err, ErrLastAdmin) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if got, err := directory.GrantRole(t.Context(), admin.ID, Admin); err != nil || got != admin {
			t.Errorf("the role it has: %v, %v", got, err)
		}
		if _, err := directory.UpdateProfile(t.Context(), admin.ID, "A", "a@example.com"); err != nil {
			t.Errorf("another name: %v", err)
		}
		if err := directory.Delete(t.Context(), auditor.ID); err != nil {
			t.Errorf("another user: %v", err)
		}
		// With a second one, the first may go.
		if _, err := directory.GrantRole(t.Context(), member.ID, Admin); err != nil {
			t.Fatal(err)
		}
		if _, err := directory.GrantRole(t.Context(), admin.ID, Member); err != nil {
			t.Errorf("one of two: %v", err)
		}
		if err := directory.Delete(t.Context(), member.ID); !errors.Is(err, ErrLastAdmin) {
			t.Errorf("the second, now the last: %v", err)
		}
	})
}

// TestLastAdminTogether has administrators remove each other through two directories
// on one file, as two processes would.
func TestLastAdminTogether(t *testing.T) {
	t.Parallel()
	eachTwice(t, func(t *testing.T, open func(*testing.T) *Directory) {
		t.Helper()
		one, two := open(t), open(t)
		add(t, one, "bystander", Member)
		for range 15 {
			var admins []User
			for _, name := range []string{"a", "b", "c", "d"} {
				admins = append(admins, add(t, one, name, Admin))
			}
			if previous, err := one.ByEmail(t.Context(), "left@example.com"); err == nil {
				if err := one.Delete(t.Context(), previous.ID); err != nil {
					t.Fatal(err)
				}
			}
			var group sync.WaitGroup
			failures := make(chan error, len(admins))
			for i, admin := range admins {
				directory := []*Directory{one, two}[i%2]
				group.Go(func() {
					if i < 2 {
						failures <- directory.Delete(t.Context(), admin.ID)
					} else {
						_, err := directory.GrantRole(t.Context(), admin.ID, Member)
						failures <- err
					}
				})
			}
			group.Wait()
			close(failures)
			refused := 0
			for err := range failures {
				if errors.Is(err, ErrLastAdmin) {
					refused++
				} else if err != nil {
					t.Error(err)
				}
			}
			left := 0
			users, _, err := one.List(t.Context(), 100, "")
			if err != nil {
				t.Fatal(err)
			}
			for _, user := range users {
				if user.Role == Admin {
					left++
					if _, err := one.UpdateProfile(t.Context(), user.ID, "left", "left@example.com"); err != nil {
						t.Fatal(err)
					}
				} else if user.Name != "bystander" {
					if err := one.Delete(t.Context(), user.ID); err != nil {
						t.Fatal(err)
					}
				}
			}
			if left != 1 || refused != 1 {
				t.Errorf("%d administrators are left, and %d were refused; want 1 and 1", left, refused)
			}
		}
	})
}

func TestOneEmailTogether(t *testing.T) {
	t.Parallel()
	eachTwice(t, func(t *testing.T, open func(*testing.T) *Directory) {
		t.Helper()
		one, two := open(t), open(t)
		var group sync.WaitGroup
		created := make(chan User, 8)
		for i := range 8 {
			directory := []*Directory{one, two}[i%2]
			group.Go(func() {
				user, err := directory.Create(t.Context(), User{Name: "x", Email: "X@example.com", Role: Member})
				if err == nil {
					created <- user
				} else if !errors.Is(err, ErrEmailTaken) {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if len(created) != 1 {
			t.Errorf("%d users have one email", len(created))
		}
	})
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	eachTwice(t, func(t *testing.T, open func(*testing.T) *Directory) {
		t.Helper()
		directory := open(t)
		ada := add(t, directory, "ada", Admin)
		bob := add(t, directory, "bob", Member)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		for name, do := range map[string]func() error{
			"Create":        func() error { _, err := directory.Create(ctx, User{Email: "x", Role: Member}); return err },
			"CreateAll":     func() error { _, err := directory.CreateAll(ctx, ada); return err },
			"Empty":         func() error { _, err := directory.Empty(ctx); return err },
			"Get":           func() error { _, err := directory.Get(ctx, ada.ID); return err },
			"ByEmail":       func() error { _, err := directory.ByEmail(ctx, ada.Email); return err },
			"UpdateProfile": func() error { _, err := directory.UpdateProfile(ctx, ada.ID, "x", "x"); return err },
			"GrantRole":     func() error { _, err := directory.GrantRole(ctx, bob.ID, Admin); return err },
			"Delete":        func() error { return directory.Delete(ctx, bob.ID) },
			"List":          func() error { _, _, err := directory.List(ctx, 1, ""); return err },
			"Lookup":        func() error { _, err := directory.Lookup(ctx, ada.ID); return err },
		} {
			if err := do(); !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		}
		users, _, err := directory.List(t.Context(), 10, "")
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]User{ada, bob}, users); diff != "" {
			t.Error(diff)
		}
	})
}
