package sqlfilter

import (
	"database/sql"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// hostile are texts that databases take for each other, or for something else.
var hostile = []string{
	"", "a", "A", "á", "a\u0301", "a\u00ad", "a ", " a", "%", "_", `\`, `a\`, "'", `"`, "a'--", "\U0001f600", "ß", "ss", "ı", "i", "I",
	"0", "1", "01", "1.0", "NULL", "true", "\n", "alice", "Alice", "ALICE", "STATE_DRAFT", "state_draft",
}

// withNUL is a text that PostgreSQL does not have.
const withNUL = "a\x00b"

var numbers = []int64{0, 1, -1, 2, 7, 10, 9, math.MaxInt32, math.MaxInt64, math.MinInt64, math.MaxInt64 - 1}

// micros are times, and a request has some between two of them.
var micros = []int64{0, 1, -1, noon.UnixMicro(), noon.UnixMicro() + 1, noon.UnixMicro() - 1, -62135596800_000_000, 253402300799_999_999}

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

// A row is an item as it is in a database and as the application loads it.
type row struct {
	key, batch int
	item       proto.Message
	values     map[string]any // by column; nil is NULL
	readers    []string
	numbers    []int64
}

// randomRow makes an item of which each field that may be absent is at times.
func (t types) randomRow(r *rand.Rand, key int, dialect Dialect) row {
	made := row{key: key, batch: 1 + r.IntN(2), values: map[string]any{}}
	item := dynamicpb.NewMessage(t.item)
	hasOwner := r.IntN(3) > 0
	if hasOwner {
		item.Mutable(t.item.Fields().ByName("owner"))
	}
	table := columns(dialect)
	for _, name := range slices.Sorted(mapsKeys(table.Columns)) {
		column := table.Columns[name]
		message, path := protoreflect.Message(item), strings.Split(name, ".")
		if column.Rows != nil {
			continue
		}
		if path[0] == "owner" && !hasOwner {
			made.values[column.Name] = nil
			continue
		}
		if len(path) == 2 {
			message = message.Mutable(message.Descriptor().Fields().ByName("owner")).Message()
		}
		field := message.Descriptor().Fields().ByName(protoreflect.Name(path[len(path)-1]))
		if column.Type == Presence {
			made.values[column.Name] = int64(0)
			continue
		}
		if field.HasPresence() && r.IntN(3) == 0 {
			made.values[column.Name] = nil
			continue
		}
		made.values[column.Name] = set(r, message, field, column, dialect)
	}
	for range r.IntN(4) {
		made.readers = append(made.readers, text(r, dialect))
		made.numbers = append(made.numbers, pick(r, numbers))
	}
	fill(item, "reader_ids", made.readers, protoreflect.ValueOfString)
	fill(item, "numbers", made.numbers, protoreflect.ValueOfInt64)
	made.item = item
	return made
}

func mapsKeys[V any](of map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for key := range of {
			if !yield(key) {
				return
			}
		}
	}
}

func fill[V any](message protoreflect.Message, name protoreflect.Name, values []V, of func(V) protoreflect.Value) {
	if len(values) == 0 {
		return
	}
	list := message.Mutable(message.Descriptor().Fields().ByName(name)).List()
	for _, value := range values {
		list.Append(of(value))
	}
}

// text is a text that a database can have.
func text(r *rand.Rand, dialect Dialect) string {
	if dialect == SQLite && r.IntN(20) == 0 {
		return withNUL
	}
	return pick(r, hostile)
}

