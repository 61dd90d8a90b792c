package directory

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestList(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		var want []string
		for i := range 10 {
			want = append(want, add(t, directory, fmt.Sprint("user", i), Member).ID)
		}
		for size := range 12 {
			var got []string
			token := ""
			for pages := 1; ; pages++ {
				users, next, err := directory.List(t.Context(), size, token)
				if err != nil {
					t.Fatal(err)
				}
				for _, user := range users {
					got = append(got, user.ID)
				}
				if size > 0 && next != "" && len(users) != size {
					t.Errorf("a page of %d holds %d", size, len(users))
				}
				if token = next; token == "" {
					if size > 0 && pages != (10+size-1)/size {
						t.Errorf("there are %d pages of %d", pages, size)
					}
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("pages of %d: %s", size, diff)
			}
		}
	})
}

func TestListOfNoUsers(t *testing.T) {
	t.Parallel()
	if users, next, err := openMemory(t).List(t.Context(), 10, ""); len(users) != 0 || next != "" || err != nil {
		t.Errorf("List = %v, %q, %v", users, next, err)
	}
}

// TestListWhileUsersComeAndGo holds because a token is a place and not a count.
func TestListWhileUsersComeAndGo(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		var ids []string
		for i := range 9 {
			ids = append(ids, add(t, directory, fmt.Sprint("user", i), Member).ID)
		}
		var got []string
		token := ""
		for i := 0; ; i++ {
			users, next, err := directory.List(t.Context(), 2, token)
			if err != nil {
				t.Fatal(err)
			}
			for _, user := range users {
				got = append(got, user.ID)
			}
			if token = next; token == "" {
				break
			}
			if i < 2 {
				// The last one listed, where the next page begins, and one new at the end.
				if err := directory.Delete(t.Context(), users[1].ID); err != nil {
					t.Fatal(err)
				}
				ids = append(ids, add(t, directory, fmt.Sprint("later", i), Member).ID)
			}
		}
		if diff := cmp.Diff(ids, got); diff != "" {
			t.Error(diff)
		}
	})
}

// TestListOfOneMoment orders users whose times are equal.
func TestListOfOneMoment(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		for i := range 7 {
			add(t, directory, fmt.Sprint("user", i), Member)
		}
		if _, err := directory.db.ExecContext(t.Context(), "UPDATE users SET create_time = 0"); err != nil {
			t.Fatal(err)
		}
		seen := make(map[string]bool)
		for token, more := "", true; more; more = token != "" {
			users, next, err := directory.List(t.Context(), 2, token)
			if err != nil {
				t.Fatal(err)
			}
			for _, user := range users {
				seen[user.ID] = true
			}
			token = next
		}
		if len(seen) != 7 {
			t.Errorf("listed %d of 7", len(seen))
		}
	})
}

func TestListSizes(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		var users []User
		for i := range MaxPageSize + 1 {
			users = append(users, User{Name: "x", Email: fmt.Sprint(i, "@example.com"), Role: Member})
		}
		if _, err := directory.CreateAll(t.Context(), users...); err != nil {
			t.Fatal(err)
		}
		for size, want := range map[int]int{
			-1: DefaultPageSize, 0: DefaultPageSize, 1: 1,
			MaxPageSize: MaxPageSize, MaxPageSize + 1: MaxPageSize, 1 << 62: MaxPageSize,
		} {
			if page, next, err := directory.List(t.Context(), size, ""); err != nil || len(page) != want || next == "" {
				t.Errorf("a page of %d holds %d, %v", size, len(page), err)
			}
		}
	})
}

const goodToken = "AAAAAAAAAAFuMyMx8LJCzqRWfHDN2gYI"

func TestBadPageTokens(t *testing.T) {
	t.Parallel()
	directory := openMemory(t)
	if _, _, err := directory.List(t.Context(), 1, goodToken); err != nil {
		t.Errorf("a good token: %v", err)
	}
	bytes := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	for name, token := range map[string]string{
		"a number":       "1",
		"a blank":        " ",
		"an id":          "6e332331-f0b2-42ce-a456-7c70cdda0608",
		"too short":      goodToken[:31],
		"shorter":        goodToken[:28],
		"too long":       goodToken + "AAAA",
		"oversized":      strings.Repeat("A", 1<<20),
		"padded":         goodToken + "=",
		"a line after":   goodToken + "\n",
		"a line within":  goodToken[:8] + "\r\n" + goodToken[8:],
		"other alphabet": goodToken[:31] + "+",
		"not ASCII":      goodToken[:31] + "é",
		"before 1970":    bytes("\xff" + strings.Repeat("\x00", 23)),
		"past all years": bytes("\x7f" + strings.Repeat("\xff", 23)),
		"another uuid":   bytes(strings.Repeat("\x00", 24)),
		"letters":        strings.Repeat("a", 32),
		"SQL":            "' OR 1=1 --",
	} {
		if users, next, err := directory.List(t.Context(), 1, token); !errors.Is(err, ErrBadPageToken) {
			t.Errorf("%s: %v, %q, %v", name, users, next, err)
		}
	}
}

func FuzzPageToken(f *testing.F) {
	f.Add(goodToken)
	f.Add("")
	f.Add("////")
	f.Fuzz(func(t *testing.T, token string) {
		at, err := parsePosition(token)
		if err == nil && token != "" && at.String() != token {
			t.Errorf("%q is read as %v, which is %q", token, at, at)
		}
		if err != nil && !errors.Is(err, ErrBadPageToken) {
			t.Error(err)
		}
	})
}
