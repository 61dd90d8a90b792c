package declare

import (
	"cmp"
	"strings"
	"testing"
)

// Who may write a field, and what says which fields a request writes.
func TestWriting(t *testing.T) {
	t.Parallel()
	const (
		role = `optional string stage = 3 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];`
		note = `Note note = 1; `
		mask = `google.protobuf.FieldMask update_mask = 2; `
	)
	owner := func(rule, wants string) string {
		if wants != "" {
			wants = " //! test.v1.Note.owner_id " + wants
		}
		return "\n  optional string owner_id = 2 [(sallyport.v1.field) = {write: {" + rule + "}}];" + wants + "\n"
	}
	for name, test := range map[string]struct {
		fields, request, writes string // of the note, of the request, of the action
		wants                   string // of the action
	}{
		"a role, by presence":        {role, note, ``, ""},
		"with a mask":                {role, note + mask, `writes: {empty_mask: NOTHING}`, ""},
		"with a mask, all":           {role, note + mask, `writes: {empty_mask: ALL}`, ""},
		"with a mask, named":         {role, note + mask + `google.protobuf.FieldMask other = 3;`, `writes: {mask: "update_mask" empty_mask: ALL}`, ""},
		"two masks":                  {role, note + mask + `google.protobuf.FieldMask other = 3;`, `writes: {empty_mask: ALL}`, "writes-mask"},
		"a mask of two":              {role, note + mask + `Note other = 3;`, `writes: {empty_mask: ALL}`, "writes-mask"},
		"a mask that is not":         {role, note + mask, `writes: {mask: "ghost" empty_mask: ALL}`, "writes-mask"},
		"a mask of another type":     {role, note + mask, `writes: {mask: "note" empty_mask: ALL}`, "writes-mask"},
		"a mask below a text":        {role, note + mask, `writes: {mask: "note.id.paths" empty_mask: ALL}`, "writes-mask"},
		"a mask beside nothing":      {role, note + `message Part { google.protobuf.FieldMask mask = 1; } Part part = 3;`, `writes: {mask: "part.mask" empty_mask: ALL}`, "writes-mask"},
		"a mask of its own fields":   {``, mask + role, `writes: {empty_mask: ALL}`, "writes-mask"},
		"a list of masks":            {role, note + `repeated google.protobuf.FieldMask masks = 2;`, ``, ""},
		"nothing of an empty mask":   {role, note + mask, ``, "writes-empty-mask"},
		"an empty mask, and none":    {role, note, `writes: {empty_mask: ALL}`, "writes-empty-mask"},
		"replaces, and a mask":       {role, note + mask, `writes: {replaces: true}`, "writes-replaces"},
		"replaces":                   {role, note, `writes: {replaces: true}`, ""},
		"neither":                    {role, note, `writes: {}`, "writes-choice"},
		"both":                       {role, note + mask, `writes: {empty_mask: ALL replaces: true}`, "writes-choice"},
		"nothing guarded":            {``, note, `writes: {replaces: true}`, "writes-unused"},
		"nothing guarded, masked":    {``, note + mask, ``, ""},
		"a field for anyone":         {`string stage = 3 [(sallyport.v1.field).write.anyone = "open"];`, note, ``, ""},
		"no presence":                {`string stage = 3 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];`, note, ``, "writes-presence"},
		"no presence, a list":        {`repeated string stages = 3 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];`, note, ``, "writes-presence"},
		"no presence, with a mask":   {`string stage = 3 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];`, note + mask, `writes: {empty_mask: ALL}`, ""},
		"no presence, replaced":      {`string stage = 3 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];`, note, `writes: {replaces: true}`, ""},
		"a value alone":              {owner(`allow: {cel: "value == 'bob'"}`, "field-value-alone"), note, ``, ""},
		"a value and a role":         {owner(`allow: {any_role: "clerk" cel: "value == 'bob'"}`, ""), note, ``, ""},
		"a value and the resource":   {owner(`allow: {cel: "resource.owner_id == principal.id && value == 'bob'"}`, ""), note, ``, ""},
		"the resource alone":         {owner(`allow: {cel: "resource.owner_id == principal.id"}`, "field-value-unread"), note, ``, ""},
		"a named value alone":        {owner(`allow: {when: "to_bob"}`, "field-value-alone"), note, ``, ""},
		"a named value and a role":   {owner(`allow: {any_role: "clerk" when: "to_bob"}`, ""), note, ``, ""},
		"a named resource alone":     {owner(`allow: {when: "owned"}`, "field-value-unread"), note, ``, ""},
		"the value, accepted":        {owner(`allow: {cel: "resource.owner_id == principal.id && value == 'bob'" accept: {rule: "field-value-unread" reason: "a gift"}}`, "accept-unused"), note, ``, ""},
		"the resource, accepted":     {owner(`allow: {cel: "resource.owner_id == principal.id" accept: {rule: "field-value-unread" reason: "a gift"}}`, ""), note, ``, ""},
		"a field that no rule reads": {owner(`allow: {cel: "resource.id == principal.id"}`, ""), note, ``, ""},
		"this":                       {owner(`allow: {cel: "this.owner_id == principal.id"}`, "cel-invalid"), note, ``, ""},
		"a relation":                 {owner(`allow: {relation: {name: "owner" object: "note" id: "resource.id"}}`, "field-check"), note, ``, ""},
		"a check":                    {owner(`allow: {check: "is_open"}`, "field-check"), note, ``, ""},
		"no grant":                   {owner(``, "field-choice"), note, ``, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wants := test.wants
			if wants != "" {
				wants = " //! /test.v1.Notes/Put " + wants
			}
			checkIn(t, []way{{"proto3", "compiled"}}, nil, writingFile(test.fields, test.request, test.writes, wants), "test/v1/notes.proto")
		})
	}
}

