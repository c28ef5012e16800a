package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/migrations"
)

// Migrate brings the schema to the version that this binary knows. Of several processes that do so at once, one
// migrates and the others wait. It refuses a database that is newer, or that a migration left half done.
func (db *DB) Migrate(ctx context.Context) (err error) {
	m, release, err := db.migration(ctx)
	if err != nil {
		return err
	}
	defer release()
	defer func() {
		fromSource, fromDatabase := m.Close()
		err = errors.Join(err, fromSource, fromDatabase)
	}()
	stop := context.AfterFunc(ctx, func() { m.GracefulStop <- true })
	defer stop()
	if err := m.Up(); err != nil && !errors.Is(err, migrate.ErrNoChange) {
		if unfit := db.checkVersion(ctx); unfit != nil {
			return unfit
		}
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// MigrationStatus returns the schema's version and the newest one that this binary knows; zero is an empty database.
// dirty says that a migration was interrupted. It changes nothing.
func (db *DB) MigrationStatus(ctx context.Context) (current, latest uint, dirty bool, err error) {
	if latest, err = newest(db.dialect.name()); err != nil {
		return 0, 0, false, err
	}
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		if n, err := one(ctx, c, scanInt, db.dialect.hasTable(), "schema_migrations"); err != nil || n == 0 {
			return err
		}
		err := c.each(ctx, func(row scanner) error { return row.Scan(&current, &dirty) }, `SELECT version, dirty FROM schema_migrations`)
		return err
	})
	return current, latest, dirty, err
}

// checkVersion says why a database cannot be migrated, if it can be told by its version.
func (db *DB) checkVersion(ctx context.Context) error {
	current, latest, dirty, err := db.MigrationStatus(ctx)
	switch {
	case err != nil:
		return err
	case dirty:
		return fmt.Errorf("%w database: the migration to version %d was interrupted; restore a backup, or repair the schema by hand and clear schema_migrations.dirty", domain.ErrInvalid, current)
	case current > latest:
		return fmt.Errorf("%w database: its schema is version %d, this signet knows none after %d; run a newer signet", domain.ErrInvalid, current, latest)
	}
	return nil
}

// migration makes golang-migrate's object, holding the lock that keeps other processes from migrating.
func (db *DB) migration(ctx context.Context) (m *migrate.Migrate, release func(), err error) {
	files, err := iofs.New(migrations.FS, db.dialect.name())
	if err != nil {
		return nil, nil, fmt.Errorf("read the migrations: %w", err)
	}
	driver, release, err := db.dialect.migrator(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("migrate: %w", db.translate(ctx, err))
	}
	m, err = migrate.NewWithInstance("embedded", files, db.dialect.name(), driver)
	if err != nil {
		release()
		return nil, nil, fmt.Errorf("migrate: %w", errors.Join(err, driver.Close()))
	}
	m.LockTimeout = migrateLockWait
	return m, release, nil
}

// newest is the version of the last migration.
func newest(dialect string) (uint, error) {
	files, err := iofs.New(migrations.FS, dialect)
	if err != nil {
		return 0, fmt.Errorf("read the migrations: %w", err)
	}
	defer func() { _ = files.Close() }()
	return last(files)
}

func last(files source.Driver) (uint, error) {
	version, err := files.First()
	for err == nil {
		var next uint
		if next, err = files.Next(version); err == nil {
			version = next
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("read the migrations: %w", err)
	}
	return version, nil
}
