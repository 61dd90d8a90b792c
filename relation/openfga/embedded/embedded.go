// Package embedded has OpenFGA in the process. What it returns is an openfga.API, and takes
// models and tuples by OpenFGA's own requests.
package embedded

import (
	"fmt"
	"time"

	"github.com/openfga/openfga/pkg/logger"
	"github.com/openfga/openfga/pkg/server"
	"github.com/openfga/openfga/pkg/storage"
	"github.com/openfga/openfga/pkg/storage/migrate"
	"github.com/openfga/openfga/pkg/storage/sqlcommon"
	"github.com/openfga/openfga/pkg/storage/sqlite"
)

// New returns a server that keeps its stores in a datastore, which the caller closes after
// it has closed the server. It keeps no answers: all caches of OpenFGA for them are off,
// also where an option of it would switch them on.
func New(datastore storage.OpenFGADatastore, options ...server.OpenFGAServiceV1Option) (*server.Server, error) {
	made := append([]server.OpenFGAServiceV1Option{}, options...)
	return server.NewServerWithOpts(append(made,
		server.WithDatastore(datastore),
		server.WithCheckQueryCacheEnabled(false),
		server.WithCheckIteratorCacheEnabled(false),
		server.WithListObjectsIteratorCacheEnabled(false),
		server.WithCacheControllerEnabled(false),
		server.WithSharedIteratorEnabled(false),
	)...)
}

// SQLite returns a datastore in a file of SQLite, of OpenFGA's present schema, which it
// writes where the file is new or older.
func SQLite(path string) (storage.OpenFGADatastore, error) {
	uri := "file:" + path
	// Without a timeout, one that cannot open the file tries for ever.
	if err := migrate.RunMigrations(migrate.MigrationConfig{
		Engine: "sqlite", URI: uri, Logger: logger.NewNoopLogger(), Timeout: time.Minute, PingTimeout: time.Minute,
	}); err != nil {
		return nil, fmt.Errorf("openfga: prepare %s: %w", path, err)
	}
	datastore, err := sqlite.New(uri, sqlcommon.NewConfig(sqlcommon.WithLogger(logger.NewNoopLogger())))
	if err != nil {
		return nil, fmt.Errorf("openfga: open %s: %w", path, err)
	}
	return datastore, nil
}
