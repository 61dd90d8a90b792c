package sqlfilter

import (
	"database/sql"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bufbuild/protocompile"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/policy"
	"github.com/sallyport-rpc/sallyport/internal/testservices"
)

const schema = `
	syntax = "proto3";
	package filter.v1;
	import "google/protobuf/timestamp.proto";
	import "google/protobuf/wrappers.proto";
	message Item {
		string id = 1;
		string owner_id = 2;
		optional string title = 3;
		Owner owner = 4;
		State state = 5;
		State kind = 6;
		bool open = 7;
		optional bool pinned = 8;
		int64 size = 9;
		optional int64 rank = 10;
		uint32 small = 11;
		google.protobuf.Timestamp at = 12;
		google.protobuf.Timestamp due = 13;
		google.protobuf.StringValue label = 14;
		google.protobuf.Int64Value score = 15;
		repeated string reader_ids = 16;
		repeated int64 numbers = 17;
		uint64 large = 18;
		double weight = 19;
		map<string, string> labels = 20;
		Twice twice = 21;
		bytes content = 22;
		optional State phase = 23;
		message Owner {
			string id = 1;
			optional string nick = 2;
			int64 level = 3;
			repeated string ids = 4;
		}
	}
	message Request {
		string text = 1;
		repeated string texts = 2;
		int64 number = 3;
		repeated int64 numbers = 4;
		bool flag = 5;
		google.protobuf.Timestamp time = 6;
		State state = 7;
		uint32 small = 8;
		optional string maybe = 9;
		repeated uint32 smalls = 10;
	}
	enum State { STATE_UNSPECIFIED = 0; STATE_DRAFT = 1; STATE_PUBLISHED = 2; STATE_OLD = -3; }
	enum Twice { option allow_alias = true; TWICE_UNSPECIFIED = 0; TWICE_A = 1; TWICE_B = 1; }`

// types are the messages of the schema.
type types struct {
	item, request protoreflect.MessageDescriptor
	environment   *condition.Environment
}

func typesOf(tb testing.TB) types {
	tb.Helper()
	compiler := protocompile.Compiler{Resolver: protocompile.WithStandardImports(
		&protocompile.SourceResolver{Accessor: protocompile.SourceAccessorFromMap(map[string]string{"filter.proto": schema})})}
	files, err := compiler.Compile(tb.Context(), "filter.proto")
	if err != nil {
		tb.Fatal(err)
	}
	made := types{item: files[0].Messages().ByName("Item"), request: files[0].Messages().ByName("Request")}
	environment, err := condition.NewEnvironment()
	if err != nil {
		tb.Fatal(err)
	}
	made.environment = environment.WithSubject(condition.Subject{Name: condition.ItemName, Type: made.item})
	return made
}

