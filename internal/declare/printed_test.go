package declare

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write testdata anew from what is printed now")

// What users read of each refusal that the tables of this package provoke is kept in
// testdata: the problem, and the fix, which is written for the very input. After a change
// of a text, `go test ./internal/declare -run TestPrinted -update` writes it anew.
func TestPrinted(t *testing.T) {
	t.Parallel()
	const kept = "testdata/printed.txt"
	var text strings.Builder
	printed := func(name string, refusals []Refusal) {
		fmt.Fprintf(&text, "# %s\n", name)
		for _, refusal := range refusals {
			refusal.Position = Position{} // it moves when a table grows
			fmt.Fprintln(&text, refusal)
		}
	}
	of := func(name string, sources sources, path string) {
		schema := compile(t, sources.in("proto3"))
		_, refusals := newReader(t, schema.files).File(schema.file(t, path), Given{})
		if len(refusals) > 0 {
			printed(name, refusals)
		}
	}
	var refused []action
	for _, test := range ruleTests {
		if test.refused != "" {
			refused = append(refused, test.action(test.refused))
		}
	}
	of("rules", file(refused, func(int) []Rule { return nil }), "test/v1/files.proto")
	for _, name := range slices.Sorted(maps.Keys(catalogueTests)) {
		of("catalogue: "+name, catalogueTests[name], "test/v1/roles.proto")
	}
	for _, name := range slices.Sorted(maps.Keys(claimsTests)) {
		of("claims: "+name, claimsTests[name], "test/v1/claims.proto")
	}
	for _, name := range slices.Sorted(maps.Keys(conditionTests)) {
		of("condition: "+name, conditionTests[name], "test/v1/conditions.proto")
	}
	if *update {
		if err := os.WriteFile(kept, []byte(text.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(kept)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(strings.Split(string(want), "\n"), strings.Split(text.String(), "\n")); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}
