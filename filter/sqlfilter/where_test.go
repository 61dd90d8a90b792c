package sqlfilter

import (
	"database/sql"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/prototext"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/filter"
)

func (t types) requestOf(tb testing.TB, text string) proto.Message {
	tb.Helper()
	request := dynamicpb.NewMessage(t.request)
	if err := prototext.Unmarshal([]byte(text), request); err != nil {
		tb.Fatal(err)
	}
	return request
}

// What is written is as follows, for both databases.
func TestWhere(t *testing.T) {
	t.Parallel()
	types := typesOf(t)
	tests := map[string]struct{ rule, request, sqlite, postgres, arguments string }{
		"text":                    {`item.id == principal.id`, ``, `(i.id COLLATE BINARY = ?)`, `((i.id::text) COLLATE "C" = $3::text)`, `[alice]`},
		"a negation":              {`item.id != principal.id`, ``, `(i.id COLLATE BINARY <> ? AND typeof(i.id) <> 'blob')`, `((i.id::text) COLLATE "C" <> $3::text)`, `[alice]`},
		"NULL is zero":            {`item.owner_id == ""`, ``, `(COALESCE(i.owner_id, '') COLLATE BINARY = ?)`, `((COALESCE(i.owner_id::text, '')) COLLATE "C" = $3::text)`, `[]`},
		"membership":              {`item.title in request.texts`, `texts: ["a", "b", "a"]`, `(i.title COLLATE BINARY IN (?, ?))`, `((i.title::text) COLLATE "C" IN ($3::text, $4::text))`, `[a b]`},
		"no membership":           {`!(item.title in request.texts)`, `texts: ["a", "b"]`, `(i.title COLLATE BINARY NOT IN (?, ?) AND typeof(i.title) <> 'blob')`, `((i.title::text) COLLATE "C" NOT IN ($3::text, $4::text))`, `[a b]`},
		"in none":                 {`item.title in request.texts`, ``, `(1=0)`, `(1=0)`, `[]`},
		"not in none":             {`!(item.title in request.texts)`, ``, `(i.title IS NOT NULL)`, `(i.title IS NOT NULL)`, `[]`},
		"not in none, never NULL": {`!(item.owner_id in request.texts)`, ``, `(1=1)`, `(1=1)`, `[]`},
		"or":                      {`item.open || item.size > 1`, ``, `((i.open IS TRUE) OR (COALESCE(i.size, 0) > CAST(? AS INTEGER)))`, `((i.open IS TRUE) OR (COALESCE(i.size, 0) > $3::bigint))`, `[1]`},
		"a negation of or":        {`!(item.open || item.size > 1)`, ``, `((i.open IS NOT TRUE) AND (COALESCE(i.size, 0) <= CAST(? AS INTEGER)))`, `((i.open IS NOT TRUE) AND (COALESCE(i.size, 0) <= $3::bigint))`, `[1]`},
		"all":                     {`principal.id == "alice" || item.open`, ``, `(1=1)`, `(1=1)`, `[]`},
		"none":                    {`principal.id == "bob" && item.open`, ``, `(1=0)`, `(1=0)`, `[]`},
		"absent":                  {`!(request.maybe == item.id)`, ``, `(1=0)`, `(1=0)`, `[]`},
		"presence":                {`has(item.title)`, ``, `(i.title IS NOT NULL)`, `(i.title IS NOT NULL)`, `[]`},
		"no presence":             {`!has(item.owner)`, ``, `(i.has_owner IS NULL)`, `(i.has_owner IS NULL)`, `[]`},
		"an enum's number":        {`item.state == filter.v1.State.STATE_OLD`, ``, `(COALESCE(i.state, 0) = CAST(? AS INTEGER))`, `(COALESCE(i.state, 0) = $3::bigint)`, `[-3]`},
		"an enum's name":          {`item.phase == filter.v1.State.STATE_OLD`, ``, `(i.phase COLLATE BINARY = ?)`, `((i.phase::text) COLLATE "C" = $3::text)`, `[STATE_OLD]`},
		"a number of no name":     {`item.phase == 77`, ``, `(1=0)`, `(1=0)`, `[]`},
		"not a number of no name": {`item.phase != 77`, ``, `(i.phase IS NOT NULL)`, `(i.phase IS NOT NULL)`, `[]`},
		"beyond integers":         {`item.small < 9223372036854775808u`, ``, `(i.small IS NOT NULL)`, `(i.small IS NOT NULL)`, `[]`},
		"not beyond integers":     {`item.small > 9223372036854775808u`, ``, `(1=0)`, `(1=0)`, `[]`},
		"between microseconds":    {`item.at < request.time`, `time {nanos: 1500}`, `(i.at <= CAST(? AS INTEGER))`, `(i.at <= $3::bigint)`, `[1]`},
		"not between them":        {`!(item.at < request.time)`, `time {nanos: 1500}`, `(i.at > CAST(? AS INTEGER))`, `(i.at > $3::bigint)`, `[1]`},
		"equal to none of them":   {`item.at == request.time`, `time {nanos: 1500}`, `(1=0)`, `(1=0)`, `[]`},
		"a time beyond all":       {`item.at < request.time`, `time {seconds: 9223372036854775807}`, `(i.at IS NOT NULL)`, `(i.at IS NOT NULL)`, `[]`},
		"a time before all":       {`item.at >= request.time`, `time {seconds: -9223372036854775808}`, `(i.at IS NOT NULL)`, `(i.at IS NOT NULL)`, `[]`},
		"not a time before all":   {`item.at < request.time`, `time {seconds: -9223372036854775808}`, `(1=0)`, `(1=0)`, `[]`},
		"rows": {`principal.id in item.reader_ids`, ``,
			`(EXISTS (SELECT 1 FROM readers WHERE readers.item = i.key AND (readers.reader COLLATE BINARY = ?)))`,
			`(EXISTS (SELECT 1 FROM readers WHERE readers.item = i.key AND ((readers.reader::text) COLLATE "C" = $3::text)))`, `[alice]`},
		"no rows": {`!(principal.id in item.reader_ids)`, ``,
			`(NOT EXISTS (SELECT 1 FROM readers WHERE readers.item = i.key AND ((readers.reader COLLATE BINARY = ?) OR typeof(readers.reader) = 'blob')))`,
			`(NOT EXISTS (SELECT 1 FROM readers WHERE readers.item = i.key AND ((readers.reader::text) COLLATE "C" = $3::text)))`, `[alice]`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			list := types.list(t, test.rule)
			of, err := list.Filter(t.Context(), inputOf(types.requestOf(t, test.request)))
			if err != nil {
				t.Fatal(err)
			}
			for dialect, want := range map[Dialect]string{SQLite: test.sqlite, PostgreSQL: test.postgres} {
				mapping, err := New(dialect, list.Rule(), columns(dialect))
				if err != nil {
					t.Fatal(err)
				}
				got, arguments, err := mapping.Where(of, 3)
				if err != nil || got != want || fmt.Sprint(arguments) != test.arguments {
					t.Errorf("%s %v, %v\nwant %s %s", got, arguments, err, want, test.arguments)
				}
			}
		})
	}
}

