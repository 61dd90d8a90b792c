package actiontest_test

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/action/actiontest"
	"github.com/sallyport-rpc/sallyport/authn"
	listsv1 "github.com/sallyport-rpc/sallyport/gen/test/lists/v1"
)

// A handler that asks its call for a filter is tested with one: of the action, for the
// principal and the request.
func TestNewCallWithEach(t *testing.T) {
	t.Parallel()
	const list, of = "/test.lists.v1.ListService/List", "/test.lists.v1.ListService/ListOf"
	owned, elses := &listsv1.Document{OwnerId: "ann", Folder: "f"}, &listsv1.Document{OwnerId: "ben", Folder: "f"}
	ann := authn.NewPrincipal("ann", authn.Details{Unscoped: true})
	admin := authn.NewPrincipal("ada", authn.Details{Unscoped: true, Roles: []string{"admin"}})
	for name, test := range map[string]struct {
		principal    *authn.Principal
		folder       string
		owned, elses bool
	}{
		"its own":        {ann, "f", true, false},
		"another folder": {ann, "g", false, false},
		"an admin":       {admin, "g", true, true},
	} {
		call := actiontest.NewCall(t, test.principal, &listsv1.ListRequest{Folder: test.folder}, actiontest.OfAction(list))
		made, err := call.Filter(t.Context(), "documents")
		if err != nil {
			t.Fatal(err)
		}
		if made.Matches(owned) != test.owned || made.Matches(elses) != test.elses {
			t.Errorf("%s: it matches %t and %t", name, made.Matches(owned), made.Matches(elses))
		}
		if _, err := call.Filter(t.Context(), "papers"); err == nil {
			t.Errorf("%s: there is a filter that is not declared", name)
		}
	}
	about := actiontest.NewResourceCall(t, ann, &listsv1.DocumentRequest{DocumentId: "doc"}, owned, actiontest.OfAction(of))
	made, err := about.Filter(t.Context(), "documents")
	if err != nil || made.Matches(owned) || !made.Matches(&listsv1.Document{ReaderIds: []string{"ann"}}) || about.Resource() != owned {
		t.Errorf("about %v it matches otherwise, %v", about.Resource(), err)
	}
	if _, err := actiontest.NewCall(t, ann, &listsv1.ListRequest{}).Filter(t.Context(), "documents"); err == nil {
		t.Error("a call of no action has a filter")
	}
}
