package declare

import "testing"

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
			checkIn(t, []way{{"proto3", "compiled"}}, nil, sources{"test/v1/notes.proto": `syntax = "proto3";
package test.v1;
import "google/protobuf/field_mask.proto";
import "sallyport/v1/action.proto";
` + suggestRole + `
message Note {
  string id = 1;
  ` + test.fields + `
}
message Request { ` + test.request + ` }
message Response { google.protobuf.FieldMask done = 1; }
service Notes {
  rpc Put(Request) returns (Response) {
    option (sallyport.v1.action) = {` + wants + `
      authenticate: {schemes: "session"}
      authorize: {anyone: "a test"}
      ` + test.writes + `
    };
  }
}
`}, "test/v1/notes.proto")
		})
	}
}

// What rules on a message read must say who may write it, where a request carries the
// message of its resource.
func TestAuthorityOfWriting(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ field, wants string }{
		"nothing says who writes": {`optional string owner_id = 2;`, "authority-field-unguarded"},
		"who writes is said":      {`optional string owner_id = 2 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];`, ""},
		"anyone writes":           {`optional string owner_id = 2 [(sallyport.v1.field).write.anyone = "a test"];`, ""},
		"without the value":       {`optional string owner_id = 2 [(sallyport.v1.field).write.allow = {cel: "resource.id == principal.id"}];`, "field-value-unread"},
		"another rule reads": {`optional string owner_id = 2 [(sallyport.v1.field).write.allow = {any_role: "clerk"}];
  optional string state = 3;
  optional string text = 4 [(sallyport.v1.field).read.allow = {cel: "this.state == 'open'"}];`, "authority-field-unguarded"},
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
  string id = 1;
  ` + test.field + `
}
message Request { Note note = 1; }
message Response {}
service Notes {
  rpc Put(Request) returns (Response) {
    option (sallyport.v1.action) = {` + wants + `
      authenticate: {schemes: "session"}
      resource: {type: "test.v1.Note" key: "request.note.id"}
      authorize: {allow: {cel: "resource.owner_id == principal.id && principal.id != ''"}}
    };
  }
}
`}, "test/v1/notes.proto")
		})
	}
}