// A text that PostgreSQL does not have is equal to none, and is no error of a query.
func TestTextThatIsNone(t *testing.T) {
	t.Parallel()
	types := typesOf(t)
	for _, text := range []string{"a\x00b", "a\xff"} {
		node := &filter.Node{Kind: filter.Equals, Path: types.list(t, `item.title == "a"`).Rule().Uses[0].Path, Values: []any{text}}
		for dialect, want := range map[Dialect]string{SQLite: `(i.title COLLATE BINARY = ?)`, PostgreSQL: `(1=0)`} {
			mapping, err := New(dialect, types.list(t, `item.title == "a"`).Rule(), columns(dialect))
			if err != nil {
				t.Fatal(err)
			}
			if got, _, err := mapping.Where(filter.New(node), 1); err != nil || got != want {
				t.Errorf("%q: %s, %v", text, got, err)
			}
			if got, _, err := mapping.Where(filter.New(filter.Negated(node)), 1); dialect == PostgreSQL && (err != nil || got != `(i.title IS NOT NULL)`) {
				t.Errorf("not %q: %s, %v", text, got, err)
			}
		}
	}
}

// The zero filter and the zero mapping show nothing, and neither does what fails.
func TestWhereOfNothing(t *testing.T) {
	t.Parallel()
	types := typesOf(t)
	mapping, err := New(PostgreSQL, types.list(t, `item.id == "a"`).Rule(), columns(PostgreSQL))
	if err != nil {
		t.Fatal(err)
	}
	use := func(text string) filter.Use { return types.list(t, text).Rule().Uses[0] }
	one := func(kind filter.Kind, text string, values ...any) filter.Filter {
		return filter.New(&filter.Node{Kind: kind, Path: use(text).Path, Values: values})
	}
	many := make([]any, maxArguments+1)
	for i := range many {
		many[i] = strconv.Itoa(i)
	}
	tests := map[string]struct {
		mapping *Mapping
		filter  filter.Filter
		fails   string
	}{
		"the zero filter":    {mapping, filter.Filter{}, ""},
		"no mapping":         {nil, one(filter.Equals, `item.id == "a"`, "a"), ""},
		"the zero mapping":   {&Mapping{}, one(filter.Equals, `item.id == "a"`, "a"), ""},
		"another field":      {mapping, one(filter.Equals, `item.title == "a"`, "a"), "title has no column"},
		"another type":       {mapping, one(filter.Equals, `item.id == "a"`, int64(1)), "int64"},
		"an order of text":   {mapping, one(filter.Less, `item.id == "a"`, "a"), "order of text"},
		"no value":           {mapping, one(filter.Equals, `item.id == "a"`), "0 values"},
		"no path":            {mapping, filter.New(&filter.Node{Kind: filter.Has}), "no field"},
		"what is asked":      {mapping, filter.New(&filter.Node{Kind: filter.Other}), "no form"},
		"an unknown kind":    {mapping, filter.New(&filter.Node{Kind: 99}), "no form"},
		"too many arguments": {mapping, one(filter.Among, `item.id == "a"`, many...), "10001 arguments"},
		"part of or":         {mapping, filter.New(&filter.Node{Kind: filter.Or, Nodes: []*filter.Node{{Kind: filter.True}, {Kind: filter.Other}}}), "no form"},
	}
	for name, test := range tests {
		got, arguments, err := test.mapping.Where(test.filter, 1)
		if got != "(1=0)" || len(arguments) > 0 || (err != nil) != (test.fails != "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("%s: %s %v, %v", name, got, arguments, err)
		}
	}
	if got, _, err := mapping.Where(one(filter.Among, `item.id == "a"`, many[:maxArguments]...), 1); err != nil || got == "(1=0)" {
		t.Errorf("as many arguments as there may be: %v", err)
	}
}