// list is the rule of a list by its conditions, one a grant.
func (t types) list(tb testing.TB, conditions ...string) *policy.List {
	tb.Helper()
	var grants []declare.Grant
	for _, text := range conditions {
		expression, err := t.environment.Compile(text, t.request)
		if err != nil {
			tb.Fatalf("%s: %v", text, err)
		}
		grants = append(grants, declare.Grant{Conditions: []declare.Condition{declare.CEL{Expression: expression}}})
	}
	list, err := policy.NewList(t.item, grants, policy.Deciders{})
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

var noon = time.Date(2026, time.May, 4, 12, 0, 0, 0, time.UTC)

func alice() *authn.Principal {
	return authn.NewPrincipal("alice", authn.Details{Unscoped: true, Roles: []string{"member"}}).
		Bound("session", authn.NewHierarchy(map[string][]string{"admin": {"member"}}))
}

func inputOf(request proto.Message) policy.Input {
	return policy.Input{Principal: alice(), Request: request, Now: noon}
}

// columns map every field that can be mapped. The conventions of NULL are all there.
func columns(dialect Dialect) Table {
	due := Column{Name: "due", Type: UnixMicro, Null: NullIsAbsent}
	if dialect == PostgreSQL {
		due.Type = Timestamptz
	}
	return Table{Alias: "i", Columns: map[string]Column{
		"id":          {Name: "id", Type: Text, Null: NeverNull},
		"owner_id":    {Name: "owner_id", Type: Text, Null: NullIsZero},
		"title":       {Name: "title", Type: Text, Null: NullIsAbsent},
		"owner":       {Name: "has_owner", Type: Presence, Null: NullIsAbsent},
		"owner.id":    {Name: "owner_key", Type: Text, Null: NullIsAbsent},
		"owner.nick":  {Name: "owner_nick", Type: Text, Null: NullIsAbsent},
		"owner.level": {Name: "owner_level", Type: Integer, Null: NullIsAbsent},
		"state":       {Name: "state", Type: EnumNumber, Null: NullIsZero},
		"kind":        {Name: "kind", Type: EnumName, Null: NullIsZero},
		"phase":       {Name: "phase", Type: EnumName, Null: NullIsAbsent},
		"open":        {Name: "open", Type: Bool, Null: NullIsZero},
		"pinned":      {Name: "pinned", Type: Bool, Null: NullIsAbsent},
		"size":        {Name: "size", Type: Integer, Null: NullIsZero},
		"rank":        {Name: "rank", Type: Integer, Null: NullIsAbsent},
		"small":       {Name: "small", Type: Integer, Null: NeverNull},
		"at":          {Name: "at", Type: UnixMicro, Null: NullIsAbsent},
		"due":         due,
		"label":       {Name: "label", Type: Text, Null: NullIsAbsent},
		"score":       {Name: "score", Type: Integer, Null: NullIsAbsent},
		"reader_ids":  {Name: "reader", Type: Text, Null: NeverNull, Rows: &Rows{Table: "readers", Key: "item", Of: "key"}},
		"numbers":     {Name: "number", Type: Integer, Null: NeverNull, Rows: &Rows{Table: "numbers", Key: "item", Of: "key"}},
	}}
}

// onSQLite returns an empty database whose texts are compared without regard to case.
func onSQLite(tb testing.TB) *sql.DB {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+tb.TempDir()+"/items.db")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	create(tb, db, "TEXT COLLATE NOCASE", "INTEGER", "INTEGER")
	return db
}

// onPostgreSQL returns an empty schema whose texts are compared by a collation that
// ignores case and accents.
func onPostgreSQL(t *testing.T) *sql.DB {
	t.Helper()
	db, err := sql.Open("pgx", testservices.Environment(t, "SALLYPORT_TEST_POSTGRES"))
	if err != nil {
		t.Fatal(err)
	}
	db.SetMaxOpenConns(1) // the schema is set on a connection
	t.Cleanup(func() { _ = db.Close() })
	name := fmt.Sprintf("filters_%d", time.Now().UnixNano())
	for _, statement := range []string{
		"CREATE SCHEMA " + name, "SET search_path TO " + name,
		"CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level1', deterministic = false)",
	} {
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _, _ = db.Exec("DROP SCHEMA " + name + " CASCADE") })
	create(t, db, "VARCHAR COLLATE loose", "TIMESTAMPTZ", "BOOLEAN")
	return db
}

func create(tb testing.TB, db *sql.DB, text, due, flag string) {
	tb.Helper()
	replaced := strings.NewReplacer("$text", text, "$due", due, "$flag", flag)
	for _, statement := range []string{
		`CREATE TABLE items (key BIGINT PRIMARY KEY, batch BIGINT, id $text, owner_id $text, title $text, has_owner BIGINT, owner_key $text,
			owner_nick $text, owner_level INTEGER, state INTEGER, kind $text, phase $text, open $flag, pinned $flag, size BIGINT, rank BIGINT,
			small BIGINT, at BIGINT, due $due, label $text, score BIGINT)`,
		`CREATE TABLE readers (item BIGINT, reader $text)`,
		`CREATE TABLE numbers (item BIGINT, number BIGINT)`,
	} {
		if _, err := db.Exec(replaced.Replace(statement)); err != nil {
			tb.Fatal(err)
		}
	}
}