// set gives a field a random value, and returns it as its column has it.
func set(r *rand.Rand, message protoreflect.Message, field protoreflect.FieldDescriptor, column Column, dialect Dialect) any {
	if field.Message() != nil && field.Message().Name() != "Timestamp" { // a wrapper
		message = message.Mutable(field).Message()
		field = message.Descriptor().Fields().ByName("value")
	}
	var stored any
	isZero := false
	switch field.Kind() { //nolint:exhaustive // the others are not mapped
	case protoreflect.StringKind:
		value := text(r, dialect)
		message.Set(field, protoreflect.ValueOfString(value))
		stored, isZero = value, value == ""
	case protoreflect.BoolKind:
		value := r.IntN(2) == 0
		message.Set(field, protoreflect.ValueOfBool(value))
		stored, isZero = value, !value
	case protoreflect.EnumKind:
		value := pick(r, []protoreflect.EnumNumber{0, 1, 2, -3})
		if column.Type == EnumName {
			stored = string(field.Enum().Values().ByNumber(value).Name())
		} else {
			value = pick(r, []protoreflect.EnumNumber{0, 1, 2, -3, 77})
			stored = int64(value)
		}
		message.Set(field, protoreflect.ValueOfEnum(value))
		isZero = value == 0
	case protoreflect.Uint32Kind:
		value := pick(r, []uint32{0, 1, 2, 7, math.MaxUint32})
		message.Set(field, protoreflect.ValueOfUint32(value))
		stored, isZero = int64(value), value == 0
	case protoreflect.Int64Kind:
		value := pick(r, numbers)
		if column.Name == "owner_level" {
			value = int64(int32(value))
		}
		message.Set(field, protoreflect.ValueOfInt64(value))
		stored, isZero = value, value == 0
	case protoreflect.MessageKind:
		micro := pick(r, micros)
		setTime(message.Mutable(field).Message(), micro, 0)
		stored = micro
		if column.Type == Timestamptz {
			stored = timeOf(micro)
		}
	}
	if column.Null == NullIsZero && isZero && r.IntN(2) == 0 {
		return nil
	}
	return stored
}

func setTime(message protoreflect.Message, micro, nanos int64) {
	at := timeOf(micro)
	fields := message.Descriptor().Fields()
	message.Set(fields.ByName("seconds"), protoreflect.ValueOfInt64(at.Unix()))
	message.Set(fields.ByName("nanos"), protoreflect.ValueOfInt32(int32(int64(at.Nanosecond())+nanos)))
}

