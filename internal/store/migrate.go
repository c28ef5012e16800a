package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"github.com/golang-migrate/migrate/v4"
	"github.com/golang-migrate/migrate/v4/database"
	"github.com/golang-migrate/migrate/v4/source"
	"github.com/golang-migrate/migrate/v4/source/iofs"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/migrations"
)

// Migrate brings the schema to the version that this binary knows. Of several processes that do so at once, one
// migrates and the others wait. It refuses a database that is newer, or that a migration left half done. One that fails changes nothing.
func (db *DB) Migrate(ctx context.Context) (err error) {
	if refused := db.dialect.migrates(); refused != nil {
		upToDate, err := db.UpToDate(ctx)
		if err == nil && !upToDate {
			err = refused
		}
		return err
	}
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
		if _, unfit := db.UpToDate(ctx); unfit != nil {
			return unfit
		}
		return fmt.Errorf("migrate: %w", explain(err))
	}
	return nil
}

// explain leaves the text of the migration out of an error of golang-migrate, and says what to do about a name that is taken.
func explain(err error) error {
	if failed, ok := errors.AsType[database.Error](err); ok {
		err = failed.OrigErr
	} else if failed, ok := errors.AsType[*database.Error](err); ok {
		err = failed.OrigErr
	}
	if strings.Contains(err.Error(), "already") {
		return fmt.Errorf("%w; nothing was changed: give Signet a database of its own, or on PostgreSQL a schema (add search_path=NAME to the URL)", err)
	}
	return err
}

// atomicDriver is golang-migrate's driver, but commits a migration together with the version that it leads to: one that fails or is
// interrupted has changed nothing. So a migration must be of statements that can run in a transaction.
type atomicDriver struct {
	database.Driver
	begin   string // what each migration begins with
	fresh   bool   // no version is stored yet
	version int    // that the next migration leads to
}

// Version is asked for once, when no other process can migrate. One that could, and failed, has dropped the table again.
func (a *atomicDriver) Version() (version int, dirty bool, err error) {
	err = a.Driver.Run(strings.NewReader(`CREATE TABLE IF NOT EXISTS schema_migrations (version BIGINT PRIMARY KEY, dirty BOOLEAN NOT NULL)`))
	if err != nil {
		return 0, false, err
	}
	version, dirty, err = a.Driver.Version()
	a.fresh = err == nil && version == database.NilVersion
	return version, dirty, err
}

func (a *atomicDriver) SetVersion(version int, dirty bool) error {
	if dirty { // which Run makes superfluous
		a.version = version
		return nil
	}
	return a.Driver.SetVersion(version, false)
}

func (a *atomicDriver) Run(migration io.Reader) error {
	text := "\n;DELETE FROM schema_migrations;"
	if a.version >= 0 {
		text += fmt.Sprintf("INSERT INTO schema_migrations (version, dirty) VALUES (%d, FALSE);", a.version)
	}
	statements, err := io.ReadAll(migration)
	if err != nil {
		return err
	}
	text = a.begin + string(statements) + text
	for deadline := time.Now().Add(migrateLockWait); ; time.Sleep(migratePause) {
		if err = a.Driver.Run(strings.NewReader(text)); !isLockTimeout(err) || time.Now().After(deadline) {
			break
		}
	}
	if err != nil && a.fresh {
		return errors.Join(err, a.Driver.Run(strings.NewReader(`DROP TABLE IF EXISTS schema_migrations`)))
	}
	a.fresh = false
	return err
}

// migratePause lets statements pass that were queued behind a migration which waited for a lock.
const migratePause = 200 * time.Millisecond

// isLockTimeout reports whether a migration did not get a lock in time, and so changed nothing.
func isLockTimeout(err error) bool {
	if failed, ok := errors.AsType[*database.Error](err); ok {
		err = failed.OrigErr
	} else if failed, ok := errors.AsType[database.Error](err); ok {
		err = failed.OrigErr
	}
	failed, ok := errors.AsType[*pgconn.PgError](err)
	return ok && failed.Code == "55P03"
}

// MigrationStatus returns the schema's version and the newest one that this binary knows; zero is an empty database.
// dirty says that a migration was interrupted. It changes nothing.
func (db *DB) MigrationStatus(ctx context.Context) (current, latest uint, dirty bool, err error) {
	if latest, err = LatestVersion(db.dialect.name()); err != nil {
		return 0, 0, false, err
	}
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		if known, err := db.hasVersion(ctx); err != nil || !known {
			return err
		}
		err := c.each(ctx, func(row scanner) error { return row.Scan(&current, &dirty) }, `SELECT version, dirty FROM schema_migrations`)
		return err
	})
	return current, latest, dirty, err
}

// hasVersion says whether a migration has begun on the database before.
func (db *DB) hasVersion(ctx context.Context) (bool, error) {
	n, err := find(ctx, db, scanInt, db.dialect.hasTable(), "schema_migrations")
	return n > 0, err
}

// UpToDate says whether the schema is of the newest version that this binary knows. ErrInvalid if it is newer, or a migration was
// interrupted.
func (db *DB) UpToDate(ctx context.Context) (bool, error) {
	current, latest, dirty, err := db.MigrationStatus(ctx)
	switch {
	case err != nil:
		return false, err
	case dirty:
		return false, fmt.Errorf("%w database: the migration to version %d was interrupted; restore a backup, or repair the schema by hand and clear schema_migrations.dirty", domain.ErrInvalid, current)
	case current > latest:
		return false, fmt.Errorf("%w database: its schema is version %d, this signet knows none after %d; run a newer signet", domain.ErrInvalid, current, latest)
	}
	return current == latest, nil
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
	m, err = migrate.NewWithInstance("embedded", files, db.dialect.name(), &atomicDriver{Driver: driver, begin: db.dialect.beginMigration()})
	if err != nil {
		release()
		return nil, nil, fmt.Errorf("migrate: %w", errors.Join(err, driver.Close()))
	}
	m.LockTimeout = migrateLockWait
	return m, release, nil
}

// LatestVersion is the version of the last migration of a dialect.
func LatestVersion(dialect string) (uint, error) {
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
