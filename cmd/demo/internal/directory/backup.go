package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrBackupExists says that a file that a backup would be written to is there already.
var ErrBackupExists = errors.New("there is a file of that name")

// Backup writes a copy of the directory to a new file, readable for this user alone. The
// copy is one moment of the directory, also while processes write to it. It holds no
// sessions, and its users have new generations of them, so that a restored copy does not bring
// back a session that was ended since, also where another store keeps the sessions.
//
// The file appears once it is complete. Backup fails with [ErrBackupExists] where there
// is a file of that name already.
func (d *Directory) Backup(ctx context.Context, path string) error {
	if err := d.backup(ctx, path); err != nil {
		return fmt.Errorf("back up to %q: %w", path, err)
	}
	return nil
}

func (d *Directory) backup(ctx context.Context, path string) error {
	absolute, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	if _, err := os.Lstat(absolute); err == nil {
		return ErrBackupExists
	}
	// The folder is this user's alone, so the file is from its first moment on.
	folder, err := os.MkdirTemp(filepath.Dir(absolute), filepath.Base(absolute)+".new-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	temporary := filepath.Join(folder, "copy.db")
	if _, err := d.db.ExecContext(ctx, "VACUUM INTO ?", temporary); err != nil {
		return err
	}
	if err := os.Chmod(temporary, 0o600); err != nil {
		return err
	}
	if err := withoutSessions(ctx, temporary); err != nil {
		return err
	}
	if err := os.Link(temporary, absolute); errors.Is(err, fs.ErrExist) {
		return ErrBackupExists
	} else if err != nil {
		return err
	}
	return syncFolder(filepath.Dir(absolute))
}

// newGenerations give each user a generation of sessions that there never was.
const newGenerations = "UPDATE users SET session_generation = lower(hex(randomblob(16)))"

// withoutSessions ends the sessions in a copy and removes them, also from its free pages.
func withoutSessions(ctx context.Context, path string) error {
	db, err := openDatabase(ctx, dataSource(path, Config{}.withDefaults()), 1, func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, newGenerations+"; DELETE FROM sessions; VACUUM; PRAGMA user_version")
		return err
	})
	if err != nil {
		return err
	}
	return db.Close()
}