// What refusals of writing say, and their fixes.
func TestPrintedOfWriting(t *testing.T) {
	t.Parallel()
	const (
		role  = `optional string stage = 3 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];`
		masks = `Note note = 1; google.protobuf.FieldMask update_mask = 2; google.protobuf.FieldMask other = 3; `
	)
	for name, test := range map[string]struct{ writes, says string }{
		"two masks":                   {`writes: {empty_mask: ALL}`, "test.v1.Request has the masks `update_mask` and `other`, and"},
		"replaces, and a named mask":  {`writes: {mask: "update_mask" replaces: true}`, "[writes-replaces]\n  fix:\n    writes: {mask: \"update_mask\" empty_mask: NOTHING}\n"},
		"a mask that is not":          {`writes: {mask: "updat_mask" empty_mask: ALL}`, `test.v1.Request has no field "updat_mask"; did you mean "update_mask"?`},
		"a mask below what is no one": {`writes: {mask: "note.id.paths" empty_mask: ALL}`, `"note.id.paths" is no google.protobuf.FieldMask of the request`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			schema := compile(t, writingFile(role, masks, test.writes, ""))
			_, refusals := newReader(t, schema.files).File(schema.file(t, "test/v1/notes.proto"), Given{})
			if got := texts(refusals); !strings.Contains(got, test.says) {
				t.Errorf("they do not say %q:\n%s", test.says, got)
			}
		})
	}
}

// writingFile is a file whose action takes a request that may carry notes.
func writingFile(fields, request, writes, wants string) sources {
	return sources{"test/v1/notes.proto": `syntax = "proto3";
package test.v1;
import "google/protobuf/field_mask.proto";
import "sallyport/v1/action.proto";
option (sallyport.v1.condition) = {name: "owned" cel: "resource.owner_id == principal.id"};
option (sallyport.v1.condition) = {name: "to_bob" cel: "value == 'bob'"};
` + suggestRole + `
message Note {
  string id = 1;
  ` + fields + `
}
message Request { ` + request + ` }
message Response { google.protobuf.FieldMask done = 1; }
service Notes {
  rpc Put(Request) returns (Response) {
    option (sallyport.v1.action) = {` + wants + `
      authenticate: {schemes: "session"}
      authorize: {anyone: "a test"}
      ` + writes + `
    };
  }
}
`}
}

// What rules on a message read must say who may write it, where a request carries the
// message of its resource.
func TestAuthorityOfWriting(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ field, wants, key, cel string }{
		"nothing says who writes": {field: `optional string owner_id = 2;`, wants: "authority-field-unguarded"},
		"who writes is said":      {field: `optional string owner_id = 2 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];`},
		"anyone writes":           {field: `optional string owner_id = 2 [(sallyport.v1.field).write.anyone = "a test"];`},
		"without the value":       {field: `optional string owner_id = 2 [(sallyport.v1.field).write.allow = {cel: "resource.id == principal.id"}];`, wants: "field-value-unread"},
		"two grants read it, without the value": {
			field: `optional string owner_id = 2 [(sallyport.v1.field).write.allow = {cel: "resource.id == principal.id"}];`, wants: "field-value-unread",
			cel: `resource.owner_id == principal.id && principal.id != ''"} allow: {any_role: "clerk" cel: "principal.id == resource.owner_id`,
		},
		"another field, without the value": {field: `optional string owner_id = 2 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];
  optional string state = 3 [(sallyport.v1.field).write.allow = {cel: "resource.id == principal.id"}];`},
		"the key, without the value": {
			field: `optional string owner_id = 2 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];`,
			key:   `optional string id = 1 [(sallyport.v1.field).write.allow = {cel: "resource.owner_id == principal.id"}];`, cel: "resource.id == principal.id",
		},
		"all of it": {
			field: `optional string owner_id = 2 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];`, cel: `[resource].exists(note, note.owner_id == principal.id)" accept: {rule: "cel-unset-resource" reason: "a test"} any_role: "clerk`,
			wants: "authority-field-unguarded",
		},
		"another rule reads": {field: `optional string owner_id = 2 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];
  optional string state = 3;
  optional string text = 4 [(sallyport.v1.field).read.allow = {cel: "this.state == 'open'"}];`, wants: "authority-field-unguarded"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wants := test.wants
			if wants != "" {
				wants = " //! /test.v1.Notes/Put " + wants
			}
			checkIn(t, []way{{"proto3", "compiled"}}, nil, sources{"test/v1/notes.proto": `syntax = "proto3";
package test.v1;
import "sallyport/v1/action.proto";
` + suggestRole + `
message Note {
  ` + cmp.Or(test.key, "string id = 1;") + `
  ` + test.field + `
}
message Request { Note note = 1; }
message Response {}
service Notes {
  rpc Put(Request) returns (Response) {
    option (sallyport.v1.action) = {` + wants + `
      authenticate: {schemes: "session"}
      resource: {type: "test.v1.Note" key: "request.note.id"}
      authorize: {allow: {cel: "` + cmp.Or(test.cel, "resource.owner_id == principal.id && principal.id != ''") + `"}}
    };
  }
}
`}, "test/v1/notes.proto")
		})
	}
}
