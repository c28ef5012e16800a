package store

import (
	"context"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	// maxConcerned is how many members or holders an event names; if there are more it names the APIs instead.
	maxConcerned = 2000
	// tokensRead is how many tokens of a subject are read to find those of an API. A subject with more counts as one that has some.
	tokensRead = "10000"
)

// outboxColumns are in the order in which all that is written to the outbox gives them.
const outboxColumns = `seq, at, kind, reason, initiator, format, subject, session, user_id, audience`

// appendSignals writes the outbox rows of events that have their seq, unless there are no receivers.
func appendSignals(ctx context.Context, c conn, events []domain.Event) error {
	var rows []string
	var args []any
	received := false
	for _, e := range events {
		if len(e.Signal.About) == 0 {
			continue
		}
		if !received {
			n, err := one(ctx, c, scanInt, `SELECT COUNT(*) FROM (SELECT 1 FROM receivers LIMIT 1) r`)
			if err != nil || n == 0 {
				return err
			}
			received = true
		}
		for _, about := range e.Signal.About {
			if format, subject, ok := literal(about); ok {
				var row string
				row, args = in[any](args, e.Seq, micros(e.At), e.Signal.Kind, e.Signal.Reason, e.Signal.Initiator, format, subject, "", nil, about.Audience)
				rows = append(rows, row)
			} else if err := appendConcerned(ctx, c, e, about); err != nil {
				return err
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	_, err := c.exec(ctx, `INSERT INTO outbox (`+outboxColumns+`) VALUES `+strings.Join(rows, `, `)+` ON CONFLICT DO NOTHING`, args...)
	return err
}

// literal is what needs no look into the database.
func literal(about domain.Concerned) (format, subject string, ok bool) {
	switch {
	case about.Kind == domain.ConcernsToken:
		return domain.FormatJWTID, about.Name, true
	case about.Kind == domain.ConcernsAll:
		return domain.FormatURI, "", true
	case about.Kind == domain.ConcernsKey && about.ID == 0:
		return domain.FormatOpaque, about.Name, true
	case about.Kind == domain.ConcernsAPI && about.ID == 0:
		return domain.FormatURI, about.Name, true
	default:
		return "", "", false
	}
}

// appendConcerned writes the rows of what is found in the database, in one statement.
func appendConcerned(ctx context.Context, c conn, e domain.Event, about domain.Concerned) error {
	w := outboxRows{args: []any{e.Seq, micros(e.At), e.Signal.Kind, e.Signal.Reason, e.Signal.Initiator}}
	switch about.Kind {
	case domain.ConcernsGrant:
		w.users(e, domain.FormatIssSub, ``, `s.audience`, `(`+outboxGrants+` WHERE g.id = `+w.arg(about.ID)+`) s WHERE 1 = 1`)
	case domain.ConcernsSession:
		w.users(e, domain.FormatComplex, about.Name, `s.audience`, `(`+outboxGrants+` WHERE g.user_id = `+w.arg(about.UserID)+
			` AND g.session_id = `+w.arg(about.ID)+` AND g.revoked_at IS NULL) s WHERE 1 = 1`)
	case domain.ConcernsKey:
		w.plain(domain.FormatOpaque, `kid`, `''`, `signing_keys WHERE id = `+w.arg(about.ID))
	case domain.ConcernsAPI:
		w.plain(domain.FormatURI, `audience`, `audience`, `apis WHERE id = `+w.arg(about.ID))
	default:
		found := w.subjects(about)
		if about.Kind == domain.ConcernsMembers || about.Kind == domain.ConcernsHolders {
			n, err := one(ctx, c, scanInt, `SELECT COUNT(*) FROM (`+named(about.Kind, `$1`)+` LIMIT $2) s`, about.Name, maxConcerned+1)
			if err != nil {
				return err
			}
			if n > maxConcerned {
				w.args = w.args[:5]
				w.plain(domain.FormatURI, `a.audience`, `a.audience`, servedAPIs+` WHERE 1 = 1`)
				break
			}
		}
		w.users(e, domain.FormatIssSub, ``, `a.audience`, `(`+found+`) s CROSS JOIN `+servedAPIs+` WHERE `+w.audience(about.Audience)+hadToken)
	}
	_, err := c.exec(ctx, `INSERT INTO outbox (`+outboxColumns+`) `+w.query+` ON CONFLICT DO NOTHING`, w.args...)
	return err
}

// servedAPIs are those that a receiver serves.
const servedAPIs = `(SELECT DISTINCT api.id, api.audience FROM receivers r
	JOIN client_serves v ON v.client_ref = r.client_ref JOIN apis api ON api.id = v.api_id) a`

// hadToken says that the index has a token of s for the API a, or that s gave a grant for it which is not revoked.
const hadToken = `(
	EXISTS (SELECT 1 FROM (SELECT t.api_id FROM issued_tokens t WHERE t.user_id = s.user_id LIMIT ` + tokensRead + `) t WHERE t.api_id = a.id)
	OR EXISTS (SELECT 1 FROM (SELECT t.api_id FROM issued_tokens t WHERE t.client_ref = s.client_key LIMIT ` + tokensRead + `) t WHERE t.api_id = a.id)
	OR EXISTS (SELECT 1 FROM grants g WHERE g.user_id = s.user_id AND g.audience = a.audience AND g.revoked_at IS NULL)
	OR (SELECT COUNT(*) FROM (SELECT 1 FROM issued_tokens t WHERE t.user_id = s.user_id LIMIT ` + tokensRead + `) t) = ` + tokensRead + `
	OR (SELECT COUNT(*) FROM (SELECT 1 FROM issued_tokens t WHERE t.client_ref = s.client_key LIMIT ` + tokensRead + `) t) = ` + tokensRead + `)`

const (
	outboxUsers   = `SELECT u.id AS user_id, CAST(NULL AS BIGINT) AS client_key, u.subject, u.username FROM users u`
	outboxGrants  = `SELECT u.id AS user_id, u.subject, u.username, g.audience FROM grants g JOIN users u ON u.id = g.user_id`
	outboxClients = `SELECT CAST(NULL AS BIGINT) AS user_id, c.id AS client_key, c.client_id AS subject, '' AS username FROM clients c`
)

// named selects the subjects that a group or role name stands for.
func named(kind domain.ConcernedKind, name string) string {
	if kind == domain.ConcernsMembers {
		return outboxUsers + ` JOIN group_members m ON m.user_id = u.id JOIN groups g ON g.id = m.group_id WHERE g.name = ` + name
	}
	role := `x.role_id = (SELECT id FROM roles WHERE name = ` + name + `)`
	return outboxUsers + ` WHERE u.id IN (SELECT x.user_id FROM assignments x WHERE ` + role + ` AND x.user_id IS NOT NULL
			UNION SELECT m.user_id FROM assignments x JOIN group_members m ON m.group_id = x.group_id WHERE ` + role + `)
		UNION ALL ` + outboxClients + ` WHERE c.id IN (SELECT x.client_ref FROM assignments x WHERE ` + role + ` AND x.client_ref IS NOT NULL)`
}

// outboxRows builds a query of rows for the outbox. Its first five arguments are what all of them have in common.
type outboxRows struct {
	query string
	args  []any
}

func (w *outboxRows) arg(v any) string {
	var placeholder string
	placeholder, w.args = in(w.args, v)
	return placeholder
}

func (w *outboxRows) audience(only string) string {
	if only == "" {
		return ``
	}
	return `a.audience = ` + w.arg(only) + ` AND `
}

// subjects selects users or clients, as user_id, client_key, subject and username.
func (w *outboxRows) subjects(about domain.Concerned) string {
	switch {
	case about.Kind == domain.ConcernsUser && about.Subject != "":
		return `SELECT CAST(` + w.arg(about.ID) + ` AS BIGINT) AS user_id, CAST(NULL AS BIGINT) AS client_key, CAST(` + w.arg(about.Subject) +
			` AS TEXT) AS subject, CAST(` + w.arg(about.Name) + ` AS TEXT) AS username`
	case about.Kind == domain.ConcernsUser && about.ID != 0:
		return outboxUsers + ` WHERE u.id = ` + w.arg(about.ID)
	case about.Kind == domain.ConcernsUser:
		return outboxUsers + ` WHERE u.username = ` + w.arg(about.Name)
	case about.Kind == domain.ConcernsClient && about.ID != 0:
		return outboxClients + ` WHERE c.id = ` + w.arg(about.ID)
	case about.Kind == domain.ConcernsClient:
		return outboxClients + ` WHERE c.client_id = ` + w.arg(about.Name)
	default:
		return named(about.Kind, w.arg(about.Name))
	}
}

const outboxCommon = `CAST($1 AS BIGINT), CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), `

// users selects rows about s, users or clients.
func (w *outboxRows) users(e domain.Event, format, session, audience, from string) {
	w.query = `SELECT ` + outboxCommon + `CASE WHEN s.username <> '' AND s.username = ` + w.arg(e.Signal.ActorName) +
		` THEN '` + domain.InitiatorUser + `' ELSE $5 END, '` + format + `', s.subject, CAST(` + w.arg(session) + ` AS TEXT), s.user_id, ` +
		audience + ` FROM ` + from
}

// plain selects rows about something else.
func (w *outboxRows) plain(format, subject, audience, from string) {
	w.query = `SELECT ` + outboxCommon + `$5, '` + format + `', ` + subject + `, '', CAST(NULL AS BIGINT), ` + audience + ` FROM ` + from
}

// ListOutbox returns what a receiver of kinds of event that serves audiences has to hear after a seq: entries of whole events, oldest
// first, as many as make at least limit entries; and through, the last seq that was looked at. What no longer exists, and could only
// have had its claims changed, is left out.
func (db *DB) ListOutbox(ctx context.Context, after int64, kinds, audiences []string, limit int) (entries []domain.OutboxEntry, through int64, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		if through, err = one(ctx, c, scanInt, `SELECT audit_seq FROM installation WHERE id = 1`); err != nil {
			return err
		}
		if len(kinds) == 0 || len(audiences) == 0 {
			return nil
		}
		kindsIn, args := in([]any{after, through}, kinds...)
		audiencesIn, args := in(args, append([]string{""}, audiences...)...)
		relevant := `FROM outbox o WHERE o.seq > $1 AND o.seq <= $2 AND o.kind IN ` + kindsIn + ` AND o.audience IN ` + audiencesIn + `
			AND (o.kind <> '` + domain.EventTokenClaimsChange + `' OR o.format <> '` + domain.FormatIssSub + `'
				OR o.user_id IS NOT NULL AND EXISTS (SELECT 1 FROM users u WHERE u.id = o.user_id)
				OR o.user_id IS NULL AND EXISTS (SELECT 1 FROM clients k WHERE k.client_id = o.subject))`
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
		entries, err = list(ctx, c, scanOutbox, `SELECT `+outboxColumns+` `+relevant+` ORDER BY o.seq, o.format, o.subject, o.audience`, args...)
		return err
	})
	return entries, through, err
}

func scanOutbox(row scanner) (o domain.OutboxEntry, err error) {
	var user *int64
	err = row.Scan(&o.Seq, at(&o.At), &o.Kind, &o.Reason, &o.Initiator, &o.Format, &o.Subject, &o.Session, &user, &o.Audience)
	if user != nil {
		o.UserID = *user
	}
	return o, err
}

// purgeOutbox deletes at most $1 events that all receivers have acknowledged.
const purgeOutbox = `DELETE FROM outbox WHERE seq IN (
	SELECT DISTINCT seq FROM outbox WHERE seq <= COALESCE((SELECT MIN(acked) FROM receivers), 9223372036854775807) ORDER BY seq LIMIT $1)`
