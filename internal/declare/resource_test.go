package declare

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// resourceFile is a file with two services whose actions are about objects.
func resourceFile(messages, rpcs string) sources {
	return sources{"test/v1/docs.proto": `syntax!
package test.v1;
import "buf/validate/validate.proto";
import "sallyport/v1/action.proto";
` + suggestRole + `
message Doc {
  singular string id = 1;
  repeated string reader_ids = 2;
  singular string owner_id = 3;
}
message Other {
  message Doc { repeated string reader_ids = 1; }
  repeated string reader_ids = 1;
}
message Get { singular string id = 1; singular int64 number = 2; singular int32 small = 3; }
message Put { singular Doc doc = 1; }
message Response {}
` + messages + `
service Docs {
` + rpcs + `
}
`}
}

// rpc declares an action that is about an object.
func rpc(name, request, of, key, cel, wants string) string {
	if wants != "" {
		wants = " //! /test.v1.Docs/" + name + " " + wants
	}
	return `rpc ` + name + `(` + request + `) returns (Response) {
    option (sallyport.v1.action) = {` + wants + `
      authenticate: {schemes: "session"} resource: {type: "` + of + `" key: "` + key + `"} authorize: {allow: {cel: "` + cel + `"}}
    };
  }
`
}

// Rules that look at more than one action.
func TestResourcesOfAService(t *testing.T) {
	t.Parallel()
	const reader, byID = "principal.id in resource.reader_ids", "resource.id == principal.id"
	for name, test := range map[string]struct{ messages, rpcs string }{
		"one type, one key":               {"", rpc("A", "Get", "test.v1.Doc", "request.id", reader, "") + rpc("B", "Get", "test.v1.Doc", "request.id", byID, "")},
		"two types of two names":          {"", rpc("A", "Get", "test.v1.Doc", "request.id", reader, "") + rpc("B", "Get", "test.v1.Other", "request.number", reader, "")},
		"two types of one name":           {"message Other_Doc { repeated string reader_ids = 1; }", rpc("A", "Get", "test.v1.Other.Doc", "request.id", reader, "") + rpc("B", "Get", "test.v1.Other_Doc", "request.id", reader, "resource-collision")},
		"a text and a number":             {"", rpc("A", "Get", "test.v1.Doc", "request.id", reader, "") + rpc("B", "Get", "test.v1.Doc", "request.number", reader, "resource-collision")},
		"two sizes of numbers":            {"", rpc("A", "Get", "test.v1.Doc", "request.number", reader, "") + rpc("B", "Get", "test.v1.Doc", "request.small", reader, "resource-collision")},
		"it carries what it reads":        {"", rpc("A", "Put", "test.v1.Doc", "request.doc.id", reader, "authority-field-unguarded")},
		"it carries two of those":         {"", rpc("A", "Put", "test.v1.Doc", "request.doc.id", "resource.owner_id == principal.id || "+reader, "authority-field-unguarded authority-field-unguarded")},
		"two grants read what it carries": {"", rpc("A", "Put", "test.v1.Doc", "request.doc.id", reader+`"} allow: {cel: "resource.owner_id == principal.id && `+reader, "authority-field-unguarded authority-field-unguarded")},
		"a key above it":                  {"message Above { singular string id = 1; singular Put put = 2; }", rpc("A", "Above", "test.v1.Doc", "request.id", byID, "resource-request")},
		"beside a tree":                   {"message Tree { singular string id = 1; singular Tree child = 2; } message Root { singular Tree tree = 1; singular Doc doc = 2; }", rpc("A", "Root", "test.v1.Doc", "request.doc.id", byID, "")},
		"it reads the key alone":          {"", rpc("A", "Put", "test.v1.Doc", "request.doc.id", byID, "")},
		"another reads what it has":       {"", rpc("A", "Put", "test.v1.Doc", "request.doc.id", byID, "authority-field-unguarded") + rpc("B", "Get", "test.v1.Doc", "request.id", "resource.owner_id == principal.id", "")},
		"it is what it carries":           {"", rpc("A", "Doc", "test.v1.Doc", "request.id", reader, "authority-field-unguarded")},
		"it carries another":              {"message PutOther { singular string id = 1; singular Other other = 2; }", rpc("A", "PutOther", "test.v1.Doc", "request.id", reader, "")},
		"twice":                           {"message Two { singular Doc one = 1; singular Doc two = 2; }", rpc("A", "Two", "test.v1.Doc", "request.one.id", byID, "resource-request")},
		"in a list":                       {"message Many { repeated Doc docs = 1; singular string id = 2; }", rpc("A", "Many", "test.v1.Doc", "request.id", byID, "resource-request")},
		"in a map":                        {"message Map { map<string, Doc> docs = 1; singular string id = 2; }", rpc("A", "Map", "test.v1.Doc", "request.id", byID, "resource-request")},
		"deep":                            {"message Deep { singular Put put = 1; }", rpc("A", "Deep", "test.v1.Doc", "request.put.doc.id", byID, "")},
		"within itself":                   {"message Tree { singular string id = 1; singular Tree child = 2; }", rpc("A", "Tree", "test.v1.Tree", "request.id", byID, "resource-request")},
		"below what is in itself":         {"message Node { singular Node child = 1; singular Doc doc = 2; } message Root { singular Node node = 1; }", rpc("A", "Root", "test.v1.Doc", "request.node.doc.id", byID, "resource-request")},
		"beside what is in itself":        {"message Node { singular Node child = 1; singular string id = 2; }", rpc("A", "Node", "test.v1.Doc", "request.id", reader, "")},
		"in a message that is used twice": {"message Pair { singular Put a = 1; singular Put b = 2; }", rpc("A", "Pair", "test.v1.Doc", "request.a.doc.id", byID, "resource-request")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, nil, resourceFile(test.messages, test.rpcs), "test/v1/docs.proto")
		})
	}
}

