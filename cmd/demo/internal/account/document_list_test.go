package account_test

import (
	"fmt"
	"slices"
	"testing"

	"connectrpc.com/connect/v2"

	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
	"github.com/sallyport-rpc/sallyport/gen/demo/v1/demov1client"
)

// A list shows what GetDocument would, and counts that alone, page by page.
func TestListDocuments(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	f, as, _ := newDocuments(t) // "Plans" of the auditor, in acme
	if err := f.users.SetMember(ctx, "acme", f.ids["admin"], demov1.OrgRole_ORG_ROLE_MEMBER); err != nil {
		t.Fatal(err)
	}
	for _, made := range []struct {
		owner, orgID, title string
		state               demov1.Document_State
		with                []string
	}{
		{"auditor", "acme", "News", demov1.Document_STATE_PUBLISHED, nil},
		{"member", "acme", "Budget", demov1.Document_STATE_DRAFT, []string{f.ids["other"]}},
		{"other", "globex", "Prices", demov1.Document_STATE_PUBLISHED, nil},
		{"other", "globex", "Offer", demov1.Document_STATE_DRAFT, []string{f.ids["auditor"]}},
	} {
		created, err := as(f.tokens[made.owner]).CreateDocument(ctx, &demov1.CreateDocumentRequest{OrgId: made.orgID, Title: made.title})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := as(f.tokens[made.owner]).ShareDocument(ctx, &demov1.ShareDocumentRequest{
			DocumentId: created.GetDocument().GetId(), State: made.state, SharedWith: made.with,
		}); err != nil {
			t.Fatal(err)
		}
	}
	everything, err := as(f.tokens["member"]).ListDocuments(ctx, &demov1.ListDocumentsRequest{})
	if err != nil || everything.GetTotalSize() != 3 {
		t.Fatalf("the manager of acme sees %v, %v", everything, err)
	}
	for name, test := range map[string]struct {
		credential func(*testing.T, *fixture) string
		orgID      string
		want       []string
		code       connect.Code
	}{
		"a manager":                       {credential: signedIn("member"), want: []string{"Plans", "News", "Budget"}},
		"a manager, of the other":         {credential: signedIn("member"), orgID: "globex"},
		"a manager of the other":          {credential: signedIn("other"), want: []string{"Budget", "Prices", "Offer"}},
		"of the other, of the first":      {credential: signedIn("other"), orgID: "acme", want: []string{"Budget"}},
		"an author and member":            {credential: signedIn("auditor"), want: []string{"Plans", "News", "Offer"}},
		"a member":                        {credential: signedIn("admin"), want: []string{"News"}},
		"of an organisation there is not": {credential: signedIn("member"), orgID: "hooli"},
		"of one with no such name":        {credential: signedIn("member"), orgID: "Acme", code: connect.CodeInvalidArgument},
		"a key to read documents":         {credential: scopedKey("admin", demov1client.ScopeDocumentsRead), want: []string{"News"}},
		"a key for other things":          {credential: apiKey("admin"), code: connect.CodePermissionDenied},
		"no credential":                   {credential: func(*testing.T, *fixture) string { return "" }, code: connect.CodeUnauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			caller := as(test.credential(t, f))
			for _, size := range []int32{0, 1, 2} {
				var titles []string
				request := &demov1.ListDocumentsRequest{OrgId: test.orgID, PageSize: size}
				for range len(test.want) + 1 {
					page, err := caller.ListDocuments(ctx, request)
					holdsCode(t, fmt.Sprint("by ", size), err, test.code)
					if err != nil {
						return
					}
					if int(page.GetTotalSize()) != len(test.want) || size > 0 && len(page.GetDocuments()) > int(size) {
						t.Errorf("by %d: %d of %d", size, len(page.GetDocuments()), page.GetTotalSize())
					}
					for _, document := range page.GetDocuments() {
						titles = append(titles, document.GetTitle())
						if got, err := caller.GetDocument(ctx, &demov1.GetDocumentRequest{DocumentId: document.GetId()}); err != nil || got.GetDocument().GetTitle() != document.GetTitle() {
							t.Errorf("what is listed is got as %v, %v", got, err)
						}
					}
					if request.PageToken = page.GetNextPageToken(); request.GetPageToken() == "" {
						break
					}
				}
				if request.GetPageToken() != "" || !slices.Equal(titles, test.want) {
					t.Errorf("by %d: %q, want %q", size, titles, test.want)
				}
			}
		})
	}
	// A token that another caller got is a place, and opens nothing.
	first, err := as(f.tokens["member"]).ListDocuments(ctx, &demov1.ListDocumentsRequest{PageSize: 1})
	if err != nil {
		t.Fatal(err)
	}
	next, err := as(f.tokens["admin"]).ListDocuments(ctx, &demov1.ListDocumentsRequest{PageToken: first.GetNextPageToken()})
	if err != nil || len(next.GetDocuments()) != 1 || next.GetDocuments()[0].GetTitle() != "News" {
		t.Errorf("with another's token: %v, %v", next, err)
	}
	_, err = as(f.tokens["member"]).ListDocuments(ctx, &demov1.ListDocumentsRequest{PageToken: "none"})
	holdsCode(t, "with no token of a list", err, connect.CodeInvalidArgument)
}
