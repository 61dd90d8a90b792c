package action_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sallyport-rpc/sallyport/action"
)

// TestActionsSayWhatTheyAreAbout describes which object an action is about, and which
// elements its callers may see.
func TestActionsSayWhatTheyAreAbout(t *testing.T) {
	t.Parallel()
	type about struct {
		Resource protoreflect.FullName
		Key      string
		Each     []action.Each
	}
	got := map[string]about{}
	for _, described := range newListsFixture(t).registry.Actions() {
		found := about{Key: described.ResourceKey, Each: described.Each}
		if described.Resource != nil {
			found.Resource = described.Resource.FullName()
		}
		got[described.Procedure] = found
	}
	const own, read = "item.owner_id == principal.id", "principal.id in item.reader_ids"
	want := map[string]about{
		lists("List"): {Each: []action.Each{
			{Name: "documents", Who: own + " && item.folder == request.folder; or admin"}, {Name: "more.documents", Who: read},
		}},
		lists("ListOf"): {"test.lists.v1.Document", "request.document_id", []action.Each{{Name: "documents", Who: read + "; or admin"}}},
		lists("Watch"): {Each: []action.Each{
			{Name: "document", Who: own + " && item.folder == request.folder; or " + read + " && item.until > now; or admin"},
		}},
		lists("Browse"):  {Each: []action.Each{{Name: "document", Who: own + " && item.folder == request.folder"}}},
		lists("Collect"): {Each: []action.Each{{Name: "documents", Who: own}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// TestActionsSayWhenTheyLookAgain describes each action: a stream of any shape says how long
// a decision on it lives, and a unary action, on which it does not, says nothing.
func TestActionsSayWhenTheyLookAgain(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		options []action.RegistryOption
		want    time.Duration
	}{
		"by default":   {nil, 5 * time.Minute},
		"as it is set": {[]action.RegistryOption{action.WithRecheck(time.Second)}, time.Second},
	} {
		streams := 0
		for _, described := range newFixture(t, test.options...).registry.Actions() {
			want := time.Duration(0)
			if strings.Contains(described.Procedure, "StreamService") {
				streams++
				want = test.want
			}
			if described.Recheck != want {
				t.Errorf("%s: %s is looked at every %v, want %v", name, described.Procedure, described.Recheck, want)
			}
		}
		if streams == 0 {
			t.Errorf("%s: there are no streams", name)
		}
	}
}
