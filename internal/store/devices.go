package store

import (
	"context"
	"database/sql/driver"
	"encoding/json"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// InsertDeviceRequest implements device.Store.
func (db *DB) InsertDeviceRequest(ctx context.Context, r domain.DeviceRequest) (id int64, err error) {
	err = db.write(ctx, func(ctx context.Context, c conn) error {
		id, err = insert(ctx, c, `
			INSERT INTO device_requests (device_code, user_code, client_ref, apis, nonce, ip, user_agent, poll_interval, created_at, expires_at)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING id`,
			r.DeviceCode, r.UserCode, r.ClientID, askedAPIs{&r.APIs}, r.Nonce, r.IP, r.UserAgent, lasting(&r.Interval),
			micros(r.CreatedAt), micros(r.ExpiresAt))
		return err
	})
	return id, err
}

// FindDeviceRequest implements device.Store.
func (db *DB) FindDeviceRequest(ctx context.Context, id int64) (domain.DeviceRequest, error) {
	return find(ctx, db, scanDeviceRequest, selectDeviceRequests+`id = $1`, id)
}

// FindDeviceCode implements device.Store.
func (db *DB) FindDeviceCode(ctx context.Context, code []byte) (domain.DeviceRequest, error) {
	return find(ctx, db, scanDeviceRequest, selectDeviceRequests+`device_code = $1`, code)
}

// FindUserCode implements device.Store.
func (db *DB) FindUserCode(ctx context.Context, code []byte) (domain.DeviceRequest, error) {
	return find(ctx, db, scanDeviceRequest, selectDeviceRequests+`user_code = $1`, code)
}

const selectDeviceRequests = `
	SELECT id, device_code, user_code, client_ref, (SELECT client_id FROM clients c WHERE c.id = client_ref), apis, nonce, ip, user_agent, poll_interval, polled_at, created_at, expires_at,
		answered_at, COALESCE(answered_by, 0), COALESCE(grant_id, 0), used_at
	FROM device_requests WHERE `

func scanDeviceRequest(row scanner) (r domain.DeviceRequest, err error) {
	err = row.Scan(&r.ID, &r.DeviceCode, &r.UserCode, &r.ClientID, &r.Client, askedAPIs{&r.APIs}, &r.Nonce, &r.IP, &r.UserAgent, lasting(&r.Interval),
		at(&r.PolledAt), at(&r.CreatedAt), at(&r.ExpiresAt), at(&r.AnsweredAt), &r.AnsweredBy, &r.GrantID, at(&r.UsedAt))
	return r, err
}

// askedAPI is an element of the column of APIs that are asked for.
type askedAPI struct {
	Audience string   `json:"audience"`
	Scopes   []string `json:"scopes"`
}

// askedAPIs reads that column, and writes it.
type askedAPIs struct{ to *[]domain.GrantAPI }

// Value implements [driver.Valuer].
func (c askedAPIs) Value() (driver.Value, error) {
	asked := make([]askedAPI, len(*c.to))
	for i, api := range *c.to {
		asked[i] = askedAPI{api.Audience, api.Scopes}
	}
	text, err := json.Marshal(asked)
	return string(text), err
}

// Scan implements [database/sql.Scanner].
func (c askedAPIs) Scan(src any) error {
	text, err := storedText(src)
	if err != nil {
		return err
	}
	var asked []askedAPI
	if err := json.Unmarshal(text, &asked); err != nil {
		return err
	}
	*c.to = nil
	for _, api := range asked {
		*c.to = append(*c.to, domain.GrantAPI{Audience: api.Audience, Scopes: api.Scopes})
	}
	return nil
}

// NoteDevicePoll implements device.Store. A fifth of the interval is left to networks and clocks.
func (db *DB) NoteDevicePoll(ctx context.Context, id int64, now time.Time, slower time.Duration) (tooSoon bool, err error) {
	err = db.tx(ctx, func(ctx context.Context, c conn) error {
		tooSoon = false
		inTime, err := c.exec(ctx, `
			UPDATE device_requests SET polled_at = $2
			WHERE id = $1 AND (polled_at IS NULL OR polled_at + poll_interval * 4 / 5 <= $2)`, id, micros(now))
		if err != nil || inTime > 0 {
			return err
		}
		tooSoon = true
		_, err = c.exec(ctx, `UPDATE device_requests SET polled_at = $2, poll_interval = poll_interval + $3 WHERE id = $1`,
			id, micros(now), slower.Microseconds())
		return err
	})
	return tooSoon, err
}

// AnswerDeviceRequest implements device.Store.
func (db *DB) AnswerDeviceRequest(ctx context.Context, r domain.DeviceRequest) error {
	return consumed(db.exec(ctx, `
		UPDATE device_requests SET answered_at = $2, answered_by = $3, grant_id = $4, expires_at = $5
		WHERE id = $1 AND answered_at IS NULL AND expires_at > $2`,
		r.ID, micros(r.AnsweredAt), r.AnsweredBy, nullID(r.GrantID), micros(r.ExpiresAt)))
}

// UseDeviceRequest implements device.Store.
func (db *DB) UseDeviceRequest(ctx context.Context, id int64, now time.Time) error {
	return db.tx(ctx, func(ctx context.Context, c conn) error {
		_, err := one(ctx, c, scanInt, `
			SELECT id FROM grants
			WHERE id = (SELECT grant_id FROM device_requests WHERE id = $1) AND `+db.dialect.holdsRevision()+db.dialect.forUpdate(), id)
		if err != nil {
			return err
		}
		return consumed(c.exec(ctx, `UPDATE device_requests SET used_at = $2 WHERE id = $1 AND used_at IS NULL`, id, micros(now)))
	})
}
