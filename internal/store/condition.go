package store

import "context"

// Condition returns settings of the database that decide whether it keeps what it acknowledges, by name, as it writes them. On PostgreSQL these are of
// pg_settings, and ssl_in_use, server_address (empty: a socket) and connections; on SQLite version, journal_mode, synchronous and bytes.
func (db *DB) Condition(ctx context.Context) (map[string]string, error) {
	condition := map[string]string{}
	err := db.read(ctx, func(ctx context.Context, c conn) error {
		return c.each(ctx, func(row scanner) error {
			var name, value string
			if err := row.Scan(&name, &value); err != nil {
				return err
			}
			condition[name] = value
			return nil
		}, db.dialect.condition())
	})
	return condition, err
}

func (p *postgres) condition() string {
	return `
		SELECT name, setting FROM pg_settings WHERE name IN ('server_version', 'server_version_num', 'fsync', 'synchronous_commit',
			'full_page_writes', 'autovacuum', 'max_connections', 'superuser_reserved_connections', 'reserved_connections')
		UNION ALL SELECT 'ssl_in_use', (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())::TEXT
		UNION ALL SELECT 'server_address', COALESCE(host(inet_server_addr()), '')
		UNION ALL SELECT 'connections', (SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend')::TEXT`
}

func (e *embedded) condition() string {
	return `
		SELECT 'version', sqlite_version() UNION ALL SELECT 'journal_mode', journal_mode FROM pragma_journal_mode
		UNION ALL SELECT 'synchronous', CAST(synchronous AS TEXT) FROM pragma_synchronous
		UNION ALL SELECT 'bytes', CAST(page_count * page_size AS TEXT) FROM pragma_page_count, pragma_page_size`
}
