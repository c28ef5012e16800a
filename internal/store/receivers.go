package store

import (
	"context"
	"errors"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

const receiverColumns = `r.id, r.client_ref, c.client_id, r.description, r.method, r.endpoint, r.sealed_token, r.allow_private, r.events,
	r.acked, r.acked_beyond, r.missed, r.leased_until, r.attempts, r.next_attempt_at, r.last_error,
	r.verification_seq, r.verification_state, r.verification_at, r.verification_answered_at, r.verification_refusal,
	r.managed_by, r.version, r.created_at, r.updated_at, r.paused_at, r.disabled, r.status_reason, r.status_seq`

func scanReceiver(row scanner) (r domain.Receiver, err error) {
	v := &r.Verification
	err = row.Scan(&r.ID, &r.ClientID, &r.Client, &r.Description, &r.Method, &r.Endpoint, &r.SealedToken, &r.AllowPrivate, listOf(&r.Events),
		&r.Progress.Acked, listOf(&r.Progress.Beyond), &r.Missed, at(&r.LeasedUntil), &r.Attempts, at(&r.NextAttemptAt), &r.LastError,
		&v.Seq, &v.State, at(&v.At), at(&v.AnsweredAt), &v.Refusal,
		&r.ManagedBy, &r.Version, at(&r.CreatedAt), at(&r.UpdatedAt), at(&r.PausedAt), &r.Disabled, &r.StatusReason, &r.StatusSeq)
	return r, err
}

// InsertReceiver implements secevent.Store.
func (db *DB) InsertReceiver(ctx context.Context, r domain.Receiver) (id int64, err error) {
	err = db.write(ctx, func(ctx context.Context, c conn) error {
		id, err = insert(ctx, c, `
			INSERT INTO receivers (client_ref, description, method, endpoint, sealed_token, allow_private, events,
				acked, acked_beyond, next_attempt_at, created_at, updated_at)
			SELECT $1, $2, $3, $4, $5, $6, $7, audit_seq, '[]', `+db.dialect.clock()+`, $8, $8 FROM installation WHERE id = 1
			ON CONFLICT DO NOTHING RETURNING id`,
			r.ClientID, r.Description, string(r.Method), r.Endpoint, bytes(r.SealedToken), r.AllowPrivate, jsonList(r.Events), micros(r.CreatedAt))
		if errors.Is(err, domain.ErrReferenced) {
			return domain.ErrNotFound
		}
		return err
	})
	return id, err
}

// FindReceiver implements secevent.Store.
func (db *DB) FindReceiver(ctx context.Context, clientID string) (domain.Receiver, error) {
	return find(ctx, db, scanReceiver,
		`SELECT `+receiverColumns+` FROM receivers r JOIN clients c ON c.id = r.client_ref WHERE c.client_id = $1`, clientID)
}

// ListReceivers implements secevent.Store.
func (db *DB) ListReceivers(ctx context.Context, p domain.Page) ([]domain.Receiver, error) {
	return listPage(ctx, db, scanReceiver, pageQuery{
		columns: receiverColumns, from: `receivers r JOIN clients c ON c.id = r.client_ref`,
		key: `c.client_id`, names: []string{`c.client_id`, `c.name`}, few: true,
	}, p)
}

// unacknowledged is what the outbox o has for a receiver r that it has not acknowledged.
var unacknowledged = `FROM outbox o WHERE o.seq > r.acked AND NOT r.disabled AND o.receiver_id IN (0, r.id)` + notRemoved(`r.id`) + `
	AND (o.kind IN ('` + domain.EventVerification + `', '` + domain.EventStreamUpdated + `') OR CAST(r.events AS TEXT) LIKE '%"' || o.kind || '"%')
	AND (o.audience = '' OR o.audience IN (
		SELECT a.audience FROM client_serves v JOIN apis a ON a.id = v.api_id WHERE v.client_ref = r.client_ref))`

// notRemoved leaves out of the outbox o what is about the subjects that a receiver removed from its stream.
func notRemoved(receiver string) string {
	return ` AND NOT EXISTS (SELECT 1 FROM receiver_subjects s WHERE s.receiver_id = ` + receiver + ` AND s.removed AND s.user_id = o.user_id)
		AND NOT (o.user_id IS NULL AND o.format = '` + domain.FormatIssSub + `' AND EXISTS (SELECT 1 FROM receiver_subjects s
			JOIN clients k ON k.id = s.client_ref WHERE s.receiver_id = ` + receiver + ` AND s.removed AND k.client_id = o.subject))`
}

// isDue says of a receiver whether it may be pushed to at $2. One without failures need not wait: its next attempt is in the future only where
// a failover led to a server whose clock is behind.
const isDue = `(next_attempt_at <= $2 OR attempts = 0)`

// DueReceivers implements secevent.Deliveries.
func (db *DB) DueReceivers(ctx context.Context, now time.Time, behind int64) ([]domain.Receiver, error) {
	return findAll(ctx, db, scanReceiver,
		`SELECT `+receiverColumns+` FROM receivers r JOIN clients c ON c.id = r.client_ref
		WHERE r.method = $1 AND `+isDue+` AND (r.leased_until IS NULL OR r.leased_until <= $2)
		AND (r.paused_at IS NULL AND (r.acked <= (SELECT i.audit_seq - $3 FROM installation i WHERE i.id = 1) OR EXISTS (SELECT 1 `+unacknowledged+`))
			OR r.paused_at IS NOT NULL AND EXISTS (SELECT 1 FROM outbox o WHERE o.seq = r.status_seq AND o.receiver_id = r.id))
		ORDER BY r.next_attempt_at, r.id`, string(domain.DeliveryPush), micros(now), behind)
}

// UpdateReceiver implements secevent.Store.
func (db *DB) UpdateReceiver(ctx context.Context, r domain.Receiver) error {
	return consumed(db.exec(ctx, `
		UPDATE receivers SET description = $3, method = $4, endpoint = $5, sealed_token = $6, allow_private = $7, events = $8,
			attempts = 0, last_error = '', next_attempt_at = `+db.dialect.clock()+`, updated_at = $9, version = version + 1 WHERE id = $1 AND version = $2`,
		r.ID, r.Version, r.Description, string(r.Method), r.Endpoint, bytes(r.SealedToken), r.AllowPrivate, jsonList(r.Events), micros(r.UpdatedAt)))
}

// SetVerification implements secevent.Store.
func (db *DB) SetVerification(ctx context.Context, id int64, v domain.Verification) error {
	_, err := db.exec(ctx, `
		UPDATE receivers SET next_attempt_at = CASE WHEN verification_seq < $2 THEN `+db.dialect.clock()+` ELSE next_attempt_at END,
			attempts = CASE WHEN verification_seq < $2 THEN 0 ELSE attempts END, verification_seq = $2, verification_state = $3, verification_at = $4, verification_answered_at = $5, verification_refusal = $6
		WHERE id = $1 AND verification_seq <= $2`, id, v.Seq, v.State, micros(v.At), nullMicros(v.AnsweredAt), v.Refusal)
	return err
}

// SetReceiverStatus implements secevent.Store.
func (db *DB) SetReceiverStatus(ctx context.Context, r domain.Receiver, forget int64) error {
	forgotten := ``
	args := []any{r.ID, nullMicros(r.PausedAt), r.Disabled, r.StatusReason, r.StatusSeq}
	if forget > 0 {
		forgotten, args = `, acked = $6, acked_beyond = '[]', missed = 0`, append(args, forget)
	}
	_, err := db.exec(ctx, `
		UPDATE receivers SET paused_at = $2, disabled = $3, status_reason = $4, status_seq = $5, next_attempt_at = `+db.dialect.clock()+`, attempts = 0`+forgotten+`
		WHERE id = $1`, args...)
	return err
}

// DeleteReceiver implements secevent.Store.
func (db *DB) DeleteReceiver(ctx context.Context, clientID string) error {
	n, err := db.exec(ctx, `DELETE FROM receivers WHERE client_ref = (SELECT id FROM clients WHERE client_id = $1)`, clientID)
	if err == nil && n == 0 {
		return domain.ErrNotFound
	}
	return err
}

// MoveReceiver implements secevent.Deliveries.
func (db *DB) MoveReceiver(ctx context.Context, id int64, from, to domain.Progress) error {
	return consumed(db.exec(ctx, `UPDATE receivers SET acked = $4, acked_beyond = $5,
		status_seq = CASE WHEN status_seq <= $4 OR CAST($6 AS TEXT) LIKE '%"' || status_seq || '.%' THEN 0 ELSE status_seq END
		WHERE id = $1 AND acked = $2 AND acked_beyond = $3`,
		id, from.Acked, jsonList(from.Beyond), to.Acked, jsonList(to.Beyond), jsonList(to.Beyond)))
}

// LeaseReceiver implements secevent.Deliveries.
func (db *DB) LeaseReceiver(ctx context.Context, id int64, now, until time.Time) error {
	return consumed(db.exec(ctx, `
		UPDATE receivers SET leased_until = $3 WHERE id = $1 AND `+isDue+`
		AND (leased_until IS NULL OR leased_until <= $2)`, id, micros(now), micros(until)))
}

// ReleaseReceiver implements secevent.Deliveries.
func (db *DB) ReleaseReceiver(ctx context.Context, r domain.Receiver, due time.Time) error {
	return consumed(db.exec(ctx, `
		UPDATE receivers SET leased_until = NULL, attempts = CASE WHEN next_attempt_at = $6 THEN $3 ELSE attempts END,
			last_error = CASE WHEN next_attempt_at = $6 THEN $5 ELSE last_error END,
			next_attempt_at = CASE WHEN next_attempt_at = $6 THEN $4 ELSE next_attempt_at END
		WHERE id = $1 AND leased_until = $2`,
		r.ID, micros(r.LeasedUntil), r.Attempts, micros(r.NextAttemptAt), r.LastError, micros(due)))
}

// LastEvent implements secevent.Outbox.
func (db *DB) LastEvent(ctx context.Context) (int64, error) {
	return find(ctx, db, scanInt, `SELECT audit_seq FROM installation WHERE id = 1`)
}

// NewestEntry implements secevent.Outbox.
func (db *DB) NewestEntry(ctx context.Context) (int64, error) {
	return find(ctx, db, scanInt, `SELECT COALESCE(MAX(seq), 0) FROM outbox`)
}

// PutSubject implements secevent.Subjects.
func (db *DB) PutSubject(
	ctx context.Context, receiver int64, subject domain.StreamSubject, removed bool, now time.Time,
) (changed bool, count int64, err error) {
	query, name := subjectsNamed, subject.Subject
	if subject.Email != "" {
		query, name = concernedUsers+` WHERE lower(u.email) = lower($1) AND u.email <> '' AND u.email_verified`, subject.Email
	}
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		changed = false
		found, err := list(ctx, c, scanConcerned, `SELECT * FROM (`+query+`) s LIMIT $2`, name, domain.MaxOfEmail)
		if err != nil {
			return err
		}
		for _, who := range found {
			n, err := c.exec(ctx, `UPDATE receiver_subjects SET removed = $4 WHERE receiver_id = $1 AND (user_id = $2 OR client_ref = $3) AND removed <> $4`,
				receiver, nullID(who.userID), nullID(who.clientID), removed)
			if err == nil && n == 0 {
				n, err = c.exec(ctx, `INSERT INTO receiver_subjects (receiver_id, user_id, client_ref, removed, created_at) VALUES ($1, $2, $3, $4, $5)
					ON CONFLICT DO NOTHING`, receiver, nullID(who.userID), nullID(who.clientID), removed, micros(now))
			}
			if err != nil {
				return err
			}
			changed = changed || n > 0
		}
		count, err = one(ctx, c, scanInt, `SELECT COUNT(*) FROM receiver_subjects WHERE receiver_id = $1 AND removed = $2`, receiver, removed)
		if err == nil && len(found) == 0 {
			return domain.ErrNotFound
		}
		return err
	})
	return changed, count, err
}

// subjectsNamed selects the user or client with the "sub" $1.
const subjectsNamed = concernedUsers + ` WHERE u.subject = $1 UNION ALL ` + concernedClients + ` WHERE c.client_id = $1`
