package declare

import "testing"

// What is read of a rule of elements.
func TestEach(t *testing.T) {
	t.Parallel()
	declared := check(t, nil, file([]action{
		{"List", paged, session + each(`items: "next.documents" total: "next.total_size"`, readers+` allow: {any_role: "admin"}`)},
		{"Watch", pages, session + first + each(`item: "document"`, readers)},
	}, func(int) []Rule { return nil }), "test/v1/files.proto")
	for i, want := range []struct{ name, field, item, total, who string }{
		{"next.documents", "request.next.documents", "test.v1.Document", "request.next.total_size", "principal.id in item.reader_ids; or admin"},
		{"document", "request.document", "test.v1.Document", "request", "principal.id in item.reader_ids"},
	} {
		got := declared[i].Each[0] // a path is written as one from the request, also where it is from the response
		if got.Name != want.name || got.Field.String() != want.field || string(got.Item.FullName()) != want.item || got.Total.String() != want.total || got.Who() != want.who {
			t.Errorf("%s of %s at %s, counted by %s, for %s", got.Name, got.Item.FullName(), got.Field, got.Total, got.Who())
		}
	}
}
