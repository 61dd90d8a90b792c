package review_test

import (
	"bytes"
	"encoding/csv"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/review"
	"github.com/sallyport-rpc/sallyport/internal/review/reviewtest"
	"github.com/sallyport-rpc/sallyport/internal/schema"
)

var update = flag.Bool("update", false, "write the golden files anew")

// contractOf reads the contract of a folder of .proto files.
func contractOf(t *testing.T, folder string) *review.Contract {
	t.Helper()
	read, err := schema.Read(t.Context(), schema.Source{Path: folder})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := declare.NewReader(declare.Config{Files: read.Files})
	if err != nil {
		t.Fatal(err)
	}
	var declarations []*declare.Declaration
	for _, file := range read.Own {
		of, refusals := reader.File(file, declare.Given{})
		if len(refusals) > 0 {
			t.Fatal(refusals)
		}
		declarations = append(declarations, of...)
	}
	return review.Of(declarations)
}

// TestMatrix compares what is written of a contract that has everything with the golden
// files.
func TestMatrix(t *testing.T) {
	t.Parallel()
	contract := contractOf(t, "testdata/proto")
	contract.Pages = []review.Page{{Pattern: "GET /healthz", Reason: "load balancers ask"}}
	for name, write := range map[string]func(io.Writer) error{
		"matrix.txt": contract.WriteText, "matrix.md": contract.WriteMarkdown, "matrix.html": contract.WriteHTML,
		"matrix.csv": contract.WriteCSV, "matrix.json": contract.WriteJSON,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			expectGolden(t, name, write)
		})
	}
}

func expectGolden(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var got bytes.Buffer
	if err := write(&got); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s: -want +got (run the test with -update where this is meant):\n%s", path, diff)
	}
}

// TestEmptyContract writes a contract without actions.
func TestEmptyContract(t *testing.T) {
	t.Parallel()
	contract := &review.Contract{}
	for _, write := range []func(io.Writer) error{contract.WriteText, contract.WriteMarkdown, contract.WriteHTML, contract.WriteCSV, contract.WriteJSON} {
		if err := write(io.Discard); err != nil {
			t.Error(err)
		}
	}
}

// TestPageEscapes has a declaration try to be markup, and a formula.
func TestPageEscapes(t *testing.T) {
	t.Parallel()
	const hostile = `=cmd|' /C calc'!A0<script>alert(1)</script>`
	contract := &review.Contract{Services: []review.Service{{Name: hostile, Actions: []review.Action{{
		Procedure: hostile, Method: hostile, Anonymous: hostile, Anyone: hostile, Limits: []string{hostile},
		Inputs: []review.Input{{Field: hostile, Rules: hostile}},
	}, {
		Schemes: []string{hostile}, Grants: []review.Grant{{Name: hostile, Roles: []string{hostile}, CEL: hostile, Accepts: []review.Acceptance{{Rule: hostile, Reason: hostile}}}},
	}}}}, Roles: []review.Role{{Name: hostile}}, Pages: []review.Page{{Pattern: hostile, Reason: hostile}}}
	var text bytes.Buffer
	if err := contract.WriteHTML(&text); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(text.String(), "<script>alert") {
		t.Error("the page has a script of a declaration")
	}
	text.Reset()
	if err := contract.WriteCSV(&text); err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(&text).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.HasPrefix(cell, "=") {
				t.Errorf("a spreadsheet would run %q", cell)
			}
		}
	}
}