// insert puts rows into a database, many at a time.
func insert(t *testing.T, db *sql.DB, dialect Dialect, rows []row) {
	t.Helper()
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	into := func(table string, columns []string, values []any) {
		places := make([]string, len(values))
		for i := range values {
			places[i] = "?"
			if dialect == PostgreSQL {
				places[i] = "$" + strconv.Itoa(i+1)
			}
		}
		if _, err := tx.Exec("INSERT INTO "+table+" ("+strings.Join(columns, ", ")+") VALUES ("+strings.Join(places, ", ")+")", values...); err != nil {
			t.Fatalf("%v: %v", values, err)
		}
	}
	for _, of := range rows {
		names := slices.Sorted(mapsKeys(of.values))
		values := []any{of.key, of.batch}
		for _, name := range names {
			values = append(values, of.values[name])
		}
		into("items", append([]string{"key", "batch"}, names...), values)
		for i := range of.readers {
			into("readers", []string{"item", "reader"}, []any{of.key, of.readers[i]})
			into("numbers", []string{"item", "number"}, []any{of.key, of.numbers[i]})
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// randomRequest is what a rule's constants come from, hostile ones too.
func (t types) randomRequest(r *rand.Rand) proto.Message {
	request := dynamicpb.NewMessage(t.request)
	put := func(name protoreflect.Name, value protoreflect.Value) {
		request.Set(t.request.Fields().ByName(name), value)
	}
	text := func() string {
		if r.IntN(20) == 0 {
			return withNUL
		}
		return pick(r, hostile)
	}
	put("text", protoreflect.ValueOfString(text()))
	if r.IntN(2) == 0 {
		put("maybe", protoreflect.ValueOfString(text()))
	}
	var texts []string
	var some []int64
	var small []uint32
	for range r.IntN(5) {
		texts, some = append(texts, text()), append(some, pick(r, numbers))
		small = append(small, pick(r, []uint32{0, 1, 7, math.MaxUint32}))
	}
	fill(request, "texts", texts, protoreflect.ValueOfString)
	fill(request, "numbers", some, protoreflect.ValueOfInt64)
	fill(request, "smalls", small, protoreflect.ValueOfUint32)
	put("number", protoreflect.ValueOfInt64(pick(r, numbers)))
	put("small", protoreflect.ValueOfUint32(pick(r, []uint32{0, 1, 2, 7, math.MaxUint32})))
	put("flag", protoreflect.ValueOfBool(r.IntN(2) == 0))
	put("state", protoreflect.ValueOfEnum(pick(r, []protoreflect.EnumNumber{0, 1, 2, -3, 77, 78})))
	if r.IntN(4) > 0 {
		setTime(request.Mutable(t.request.Fields().ByName("time")).Message(), pick(r, micros), pick(r, []int64{0, 0, 1, 999}))
	}
	return request
}

// atoms are comparisons, by their shape: %[1]s is a text, %[2]s a number, %[3]s an enum.
var atoms = []string{
	`item.id == %[1]s`, `%[1]s == item.id`, `item.owner_id == %[1]s`, `item.owner_id != %[1]s`, `%[1]s != item.title`, `item.title == %[1]s`,
	`item.owner.id == %[1]s`, `item.owner.nick != %[1]s`, `item.label == %[1]s`, `%[1]s != item.label`,
	`item.owner_id in request.texts`, `item.title in [%[1]s, "a", %[1]s]`, `item.label in request.texts`, `item.owner.nick in []`, `item.title in ["a", "A"]`,
	`%[1]s in item.reader_ids`, `%[2]s in item.numbers`, `request.maybe == item.title`, `item.owner_id in ["a", request.maybe]`,
	`item.state == %[3]s`, `%[3]s != item.state`, `item.kind == %[3]s`, `item.kind != %[3]s`, `item.phase == %[3]s`, `item.phase in [1, %[3]s]`, `item.kind in [0, 77]`, `item.state > 0`, `item.state <= %[3]s`,
	`item.open`, `item.pinned`, `item.open == request.flag`, `request.flag != item.pinned`, `item.open in [true]`, `item.pinned in [true, false]`,
	`item.size == %[2]s`, `item.size < %[2]s`, `%[2]s <= item.size`, `item.rank > %[2]s`, `item.rank >= %[2]s`, `%[2]s != item.rank`, `item.rank in request.numbers`, `item.score <= %[2]s`,
	`item.owner.level < %[2]s`, `item.owner.level == %[2]s`, `item.owner.level in request.numbers`,
	`item.small == request.small`, `item.small < request.small`, `item.small in request.smalls`, `item.small >= 18446744073709551615u`, `item.small < 18446744073709551615u`, `item.small != 9223372036854775808u`,
	`item.at < request.time`, `item.at <= request.time`, `request.time == item.at`, `item.at > request.time`, `item.at >= request.time`, `item.at != request.time`, `item.at < now`,
	`item.due < request.time`, `item.due <= request.time`, `item.due == request.time`, `request.time < item.due`, `item.due >= now`, `item.due in [request.time, now]`,
	`has(item.title)`, `has(item.owner)`, `has(item.pinned)`, `has(item.rank)`, `has(item.at)`, `has(item.label)`, `has(item.owner_id)`, `has(item.open)`, `has(item.size)`, `has(item.kind)`, `has(item.owner.id)`, `has(item.small)`,
	`(request.flag ? item.open : item.pinned)`, `(request.maybe == "a" ? item.open : item.size < 1)`,
}

// known are parts that do not read the item.
var known = []string{`request.flag`, `principal.id == %[1]s`, `"admin" in principal.roles`, `request.maybe == %[1]s`, `true`, `false`}

// randomRule makes a condition, and counts the shapes that it has.
func randomRule(r *rand.Rand, depth int, shapes map[string]int) string {
	switch {
	case depth == 0 || r.IntN(4) == 0:
		shape := pick(r, atoms)
		if r.IntN(8) == 0 {
			shape = pick(r, known)
		}
		shapes[shape]++
		return constants(r, shape)
	case r.IntN(3) == 0:
		return "!(" + randomRule(r, depth-1, shapes) + ")"
	case r.IntN(2) == 0:
		return "(" + randomRule(r, depth-1, shapes) + " && " + randomRule(r, depth-1, shapes) + ")"
	default:
		return "(" + randomRule(r, depth-1, shapes) + " || " + randomRule(r, depth-1, shapes) + ")"
	}
}

// constants puts constants into a shape.
func constants(r *rand.Rand, shape string) string {
	if !strings.Contains(shape, "%") {
		return shape
	}
	text := pick(r, []string{"request.text", "principal.id", "request.maybe", strconv.QuoteToASCII(pick(r, hostile))})
	number := pick(r, []string{"request.number", strconv.FormatInt(pick(r, numbers), 10)})
	state := pick(r, []string{"request.state", "1", "filter.v1.State.STATE_OLD", "77"})
	return strings.NewReplacer("%[1]s", text, "%[2]s", number, "%[3]s", state).Replace(shape)
}
