package declare

import (
	"strings"
	"testing"
)

// namesFile is a file whose action answers with users and takes a request with fields.
func namesFile(request, user, writes, wants string) sources {
	return sources{"test/v1/names.proto": `syntax = "proto3";
package test.v1;
import "google/protobuf/field_mask.proto";
import "google/protobuf/struct.proto";
import "google/protobuf/wrappers.proto";
import "sallyport/v1/action.proto";
` + suggestRole + `
message User {
  string id = 1;
  ` + user + `
}
message Nothing {}
enum Order { ORDER_UNSPECIFIED = 0; ORDER_EMAIL = 1; }
message By { string field = 1 [(sallyport.v1.field).names.of = "test.v1.User"]; bool descending = 2; }
message Plain { string field = 1; }
message Note { optional string stage = 1 [(sallyport.v1.field).write.allow = {any_role: "clerk"}]; }
message Request {
  ` + request + `
}
message Response { google.protobuf.FieldMask done = 1; google.protobuf.Struct more = 2; google.protobuf.StringValue word = 3; repeated User users = 4; }
service Users {
  rpc List(Request) returns (Response) {
    option (sallyport.v1.action) = {` + wants + `
      authenticate: {schemes: "session"}
      authorize: {anyone: "a test"}
      ` + writes + `
    };
  }
}
`}
}

const (
	emailGuarded = `string email = 2 [(sallyport.v1.field).read.allow = {any_role: "clerk"}];`
	emailOpen    = `string email = 2 [(sallyport.v1.field).read.anyone = "a test"];`
)

