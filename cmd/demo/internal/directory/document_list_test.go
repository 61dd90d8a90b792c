package directory

import (
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// The pages together have each document of which the filter holds once, in order, and each
// counts all of them and no others.
func TestListDocuments(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, directory *Directory) {
		t.Helper()
		ctx := t.Context()
		admin, _, member := create3(t, directory)
		var all, mine, acme []string
		for i := range 12 {
			owner, org := []User{admin, member}[i%2], []string{"acme", "acme", "globex"}[i%3]
			document, err := directory.CreateDocument(ctx, &demov1.Document{OrgId: org, OwnerId: owner.ID, Title: strconv.Itoa(i), Text: "a long text"})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := directory.ShareDocument(ctx, document.GetId(), Every(), demov1.Document_STATE_DRAFT, []string{admin.ID}); err != nil {
				t.Fatal(err)
			}
			// Some are created at the same time: their ids order them.
			if _, err := directory.db.ExecContext(ctx, "UPDATE documents SET create_time = ? WHERE id = ?", time.Now().Unix()/1000+int64(i/4), document.GetId()); err != nil {
				t.Fatal(err)
			}
		}
		rows, err := directory.db.QueryContext(ctx, "SELECT id, owner_id, org_id FROM documents ORDER BY create_time, id")
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		for rows.Next() {
			var id, owner, org string
			if err := rows.Scan(&id, &owner, &org); err != nil {
				t.Fatal(err)
			}
			all = append(all, id)
			if owner == member.ID {
				mine = append(mine, id)
			}
			if owner == member.ID && org == "acme" {
				acme = append(acme, id)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		rows.Close()
		own := where("(documents.owner_id = ?)", member.ID)
		for name, test := range map[string]struct {
			seen  Where
			orgID string
			want  []string
		}{
			"all":                    {Every(), "", all},
			"of one user":            {own, "", mine},
			"of one user in one":     {own, "acme", acme},
			"of a part with an or":   {where("(documents.owner_id = ? OR documents.owner_id = ?)", member.ID, member.ID), "acme", acme},
			"none":                   {where("(1=0)"), "", nil},
			"none of no one's":       {own, "hooli", nil},
			"none of a hostile name": {own, "acme' OR '1'='1", nil},
		} {
			for _, size := range []int{1, 2, 5, 12, 0} {
				var got []string
				token := ""
				for range len(test.want) + 1 {
					page, err := directory.ListDocuments(ctx, test.seen, test.orgID, size, token)
					if err != nil {
						t.Fatal(err)
					}
					if page.Total != int64(len(test.want)) || size > 0 && len(page.Documents) > size {
						t.Errorf("%s by %d: %d of %d", name, size, len(page.Documents), page.Total)
					}
					for _, document := range page.Documents {
						got = append(got, document.GetId())
						if document.GetText() != "" || len(document.GetSharedWith()) != 1 || document.GetTitle() == "" {
							t.Errorf("%s: it has %v", name, document)
						}
					}
					if token = page.Next; token == "" {
						break
					}
				}
				if token != "" || !slices.Equal(got, test.want) {
					t.Errorf("%s by %d: got %q then %q, want %q", name, size, got, token, test.want)
				}
			}
		}
		if _, err := directory.ListDocuments(ctx, Every(), "", 0, "none"); !errors.Is(err, ErrBadPageToken) {
			t.Errorf("with no token of a list: %v", err)
		}
	})
}
