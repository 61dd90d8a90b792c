package main

import (
	"strings"
	"testing"
)

// What cannot be asked, or has no such model, is found at the start.
func TestOpenFails(t *testing.T) {
	t.Parallel()
	const store = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
	server := serve(t)
	right := server.store(t, model)
	for name, test := range map[string]struct{ name, want string }{
		"nothing":                    {"", "no OpenFGA: name memory, or a URL"},
		"another word":               {"disk", "no OpenFGA: name memory, or a URL"},
		"another scheme":             {"http://127.0.0.1:8080/" + store + "/" + store, "no OpenFGA"},
		"no port":                    {"grpc://127.0.0.1/" + store + "/" + store, "no OpenFGA"},
		"a password":                 {"grpc://ada:hush@127.0.0.1:1/" + store + "/" + store, "no OpenFGA"},
		"no store":                   {"grpc://127.0.0.1:1", "no store and model"},
		"no model":                   {"grpc://127.0.0.1:1/" + store, "no store and model"},
		"an empty model":             {"grpc://127.0.0.1:1/" + store + "/", "no store and model"},
		"more than a model":          {"grpc://127.0.0.1:1/" + store + "/" + store + "/x", "no store and model"},
		"in clear, elsewhere":        {"grpc://openfga.example:8081/" + store + "/" + store, "grpc does not encrypt: use grpcs"},
		"in clear, at an address":    {"grpc://192.0.2.1:8081/" + store + "/" + store, "grpc does not encrypt: use grpcs"},
		"no server":                  {"grpc://127.0.0.1:1/" + store + "/" + store, "read model " + store},
		"no TLS":                     {"grpcs" + strings.TrimPrefix(right, "grpc"), "read model"},
		"no such store":              {"grpc://" + server.address + "/" + store + "/" + store, "read model " + store},
		"a model without documents":  {server.store(t, "model\n  schema 1.1\ntype user\n"), "no user can be a viewer of a document"},
		"a model without viewers":    {server.store(t, "model\n  schema 1.1\ntype user\ntype document\n  relations\n    define owner: [user]\n"), "no user can be a viewer of a document"},
		"a model without users":      {server.store(t, "model\n  schema 1.1\ntype person\ntype document\n  relations\n    define viewer: [person]\n"), `no type "user"`},
		"viewers by another":         {server.store(t, "model\n  schema 1.1\ntype user\ntype document\n  relations\n    define owner: [user]\n    define viewer: owner\n"), "no user can be a viewer"},
		"everyone, and no one alone": {server.store(t, "model\n  schema 1.1\ntype user\ntype document\n  relations\n    define viewer: [user:*]\n"), "no user can be a viewer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if opened, _, err := open(t.Context(), test.name); err == nil || opened != nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hush") {
				t.Errorf("it is %v: %v", opened, err)
			}
		})
	}
}

// What names an OpenFGA is opened.
func TestOpen(t *testing.T) {
	t.Parallel()
	server := serve(t)
	for _, name := range []string{"memory", server.store(t, model), strings.Replace(server.store(t, model), "127.0.0.1", "localhost", 1)} {
		if !opened(t, name).Defines("viewer", "document") {
			t.Errorf("%s lacks viewers", name)
		}
	}
	for _, name := range []string{"grpcs://openfga.example:8081/a/b", "grpc://[::1]:8081/a/b"} {
		if _, store, model, err := parse(name); err != nil || store != "a" || model != "b" {
			t.Errorf("%s: %q, %q, %v", name, store, model, err)
		}
	}
}