// A request says whose fields it names, where the answer has fields that only some may read.
func TestNames(t *testing.T) {
	t.Parallel()
	const mark = `[(sallyport.v1.field).names.of = "test.v1.User"];`
	for name, test := range map[string]struct {
		request, user, writes string
		at                    string // where it is refused; "" is at the field, and "action" at the action
		wants                 string
	}{
		"marked":                              {request: `string order_by = 1 ` + mark, user: emailGuarded},
		"a list, marked":                      {request: `repeated string group_by = 1 ` + mark, user: emailGuarded},
		"a mask, marked":                      {request: `google.protobuf.FieldMask read_mask = 1 ` + mark, user: emailGuarded},
		"in a oneof":                          {request: `oneof how { string order_by = 1 ` + mark + ` }`, user: emailGuarded},
		"optional":                            {request: `optional string order_by = 1 ` + mark, user: emailGuarded},
		"another name, marked":                {request: `string x = 1 ` + mark, user: emailGuarded},
		"marked, and nothing guarded":         {request: `string order_by = 1 ` + mark},
		"harmless":                            {request: `string order_by = 1 [(sallyport.v1.field).names.harmless = "by id alone"];`, user: emailGuarded},
		"unmarked":                            {request: `string order_by = 1;`, user: emailGuarded, at: "action", wants: "names-unmarked"},
		"unmarked, and nothing guarded":       {request: `string order_by = 1;`},
		"unmarked, and it is open":            {request: `string order_by = 1;`, user: emailOpen},
		"unmarked, in another case":           {request: `string orderBy = 1;`, user: emailGuarded, at: "action", wants: "names-unmarked"},
		"sort_by":                             {request: `string sort_by = 1;`, user: emailGuarded, at: "action", wants: "names-unmarked"},
		"group_by":                            {request: `repeated string group_by = 1;`, user: emailGuarded, at: "action", wants: "names-unmarked"},
		"read_mask":                           {request: `google.protobuf.FieldMask read_mask = 1;`, user: emailGuarded, at: "action", wants: "names-unmarked"},
		"field_mask":                          {request: `google.protobuf.FieldMask field_mask = 1;`, user: emailGuarded, at: "action", wants: "names-unmarked"},
		"a mask that is not for reading":      {request: `google.protobuf.FieldMask update_mask = 1;`, user: emailGuarded},
		"a mask of what is written":           {request: `Note note = 2; google.protobuf.FieldMask field_mask = 1;`, user: emailGuarded, writes: `writes: {empty_mask: ALL}`},
		"an enum":                             {request: `Order order_by = 1;`, user: emailGuarded, at: "action", wants: "names-unmarked"},
		"an enum, harmless":                   {request: `Order order_by = 1 [(sallyport.v1.field).names.harmless = "the email is no secret in order"];`, user: emailGuarded},
		"messages with a mark":                {request: `repeated By order_by = 1;`, user: emailGuarded},
		"messages without one":                {request: `repeated Plain order_by = 1;`, user: emailGuarded, at: "action", wants: "names-unmarked"},
		"deep":                                {request: `message Page { string order_by = 1; } map<string, Page> pages = 1;`, user: emailGuarded, at: "action", wants: "names-unmarked"},
		"deep, marked":                        {request: `message Page { string order_by = 1 ` + mark + ` } map<string, Page> pages = 1;`, user: emailGuarded},
		"another name":                        {request: `string ordered_by = 1;`, user: emailGuarded},
		"a filter":                            {request: `string filter = 1;`, user: emailGuarded, at: "action", wants: "names-filter"},
		"a filter, and nothing guarded":       {request: `string filter = 1;`},
		"a filter, harmless":                  {request: `string filter = 1 [(sallyport.v1.field).names.harmless = "by id alone"];`, user: emailGuarded},
		"filters":                             {request: `repeated string filter = 1;`, user: emailGuarded, at: "action", wants: "names-filter"},
		"a filter of bytes":                   {request: `bytes filter = 1;`, user: emailGuarded, at: "action", wants: "names-filter"},
		"a filter of any tree":                {request: `google.protobuf.Struct filter = 1;`, user: emailGuarded, at: "action", wants: "names-filter"},
		"a filter in a wrapper":               {request: `google.protobuf.StringValue filter = 1;`, user: emailGuarded, at: "action", wants: "names-filter"},
		"a filter in a map":                   {request: `map<string, string> filter = 1;`, user: emailGuarded, at: "action", wants: "names-filter"},
		"a filter of fields":                  {request: `Plain filter = 1;`, user: emailGuarded},
		"a filter of numbers":                 {request: `int32 filter = 1;`, user: emailGuarded},
		"a filter that is marked":             {request: `string filter = 1 ` + mark, user: emailGuarded},
		"a message that is not":               {request: `string order_by = 1 [(sallyport.v1.field).names.of = "test.v1.Usr"];`, at: "order_by", wants: "names-type"},
		"a message that is not named in full": {request: `string order_by = 1 [(sallyport.v1.field).names.of = "User"];`, at: "order_by", wants: "names-type"},
		"a message without fields":            {request: `string order_by = 1 [(sallyport.v1.field).names.of = "test.v1.Nothing"];`, at: "order_by", wants: "names-type"},
		"a message of protobuf":               {request: `string order_by = 1 [(sallyport.v1.field).names.of = "google.protobuf.FieldMask"];`, at: "order_by", wants: "names-type"},
		"an enum, marked":                     {request: `Order order_by = 1 ` + mark, at: "order_by", wants: "names-kind"},
		"a number":                            {request: `int32 x = 1 ` + mark, at: "x", wants: "names-kind"},
		"bytes":                               {request: `bytes x = 1 ` + mark, at: "x", wants: "names-kind"},
		"a map":                               {request: `map<string, string> x = 1 ` + mark, at: "x", wants: "names-kind"},
		"a wrapper":                           {request: `google.protobuf.StringValue x = 1 ` + mark, at: "x", wants: "names-kind"},
		"masks":                               {request: `repeated google.protobuf.FieldMask x = 1 ` + mark, at: "x", wants: "names-kind"},
		"a mask that orders":                  {request: `google.protobuf.FieldMask order_by = 1 ` + mark, at: "order_by", wants: "names-kind"},
		"a mask that groups":                  {request: `google.protobuf.FieldMask groupBy = 1 ` + mark, at: "groupBy", wants: "names-kind"},
		"neither":                             {request: `string order_by = 1 [(sallyport.v1.field) = {names: {}}];`, at: "order_by", wants: "names-choice"},
		"both":                                {request: `string order_by = 1 [(sallyport.v1.field) = {names: {of: "test.v1.User" harmless: "x"}}];`, at: "order_by", wants: "names-choice"},
		"no reason":                           {request: `string order_by = 1 [(sallyport.v1.field).names.harmless = " "];`, at: "order_by", wants: "names-reason"},
		"a reason that is too long":           {request: `string order_by = 1 [(sallyport.v1.field).names.harmless = "` + strings.Repeat("x", 501) + `"];`, at: "order_by", wants: "names-reason"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			request, wants := test.request, ""
			switch test.at {
			case "":
			case "action":
				wants = " //! /test.v1.Users/List " + test.wants
			default:
				request += " //! test.v1.Request." + test.at + " " + test.wants
			}
			checkIn(t, []way{{"proto3", "compiled"}}, nil, namesFile(request, test.user, test.writes, wants), "test/v1/names.proto")
		})
	}
}

