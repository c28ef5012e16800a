package store

import (
	"context"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// outboxColumns are in the order in which all that is written to the outbox gives them.
const outboxColumns = `seq, at, kind, reason, members, initiator, format, subject, session, client, user_id, audience`

// appendSignals writes the outbox rows of events that have their seq, in one statement, unless there are no receivers.
func appendSignals(ctx context.Context, c conn, events []domain.Event) error {
	var rows [][]any
	w := signalWriter{conn: c}
	for _, e := range events {
		for _, signal := range e.Signals {
			if len(signal.About) == 0 {
				continue
			}
			if received, err := w.received(ctx); err != nil || !received {
				return err
			}
			for _, about := range signal.About {
				found, err := w.rows(ctx, signal, about)
				if err != nil {
					return err
				}
				for _, r := range found {
					rows = append(rows, []any{
						e.Seq, micros(e.At), signal.Kind, signal.Reason, jsonObject(signal.Members), r.initiator, r.format, r.subject, r.session, r.client,
						nullID(r.userID), r.audience, r.receiver,
					})
				}
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := c.exec(ctx, `INSERT INTO outbox (`+outboxColumns+`, receiver_id) SELECT `+outboxColumns+`, receiver_id FROM `+c.db.dialect.rows(`$1`,
		`seq BIGINT`, `at BIGINT`, `kind`, `reason`, `members JSONB`, `initiator`, `format`, `subject`, `session`, `client`, `user_id BIGINT`, `audience`, `receiver_id BIGINT`)+` r
		WHERE TRUE ON CONFLICT DO NOTHING`, jsonRows(rows))
	return err
}

// ListOutbox implements secevent.Outbox.
func (db *DB) ListOutbox(ctx context.Context, receiver, after int64, kinds, audiences []string, limit int) (entries []domain.OutboxEntry, through int64, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		if through, err = one(ctx, c, scanInt, `SELECT audit_seq FROM installation WHERE id = 1`); err != nil {
			return err
		}
		if len(kinds) == 0 {
			return nil
		}
		kindsIn, args := in([]any{after, through, receiver}, kinds...)
		audiencesIn, args := in(args, append([]string{""}, audiences...)...)
		relevant := `FROM outbox o WHERE o.seq > $1 AND o.seq <= $2 AND o.kind IN ` + kindsIn + ` AND o.audience IN ` + audiencesIn + ` AND o.receiver_id IN (0, $3)` + notRemoved(`$3`) + `
			AND (o.kind <> '` + domain.EventTokenClaimsChange + `' OR o.format <> '` + domain.FormatIssSub + `'
				OR o.user_id IS NOT NULL AND EXISTS (SELECT 1 FROM users u WHERE u.id = o.user_id)
				OR o.user_id IS NULL AND EXISTS (SELECT 1 FROM clients k WHERE k.client_id = o.subject))`
		if len(audiences) == 0 { // what concerns all services concerns it only for the subjects that it added
			relevant += ` AND (o.receiver_id = $3 OR EXISTS (SELECT 1 FROM receiver_subjects s WHERE s.receiver_id = $3 AND NOT s.removed))`
		}
		n := int64(0)
		var last int64
		limitAt, limited := in(args, any(limit))
		err = c.each(ctx, func(row scanner) error { return row.Scan(&n, &last) },
			`SELECT COUNT(*), COALESCE(MAX(seq), 0) FROM (SELECT o.seq `+relevant+` ORDER BY o.seq LIMIT `+limitAt+`) o`, limited...)
		if err != nil || n == 0 {
			return err
		}
		if n == int64(limit) {
			through, args[1] = last, last
		}
		entries, err = list(ctx, c, scanOutbox, `SELECT `+outboxColumns+` `+relevant+` ORDER BY o.seq, o.kind, o.format, o.subject, o.audience`, args...)
		return err
	})
	return entries, through, err
}

func scanOutbox(row scanner) (o domain.OutboxEntry, err error) {
	var user *int64
	err = row.Scan(&o.Seq, at(&o.At), &o.Kind, &o.Reason, objectOf(&o.Members), &o.Initiator, &o.Format, &o.Subject, &o.Session, &o.Client, &user, &o.Audience)
	if user != nil {
		o.UserID = *user
	}
	return o, err
}

// deleteOutbox deletes at most $1 rows up to an event. An event of thousands of rows goes in several steps.
func deleteOutbox(through string) string {
	const key = `seq, kind, format, subject, audience, receiver_id`
	return `DELETE FROM outbox WHERE (` + key + `) IN (SELECT ` + key + ` FROM outbox WHERE seq <= ` + through + ` ORDER BY ` + key + ` LIMIT $1)`
}

// PurgeAcknowledged implements secevent.Outbox. It is one statement, so that the first receiver and its first event cannot come in between.
func (db *DB) PurgeAcknowledged(ctx context.Context, limit int) (deleted int64, err error) {
	return db.exec(ctx, deleteOutbox(`COALESCE((SELECT MIN(acked) FROM receivers WHERE NOT disabled), (SELECT audit_seq FROM installation WHERE id = 1))`), limit)
}

// PurgeUnacknowledged implements secevent.Outbox. What follows the first event that is kept is kept, too: it may be of a replica whose
// clock is behind.
func (db *DB) PurgeUnacknowledged(
	ctx context.Context, before time.Time, limit int, lost func(ctx context.Context, r domain.Receiver, through int64) (last int64, err error),
) (deleted int64, missing []domain.Receiver, err error) {
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		missing = nil
		const oldest = `(SELECT seq, at FROM outbox ORDER BY seq LIMIT $2)`
		through, err := one(ctx, c, scanInt, `SELECT COALESCE(MAX(o.seq), 0) FROM `+oldest+` o
			WHERE o.seq < COALESCE((SELECT MIN(k.seq) FROM `+oldest+` k WHERE k.at >= $1), 9223372036854775807)`, micros(before), limit)
		if err != nil || through == 0 {
			return err
		}
		where := ` WHERE EXISTS (SELECT 1 ` + unacknowledged + ` AND o.seq <= $1) ORDER BY r.id`
		// None of them acknowledges anything until this transaction ends.
		if _, err := list(ctx, c, scanInt, `SELECT r.id FROM receivers r`+where+db.dialect.forUpdate(), through); err != nil {
			return err
		}
		behind, err := list(ctx, c, scanReceiver, `SELECT `+receiverColumns+` FROM receivers r JOIN clients c ON c.id = r.client_ref`+where, through)
		if err != nil {
			return err
		}
		for _, r := range behind {
			last, err := lost(ctx, r, through)
			if err != nil {
				return err
			}
			if last == 0 {
				continue
			}
			if _, err := c.exec(ctx, `UPDATE receivers SET missed = $2 WHERE id = $1`, r.ID, last); err != nil {
				return err
			}
			missing = append(missing, r)
		}
		deleted, err = c.exec(ctx, deleteOutbox(`$2`), limit, through)
		return err
	})
	return deleted, missing, err
}