// What refusals of resources say of where they are.
func TestPrintedOfResources(t *testing.T) {
	t.Parallel()
	const reader, byID = "principal.id in resource.reader_ids", "resource.id == principal.id"
	for name, test := range map[string]struct{ messages, rpcs, says string }{
		"in a message that is used twice": {"message Pair { singular Put a = 1; singular Put b = 2; }", rpc("A", "Pair", "test.v1.Doc", "request.a.doc.id", byID, ""), "at request.a.doc and request.b.doc, so"},
		"more than twice":                 {"message Three { singular Doc a = 1; singular Doc b = 2; singular Doc c = 3; }", rpc("A", "Three", "test.v1.Doc", "request.a.id", byID, ""), "at request.a and request.b, so"},
		"read by its own grant":           {"", rpc("A", "Put", "test.v1.Doc", "request.doc.id", reader, ""), ": one of its grants reads resource.reader_ids, which"},
		"read by another grant":           {"", rpc("A", "Put", "test.v1.Doc", "request.doc.id", byID, "") + rpc("B", "Get", "test.v1.Doc", "request.id", reader, ""), ": a grant of /test.v1.Docs/B reads resource.reader_ids, which"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := refusalOf(t, resourceFile(test.messages, test.rpcs).in("proto3"), "test/v1/docs.proto", Given{}).String(); !strings.Contains(got, test.says) {
				t.Errorf("it does not say %q:\n%s", test.says, got)
			}
		})
	}
}

// A field that several rules read is refused once.
func TestAuthorityOfOneField(t *testing.T) {
	t.Parallel()
	const reader = "principal.id in resource.reader_ids"
	file := resourceFile("", rpc("A", "Put", "test.v1.Doc", "request.doc.id", reader, "")+rpc("B", "Get", "test.v1.Doc", "request.id", reader, "")).in("proto3")
	if got := refusalOf(t, file, "test/v1/docs.proto", Given{}); got.Rule != RuleAuthorityField {
		t.Errorf("want %s, got %s", RuleAuthorityField, got)
	}
}

// What one service lets be written is not what the grants of another one read.
func TestAuthorityOfTwoServices(t *testing.T) {
	t.Parallel()
	for cel, want := range map[string][]Rule{"resource.owner_id == principal.id": {RuleAuthorityField}, "resource.id == principal.id": nil} {
		schema := compile(t, resourceFile("service Readers {\n"+rpc("B", "Get", "test.v1.Doc", "request.id", cel, "")+"}\n",
			rpc("A", "Put", "test.v1.Doc", "request.doc.id", "resource.id == principal.id", "")).in("proto3"))
		file, reader := schema.file(t, "test/v1/docs.proto"), newReader(t, schema.files)
		if _, refusals := reader.File(file, Given{}); len(refusals) > 0 {
			t.Errorf("each of the two is good:\n%s", texts(refusals))
		}
		if refusals := reader.Lint([]protoreflect.FileDescriptor{file}, Given{}); !slices.Equal(rulesOf(refusals), want) {
			t.Errorf("%s: want %q\n%s", cel, want, texts(refusals))
		}
	}
}

// A file that is imported on two ways is one file.
func TestWithImports(t *testing.T) {
	t.Parallel()
	const head = "syntax = \"proto3\";\n"
	schema := compile(t, sources{
		"a.proto": head + "import \"b.proto\";\nimport \"c.proto\";\n", "b.proto": head + "import \"d.proto\";\n", "c.proto": head + "import \"d.proto\";\n", "d.proto": head,
	})
	var paths []string
	for _, file := range withImports(schema.file(t, "a.proto")) {
		paths = append(paths, file.Path())
	}
	if want := []string{"a.proto", "b.proto", "d.proto", "c.proto"}; !slices.Equal(paths, want) {
		t.Errorf("%q, want %q", paths, want)
	}
}

