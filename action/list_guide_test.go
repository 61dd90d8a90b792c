package action_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"connectrpc.com/connect/v2"
	"connectrpc.com/connect/v2/connectinprocess"
	_ "modernc.org/sqlite"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/filter/sqlfilter"
	listsv1 "github.com/sallyport-rpc/sallyport/gen/test/lists/v1"
	"github.com/sallyport-rpc/sallyport/gen/test/lists/v1/listsv1action"
	"github.com/sallyport-rpc/sallyport/gen/test/lists/v1/listsv1client"
)

// A catalogue lists documents of a database, as docs/guides/lists.md shows.
type catalogue struct {
	listsv1action.ListServiceHandler // the other actions

	database  *sql.DB
	documents *sqlfilter.Mapping
}

// mapColumns maps what the rule can ask to columns. It is called once, after the registration.
func (c *catalogue) mapColumns(registry *action.Registry) error {
	rule, err := registry.FilterRule(listsv1client.ListServiceListProcedure, "documents")
	if err != nil {
		return err
	}
	c.documents, err = sqlfilter.New(sqlfilter.SQLite, rule, sqlfilter.Table{Alias: "d", Columns: map[string]sqlfilter.Column{
		"owner_id": {Name: "owner_id", Type: sqlfilter.Text, Null: sqlfilter.NeverNull},
		"folder":   {Name: "folder", Type: sqlfilter.Text, Null: sqlfilter.NeverNull},
	}})
	return err
}

func (c *catalogue) List(ctx context.Context, call *action.Call[listsv1.ListRequest]) (*listsv1.ListResponse, error) {
	seen, err := call.Filter(ctx, "documents")
	if err != nil {
		return nil, err
	}
	where, arguments, err := c.documents.Where(seen, 1)
	if err != nil {
		return nil, err
	}
	response := &listsv1.ListResponse{}
	count := c.database.QueryRowContext(ctx, "SELECT count(*) FROM documents AS d WHERE "+where, arguments...)
	if err := count.Scan(&response.TotalSize); err != nil {
		return nil, err
	}
	rows, err := c.database.QueryContext(ctx, "SELECT id, owner_id, folder FROM documents AS d WHERE "+where+" ORDER BY id LIMIT 50", arguments...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		document := &listsv1.Document{}
		if err := rows.Scan(&document.Id, &document.OwnerId, &document.Folder); err != nil {
			return nil, err
		}
		response.Documents = append(response.Documents, document)
	}
	return response, rows.Err()
}

func TestGuideCatalogue(t *testing.T) {
	t.Parallel()
	database, err := sql.Open("sqlite", "file:"+t.TempDir()+"/documents.db")
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	_, err = database.ExecContext(t.Context(), `
		CREATE TABLE documents (id TEXT NOT NULL, owner_id TEXT NOT NULL, folder TEXT NOT NULL);
		INSERT INTO documents VALUES ('plan', 'ada', 'work'), ('diary', 'ada', 'home'), ('draft', 'bob', 'work')`)
	if err != nil {
		t.Fatal(err)
	}
	sessions := authn.AuthenticatorFunc(func(_ context.Context, call *connect.CallInfo) (*authn.Principal, error) {
		return authn.NewPrincipal(call.RequestHeader().Get("User"), authn.Details{Unscoped: true}), nil
	})
	registry, err := action.NewRegistry(authn.Schemes{"session": sessions})
	if err != nil {
		t.Fatal(err)
	}
	of := &catalogue{database: database}
	if err := listsv1action.RegisterListService(registry, of, unused{}, unused{}); err != nil {
		t.Fatal(err)
	}
	if err := of.mapColumns(registry); err != nil {
		t.Fatal(err)
	}
	methods, err := registry.Methods()
	if err != nil {
		t.Fatal(err)
	}
	server := connect.NewServer()
	server.Register(methods...)
	client := connect.NewClient(connectinprocess.New(server))
	for user, want := range map[string]string{"ada": "plan", "bob": "draft", "eve": ""} {
		ctx, info := connect.NewClientContext(t.Context())
		info.RequestHeader().Set("User", user)
		response := new(listsv1.ListResponse)
		spec := connect.Spec{Procedure: listsv1client.ListServiceListProcedure}
		if err := client.CallUnary(ctx, spec, &listsv1.ListRequest{Folder: "work"}, response); err != nil {
			t.Errorf("%s: %v", user, err)
			continue
		}
		var ids []string
		for _, document := range response.GetDocuments() {
			ids = append(ids, document.GetId())
		}
		if got := strings.Join(ids, " "); got != want || response.GetTotalSize() != int64(len(response.GetDocuments())) {
			t.Errorf("%s sees %q of %d, want %q", user, got, response.GetTotalSize(), want)
		}
	}
}

// unused are the checks and loaders of actions that are not called here.
type unused struct {
	listsv1action.ListServiceChecks
	listsv1action.ListServiceLoaders
}
