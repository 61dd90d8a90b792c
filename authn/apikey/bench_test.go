package apikey_test

import (
	"testing"

	"github.com/sallyport-rpc/sallyport/authn/apikey"
)

// BenchmarkAuthenticate authenticates a good key. What memory costs is what this
// package does; the rest is the database's.
func BenchmarkAuthenticate(b *testing.B) {
	for _, kind := range []string{"memory", "SQLite", "PostgreSQL"} {
		b.Run(kind, func(b *testing.B) {
			var store apikey.Store = newMemory()
			switch kind {
			case "SQLite":
				store = migrated(b, apikey.SQLite(openSQLite(b)))
			case "PostgreSQL":
				store = migrated(b, apikey.PostgreSQL(openPostgreSQL(b)))
			}
			manager := newManager(b, store)
			_, text := issue(b, manager, "ada", "files.read")
			call := bearer(text).call()
			b.ReportAllocs()
			for b.Loop() {
				if _, err := manager.Authenticate(b.Context(), call); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkAuthenticateMistyped refuses a key that does not reach the store.
func BenchmarkAuthenticateMistyped(b *testing.B) {
	manager := newManager(b, newMemory())
	_, text := issue(b, manager, "ada")
	call := bearer(text[:len(text)-1] + "_").call()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := manager.Authenticate(b.Context(), call); err == nil {
			b.Fatal("let in")
		}
	}
}