// A field that is compared by what it must not be is a value where it has no presence, and
// absent where it has.
func TestUnsetResource(t *testing.T) {
	t.Parallel()
	for cel, refused := range map[string]bool{
		`resource.state != test.v1.State.STATE_ARCHIVED`:    true,
		`!(resource.state == test.v1.State.STATE_ARCHIVED)`: true,
		`resource.state in [test.v1.State.STATE_DRAFT]`:     false,
		`resource.state == test.v1.State.STATE_DRAFT`:       false,
		`resource.state == test.v1.State.STATE_NONE`:        true,
		`!resource.locked`: true,
		`resource.locked`:  false,
		`!resource.locked && resource.owner_id == principal.id`:                            false,
		`resource.locked ? resource.owner_id == principal.id : 'clerk' in principal.roles`: true,
		`resource.owner_id == principal.id || 'clerk' in principal.roles`:                  false,
		`resource.owner_id != principal.id`:                                                true,
		`resource.level <= request.level`:                                                  true,
		`resource.level > 0 && resource.level <= request.level`:                            false,
		`resource.maybe != 'x'`:                                                            false,
		`has(resource.maybe) && resource.maybe == principal.id`:                            false,
		`!has(resource.maybe)`:                                                             true,
		`resource.part.owner_id != 'x'`:                                                    false,
		`resource.parts.exists(p, p.owner_id == principal.id)`:                             false,
		`!resource.parts.exists(p, p.owner_id == principal.id)`:                            true,
		`size(resource.owner_id) == 0 || resource.owner_id == principal.id`:                true,
		`resource.owner_id == request.owner_id`:                                            false,
		`request.owner_id == resource.owner_id`:                                            false,
		`resource.owner_id in request.owner_ids`:                                           false,
		`request.level > 3 && resource.state != test.v1.State.STATE_ARCHIVED`:              true,
		`resource.at < now`:                                                                false,
	} {
		t.Run(cel, func(t *testing.T) {
			t.Parallel()
			of := sources{"test/v1/docs.proto": `syntax = "proto3";
package test.v1;
import "buf/validate/validate.proto";
import "google/protobuf/timestamp.proto";
import "sallyport/v1/action.proto";
` + suggestRole + `
enum State { STATE_NONE = 0; STATE_DRAFT = 1; STATE_ARCHIVED = 2; }
message Part { string owner_id = 1; }
message Doc {
  string owner_id = 1; State state = 2; bool locked = 3; int64 level = 4; optional string maybe = 5; Part part = 6; repeated Part parts = 7;
  google.protobuf.Timestamp at = 8;
}
message Get {
  string id = 1; int64 level = 2; string owner_id = 3 [(buf.validate.field).string.min_len = 1];
  repeated string owner_ids = 4 [(buf.validate.field).repeated.items.string.min_len = 1];
}
message Response {}
service Docs {
` + rpc("A", "Get", "test.v1.Doc", "request.id", cel, "") + `}
`}
			schema := compile(t, of)
			_, refusals := newReader(t, schema.files).File(schema.file(t, "test/v1/docs.proto"), Given{})
			var rules []Rule
			for _, refusal := range refusals {
				rules = append(rules, refusal.Rule)
			}
			if slices.Contains(rules, RuleCELUnset) != refused || !refused && len(rules) > 0 {
				t.Errorf("refused by %q\n%s", rules, texts(refusals))
			}
		})
	}
}

// No fix says to read the request where a resource was meant that is not declared.
func TestUndeclaredResource(t *testing.T) {
	t.Parallel()
	schema := compile(t, file([]action{{"One", unary, session + reader}}, func(int) []Rule { return nil }).in("proto3"))
	_, refusals := newReader(t, schema.files).File(schema.file(t, "test/v1/files.proto"), Given{})
	if len(refusals) != 1 || !strings.Contains(refusals[0].Problem, "declares no resource") || strings.Contains(refusals[0].Fix, "request.") {
		t.Errorf("%s", texts(refusals))
	}
}

// What finds the object, and the type of it, are part of the fingerprint.
func TestResourceFingerprint(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for name, about := range map[string]string{
		"as it is":    about,
		"a small one": `resource: {type: "test.v1.Thing" key: "request.number"} `,
		"another key": `resource: {type: "test.v1.Thing" key: "request.free_id"} `,
		"a number":    `resource: {type: "test.v1.Thing" key: "request.number"} `,
		"a document":  `resource: {type: "test.v1.PutRequest" key: "request.user_id"} `,
	} {
		grant := reader
		if name == "a document" {
			grant = `authorize: {allow: {cel: "resource.thing_id == principal.id"}} `
		}
		sources := file([]action{{"One", unary, session + grant + about}}, func(int) []Rule { return nil }).in("proto3")
		if name == "a small one" {
			sources["test/v1/files.proto"] = strings.ReplaceAll(sources["test/v1/files.proto"], "int64 number", "int32 number")
		}
		schema := compile(t, sources)
		of := schema.file(t, "test/v1/files.proto")
		declarations, refusals := newReader(t, schema.files).File(of, Given{})
		if len(refusals) > 0 {
			t.Fatal(texts(refusals))
		}
		made := Fingerprint(of.Services().Get(0), declarations)
		if before, ok := seen[made]; ok {
			t.Errorf("%s and %s have one fingerprint", name, before)
		}
		seen[made] = name
	}
}