// TestTable holds the table of users against the declarations, and its nearest neighbours
// apart: the role that includes the one that is asked for, the scoped credential.
func TestTable(t *testing.T) {
	t.Parallel()
	contract := contractOf(t, "testdata/proto")
	users, err := review.ReadUsers(strings.NewReader(`[
		{"id": "stranger"},
		{"id": "reader", "roles": ["reader"], "claims": {"orgIds": ["acme"]}},
		{"id": "admin", "roles": ["admin"]},
		{"id": "key", "roles": ["admin"], "scopes": ["notes.read"]},
		{"id": "wrong key", "roles": ["admin"], "scopes": ["notes.write"]}
	]`))
	if err != nil {
		t.Fatal(err)
	}
	table, err := contract.Table(t.Context(), users)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]review.May{
		"Health": {review.Yes, review.Yes, review.Yes, review.Yes, review.Yes},
		"Read":   {review.No, review.Depends, review.Depends, review.Depends, review.No},
		"Watch":  {review.No, review.No, review.Depends, review.No, review.No},
		"Mine":   {review.Yes, review.Yes, review.Yes, review.No, review.No},
		"Staff":  {review.No, review.Yes, review.Yes, review.No, review.No},
	}
	got := map[string][]review.May{}
	for _, row := range table.Rows {
		got[filepath.Base(row.Procedure)] = row.May
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	for name, write := range map[string]func(io.Writer) error{
		"users.txt": table.WriteText, "users.md": table.WriteMarkdown, "users.csv": table.WriteCSV, "users.json": table.WriteJSON,
	} {
		expectGolden(t, name, write)
	}
}

// TestReadUsers refuses files of users that are wrong, each with what is wrong.
func TestReadUsers(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`[{"roles": ["admin"]}]`:             "user 1 has no id",
		`[{"id": "ada"}, {"id": "ada"}]`:     `user "ada" is there twice`,
		`[{"id": "ada", "role": ["admin"]}]`: "unknown field",
		`{"id": "ada"}`:                      "write a JSON array",
	} {
		if _, err := review.ReadUsers(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	contract := contractOf(t, "testdata/proto")
	if _, err := contract.Table(t.Context(), []review.User{{ID: "ada", Claims: []byte(`{"nope": 1}`)}}); err == nil || !strings.Contains(err.Error(), `the claims of user "ada"`) {
		t.Errorf("claims of no known message: %v", err)
	}
}

// TestMatrixShadow shows a shadow in every form, and apart from the grants in force.
func TestMatrixShadow(t *testing.T) {
	t.Parallel()
	const inForce = `authorize: {allow: {cel: "'reader' in principal.roles"}}`
	contract := seeded(t, reviewtest.Seed{Replace: []string{inForce, strings.Replace(inForce, "}}", "} shadow: {allow: {any_role: \"admin\"}}}", 1)}})
	for name, test := range map[string]struct {
		write func(io.Writer) error
		want  string
	}{
		"text":     {contract.WriteText, "shadow, which decides nothing: allow[0]: role admin\n"},
		"markdown": {contract.WriteMarkdown, "shadow, which decides nothing: allow\\[0\\]: role admin |"},
		"html":     {contract.WriteHTML, "<li>shadow, which decides nothing: allow[0]: role admin</li>"},
		"csv":      {contract.WriteCSV, ",allow[0]: role admin,,,," + contract.Fingerprint},
		"json":     {contract.WriteJSON, `"shadow": [`},
	} {
		var text bytes.Buffer
		if err := test.write(&text); err != nil || strings.Count(text.String(), test.want) != 1 {
			t.Errorf("%s, %v: it has no %q:\n%s", name, err, test.want, text.String())
		}
		text.Reset()
		if err := actionWriter(contractOf(t, "testdata/proto"), name)(&text); err != nil || strings.Contains(text.String(), test.want) {
			t.Errorf("%s, %v: it has %q without a shadow", name, err, test.want)
		}
	}
	users, err := review.ReadUsers(strings.NewReader(`[{"id": "ada", "roles": ["reader"]}]`))
	if err != nil {
		t.Fatal(err)
	}
	table, err := contract.Table(t.Context(), users)
	if err != nil {
		t.Fatal(err)
	}
	if last := table.Rows[len(table.Rows)-1]; last.May[0] != review.Yes {
		t.Errorf("the shadow decides: %+v", last)
	}
}

// actionWriter returns what writes a contract in a form.
func actionWriter(contract *review.Contract, form string) func(io.Writer) error {
	return map[string]func(io.Writer) error{
		"text": contract.WriteText, "markdown": contract.WriteMarkdown, "html": contract.WriteHTML, "csv": contract.WriteCSV, "json": contract.WriteJSON,
	}[form]
}