// What refusals of names say, and their fixes.
func TestPrintedOfNames(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ request, says string }{
		"unmarked":      {`string order_by = 1;`, "its answer has test.v1.User.email, which only some may read, and test.v1.Request.order_by does not say whose fields it names [names-unmarked]\n  fix:\n    mark test.v1.Request.order_by with [(sallyport.v1.field).names.of = \"test.v1.User\"]\n"},
		"an enum":       {`Order order_by = 1;`, "make test.v1.Request.order_by a string, or a list of strings, and mark it with [(sallyport.v1.field).names.of = \"test.v1.User\"]\n"},
		"a filter":      {`string filter = 1;`, "remove test.v1.Request.filter, and take a field for each thing that callers may look for\n"},
		"a misspelling": {`string order_by = 1 [(sallyport.v1.field).names.of = "test.v1.Usr"];`, "have no message \"test.v1.Usr\"; did you mean \"test.v1.User\"? [names-type]\n  fix:\n    names: {of: \"test.v1.User\"}\n"},
		"a kind":        {`map<string, int32> x = 1 [(sallyport.v1.field).names.of = "test.v1.User"];`, "it is a map, and names are held by"},
		"a list":        {`repeated int32 x = 1 [(sallyport.v1.field).names.of = "test.v1.User"];`, "it is a list of int32, and names"},
		"a number":      {`int32 x = 1 [(sallyport.v1.field).names.of = "test.v1.User"];`, "it is of type int32, and names"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema := compile(t, namesFile(test.request, emailGuarded, "", ""))
			_, refusals := newReader(t, schema.files).File(schema.file(t, "test/v1/names.proto"), Given{})
			if got := texts(refusals); !strings.Contains(got, test.says) {
				t.Errorf("they do not say %q:\n%s", test.says, got)
			}
		})
	}
}

// What a request names is part of what generated code was made from.
func TestFingerprintOfNames(t *testing.T) {
	t.Parallel()
	prints := map[string]string{}
	for name, request := range map[string]string{
		"none": `string order_by = 1;`, "marked": `string order_by = 1 [(sallyport.v1.field).names.of = "test.v1.User"];`,
		"of another":   `string order_by = 1 [(sallyport.v1.field).names.of = "test.v1.Note"];`,
		"harmless":     `string order_by = 1 [(sallyport.v1.field).names.harmless = "x"];`,
		"for a reason": `string order_by = 1 [(sallyport.v1.field).names.harmless = "y"];`,
	} {
		schema := compile(t, namesFile(request, emailOpen, "", ""))
		file := schema.file(t, "test/v1/names.proto")
		declarations, refusals := newReader(t, schema.files).File(file, Given{})
		if len(refusals) > 0 {
			t.Fatal(texts(refusals))
		}
		found := Fingerprint(file.Services().Get(0), declarations)
		for other, known := range prints {
			if known == found {
				t.Errorf("%s and %s are one", name, other)
			}
		}
		prints[name] = found
	}
}

// The fix of a field that is not marked is of what the answer has several of and that holds the
// guarded field, also within.
func TestFixOfNamesIsOfWhatIsListed(t *testing.T) {
	t.Parallel()
	of := namesFile(`string order_by = 1;`, emailGuarded, "", "")
	for path, text := range of {
		of[path] = strings.Replace(text, "message Response {", "message Wrap { User user = 1; }\nmessage Response { repeated Nothing nothings = 5; User one = 6; repeated Wrap wraps = 7; ", 1)
	}
	for path, text := range of {
		of[path] = strings.Replace(text, "repeated User users = 4;", "", 1)
	}
	schema := compile(t, of)
	_, refusals := newReader(t, schema.files).File(schema.file(t, "test/v1/names.proto"), Given{})
	if got := texts(refusals); !strings.Contains(got, `mark test.v1.Request.order_by with [(sallyport.v1.field).names.of = "test.v1.Wrap"]`) {
		t.Error(got)
	}
}

// What a request names is in one order, and a field that says so is known by it.
func TestNamingsAreInOrder(t *testing.T) {
	t.Parallel()
	const mark = ` [(sallyport.v1.field).names.of = "test.v1.User"];`
	schema := compile(t, namesFile(`string b = 1`+mark+` string plain = 2; string a = 3`+mark+` By by = 4; string c = 5 [(sallyport.v1.field).names.harmless = "x"];`, emailGuarded, "", ""))
	file := schema.file(t, "test/v1/names.proto")
	declarations, refusals := newReader(t, schema.files).File(file, Given{})
	if len(refusals) > 0 {
		t.Fatal(texts(refusals))
	}
	var names []string
	for _, naming := range declarations[0].Names {
		names = append(names, string(naming.Field.FullName()))
		if marked := MarksNames(naming.Field); marked != (naming.Of != nil) {
			t.Errorf("%s is marked: %t", naming.Field.FullName(), marked)
		}
	}
	if got := strings.Join(names, " "); got != "test.v1.By.field test.v1.Request.a test.v1.Request.b test.v1.Request.c" {
		t.Errorf("it names %s", got)
	}
	if plain := file.Messages().ByName("Request").Fields().ByName("plain"); MarksNames(plain) {
		t.Error("a plain field is marked")
	}
}