// What SQL does not say exactly is refused when the mapping is made.
func TestNew(t *testing.T) {
	t.Parallel()
	types := typesOf(t)
	rows := &Rows{Table: "readers", Key: "item", Of: "key"}
	tests := map[string]struct {
		dialect Dialect
		rule    string
		alias   string
		field   string
		column  Column
		want    string // "" where it is taken
	}{
		"a column":                       {SQLite, `item.id == "a"`, "", "id", Column{Name: "id", Type: Text, Null: NeverNull}, ""},
		"no dialect":                     {0, `item.id == "a"`, "", "id", Column{Name: "id", Type: Text, Null: NeverNull}, "neither"},
		"no column":                      {SQLite, `item.id == "a"`, "", "title", Column{Name: "id", Type: Text, Null: NeverNull}, "no column"},
		"no NULL":                        {SQLite, `item.id == "a"`, "", "id", Column{Name: "id", Type: Text}, "what NULL means"},
		"no type":                        {SQLite, `item.id == "a"`, "", "id", Column{Name: "id", Null: NeverNull}, "type"},
		"a name with a quote":            {SQLite, `item.id == "a"`, "", "id", Column{Name: `id" OR 1=1`, Type: Text, Null: NeverNull}, "plain name"},
		"an alias with a space":          {SQLite, `item.id == "a"`, "a b", "id", Column{Name: "id", Type: Text, Null: NeverNull}, "plain name"},
		"text as a number":               {SQLite, `item.id == "a"`, "", "id", Column{Name: "id", Type: Integer, Null: NeverNull}, "type"},
		"a number as text":               {SQLite, `item.size == 1`, "", "size", Column{Name: "size", Type: Text, Null: NeverNull}, "type"},
		"uint64":                         {SQLite, `item.large == 1u`, "", "large", Column{Name: "large", Type: Integer, Null: NeverNull}, "type"},
		"uint32":                         {SQLite, `item.small == 1u`, "", "small", Column{Name: "small", Type: Integer, Null: NeverNull}, ""},
		"a double":                       {SQLite, `item.weight > 1.0`, "", "weight", Column{Name: "weight", Type: Integer, Null: NeverNull}, "does not say exactly"},
		"bytes":                          {SQLite, `item.content == b"a"`, "", "content", Column{Name: "content", Type: Text, Null: NeverNull}, "does not say exactly"},
		"a function":                     {SQLite, `item.id.startsWith("a")`, "", "id", Column{Name: "id", Type: Text, Null: NeverNull}, `"item.id.startsWith(\"a\")" has a part`},
		"two fields":                     {SQLite, `item.id == item.owner_id`, "", "id", Column{Name: "id", Type: Text, Null: NeverNull}, "does not say exactly"},
		"an order of text":               {SQLite, `item.id < "a"`, "", "id", Column{Name: "id", Type: Text, Null: NeverNull}, "order of text"},
		"an order of names":              {SQLite, `item.state < 2`, "", "state", Column{Name: "state", Type: EnumName, Null: NeverNull}, "order of text"},
		"an order of enum's numbers":     {SQLite, `item.state < 2`, "", "state", Column{Name: "state", Type: EnumNumber, Null: NeverNull}, ""},
		"two names of a number":          {SQLite, `item.twice == 1`, "", "twice", Column{Name: "twice", Type: EnumName, Null: NeverNull}, "two names"},
		"two names, by number":           {SQLite, `item.twice == 1`, "", "twice", Column{Name: "twice", Type: EnumNumber, Null: NeverNull}, ""},
		"absent that is never":           {SQLite, `item.id == "a"`, "", "id", Column{Name: "id", Type: Text, Null: NullIsAbsent}, "never absent"},
		"absent with a presence":         {SQLite, `item.title == "a"`, "", "title", Column{Name: "title", Type: Text, Null: NullIsAbsent}, ""},
		"absent below a message":         {SQLite, `item.owner.id == "a"`, "", "owner.id", Column{Name: "owner_id", Type: Text, Null: NullIsAbsent}, ""},
		"a time that is zero":            {SQLite, `item.at < now`, "", "at", Column{Name: "at", Type: UnixMicro, Null: NullIsZero}, "no zero value"},
		"a time of PostgreSQL":           {PostgreSQL, `item.at < now`, "", "at", Column{Name: "at", Type: Timestamptz, Null: NullIsAbsent}, ""},
		"a time of PostgreSQL in SQLite": {SQLite, `item.at < now`, "", "at", Column{Name: "at", Type: Timestamptz, Null: NullIsAbsent}, "UnixMicro"},
		"a time as text":                 {SQLite, `item.at < now`, "", "at", Column{Name: "at", Type: Text, Null: NullIsAbsent}, "type"},
		"a presence below a message":     {SQLite, `has(item.owner.nick)`, "", "owner.nick", Column{Name: "nick", Type: Text, Null: NullIsAbsent}, "which of the messages"},
		"set below a message":            {SQLite, `has(item.owner.id)`, "", "owner.id", Column{Name: "nick", Type: Text, Null: NullIsAbsent}, ""},
		"a message":                      {SQLite, `has(item.owner)`, "", "owner", Column{Name: "owner", Type: Presence, Null: NullIsAbsent}, ""},
		"a message as text":              {SQLite, `has(item.owner)`, "", "owner", Column{Name: "owner", Type: Text, Null: NullIsAbsent}, "type"},
		"a value that is none":           {SQLite, `item.title == "a"`, "", "title", Column{Name: "title", Type: Presence, Null: NullIsAbsent}, "type"},
		"rows":                           {SQLite, `"a" in item.reader_ids`, "i", "reader_ids", Column{Name: "reader", Type: Text, Null: NeverNull, Rows: rows}, ""},
		"rows without a table":           {SQLite, `"a" in item.reader_ids`, "i", "reader_ids", Column{Name: "reader", Type: Text, Null: NeverNull}, "Rows"},
		"rows without an alias":          {SQLite, `"a" in item.reader_ids`, "", "reader_ids", Column{Name: "reader", Type: Text, Null: NeverNull, Rows: rows}, "alias"},
		"rows of the same name":          {SQLite, `"a" in item.reader_ids`, "Readers", "reader_ids", Column{Name: "reader", Type: Text, Null: NeverNull, Rows: rows}, "called as"},
		"rows that are absent":           {SQLite, `"a" in item.reader_ids`, "i", "reader_ids", Column{Name: "reader", Type: Text, Null: NullIsAbsent, Rows: rows}, "never absent"},
		"rows of another type":           {SQLite, `"a" in item.reader_ids`, "i", "reader_ids", Column{Name: "reader", Type: Integer, Null: NeverNull, Rows: rows}, "type"},
		"rows below a message":           {SQLite, `"a" in item.owner.ids`, "i", "owner.ids", Column{Name: "reader", Type: Text, Null: NeverNull, Rows: rows}, "do not say whether"},
		"rows with a bad key":            {SQLite, `"a" in item.reader_ids`, "i", "reader_ids", Column{Name: "reader", Type: Text, Null: NeverNull, Rows: &Rows{Table: "readers", Key: "a;b", Of: "key"}}, "plain name"},
		"rows of one value":              {SQLite, `item.id == "a"`, "i", "id", Column{Name: "reader", Type: Text, Null: NeverNull, Rows: rows}, "repeated field"},
		"whether there are rows":         {SQLite, `has(item.reader_ids)`, "i", "reader_ids", Column{Name: "reader", Type: Text, Null: NeverNull, Rows: rows}, "repeated field"},
		"what the caller alone decides":  {SQLite, `principal.id == "a"`, "", "", Column{}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := New(test.dialect, types.list(t, test.rule).Rule(), Table{Alias: test.alias, Columns: map[string]Column{test.field: test.column}})
			if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
	_, err := New(SQLite, types.list(t, `item.id == "a" && item.title == "a"`).Rule(), Table{})
	if err == nil || !strings.Contains(err.Error(), "field id") || !strings.Contains(err.Error(), "field title") {
		t.Errorf("not all at once: %v", err)
	}
}

// Integers are compared as such to the last one.
func TestIntegers(t *testing.T) {
	t.Parallel()
	at := place{column: Column{Type: Integer}}
	w := &writing{Mapping: &Mapping{dialect: SQLite}}
	for value, want := range map[uint64]side{0: within, math.MaxInt64: within, math.MaxInt64 + 1: above, math.MaxUint64: above} {
		if _, got, ok := w.value(value, at); !ok || got != want {
			t.Errorf("%d: %d, %t", value, got, ok)
		}
	}
}

// A BLOB in a column of text is no text: a comparison does not show its row, and neither
// does its opposite. The same bytes as text are what they are.
func TestBlobIsNoText(t *testing.T) {
	t.Parallel()
	types := typesOf(t)
	database, err := sql.Open("sqlite", "file:"+t.TempDir()+"/blob.db")
	if err != nil {
		t.Fatal(err)
	}
	defer database.Close()
	for _, statement := range []string{
		`CREATE TABLE items (key INTEGER, id TEXT, title TEXT)`, `CREATE TABLE readers (item INTEGER, reader TEXT)`,
		`INSERT INTO items VALUES (1, x'616c696365', x'616c696365'), (2, 'bob', 'bob')`,
		`INSERT INTO readers VALUES (1, x'616c696365'), (2, 'bob')`,
	} {
		if _, err := database.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for rule, want := range map[string]string{
		`item.id == principal.id`:                      "",
		`item.id != principal.id`:                      "2",
		`!(item.title in ["alice", "carol"])`:          "2",
		`principal.id in item.reader_ids`:              "",
		`!(principal.id in item.reader_ids)`:           "2",
		`item.id == "bob" && "bob" in item.reader_ids`: "2",
	} {
		list := types.list(t, rule)
		mapping, err := New(SQLite, list.Rule(), columns(SQLite))
		if err != nil {
			t.Fatal(err)
		}
		of, err := list.Filter(t.Context(), inputOf(nil))
		if err != nil {
			t.Fatal(err)
		}
		where, arguments, err := mapping.Where(of, 1)
		if err != nil {
			t.Fatal(err)
		}
		var got sql.NullString
		row := database.QueryRowContext(t.Context(), "SELECT group_concat(key, ' ') FROM items AS i WHERE "+where, arguments...)
		if err := row.Scan(&got); err != nil || got.String != want {
			t.Errorf("%s shows %q, %v, want %q", rule, got.String, err, want)
		}
	}
}
