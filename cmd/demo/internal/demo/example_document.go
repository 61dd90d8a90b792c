package demo

import (
	"context"

	"github.com/sallyport-rpc/sallyport/cmd/demo/internal/directory"
	demov1 "github.com/sallyport-rpc/sallyport/gen/demo/v1"
)

// exampleDocuments are in the two example organisations.
var exampleDocuments = [...]struct {
	owner, orgID, title string
	state               demov1.Document_State
	sharedWith          []string // emails
}{
	{"member@example.com", "acme", "Welcome to Acme", demov1.Document_STATE_PUBLISHED, nil},
	{"auditor@example.com", "acme", "Findings of the year", demov1.Document_STATE_DRAFT, []string{"admin@example.com"}},
	{"member@example.com", "acme", "Budget", demov1.Document_STATE_DRAFT, nil},
	{"other@example.com", "globex", "Prices", demov1.Document_STATE_PUBLISHED, nil},
}

// addExamples adds the members and documents of the example organisations to a directory of
// the example accounts.
func addExamples(ctx context.Context, users *directory.Directory) error {
	ids := map[string]string{}
	for _, example := range examples {
		user, err := users.ByEmail(ctx, example.Email)
		if err != nil {
			return err
		}
		ids[example.Email] = user.ID
	}
	for _, member := range exampleMembers {
		if err := users.SetMember(ctx, member.orgID, ids[member.email], member.role); err != nil {
			return err
		}
	}
	for _, example := range exampleDocuments {
		document, err := users.CreateDocument(ctx, &demov1.Document{OrgId: example.orgID, OwnerId: ids[example.owner], Title: example.title})
		if err != nil {
			return err
		}
		var with []string
		for _, email := range example.sharedWith {
			with = append(with, ids[email])
		}
		if _, err := users.ShareDocument(ctx, document.GetId(), directory.Every(), example.state, with); err != nil {
			return err
		}
	}
	return nil
}
