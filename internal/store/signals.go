package store

import (
	"context"
	"errors"
	"strconv"

	"github.com/signet-auth/signet/internal/domain"
)

const (
	// maxConcerned is how many users and clients an event names, and maxSignalRows how many rows it makes in the outbox. Past these it
	// names the APIs instead, which bounds the time for which the change holds the end of the log.
	maxConcerned  = 2000
	maxSignalRows = 10_000
	// tokensRead is how many tokens of an event's subjects are read to find their APIs. Subjects with more count as if they had tokens
	// for every API.
	tokensRead = 50_000
)

var tokensReadText = strconv.Itoa(tokensRead) // in statements

// outboxRow is the part of an outbox row that differs between the rows of one event.
type outboxRow struct {
	initiator, format, subject, session, client string
	userID                                      int64 // zero: no user
	audience                                    string
	receiver                                    int64 // zero: every one that serves the audience
}

// servedAPI is an API that a receiver serves.
type servedAPI struct {
	id       int64
	audience string
}

// concernedSubject is a user or client whom an event concerns.
type concernedSubject struct {
	userID, clientID int64 // database ids; one of them is zero
	subject          string
	username         string // empty: no user
}

// signalWriter finds out whom events concern. What is the same for all events of a transaction is looked up once.
type signalWriter struct {
	conn
	receivers *int64
	served    []servedAPI
}

// received says whether there is a receiver.
func (w *signalWriter) received(ctx context.Context) (bool, error) {
	if w.receivers == nil {
		n, err := one(ctx, w.conn, scanInt, `SELECT COUNT(*) FROM (SELECT 1 FROM receivers LIMIT 1) r`)
		if err != nil {
			return false, err
		}
		w.receivers = &n
	}
	return *w.receivers > 0, nil
}

// servedAPIs returns those that receivers serve, or the one of them that is asked for.
func (w *signalWriter) servedAPIs(ctx context.Context, only string) ([]servedAPI, error) {
	if w.served == nil {
		served, err := list(ctx, w.conn, func(row scanner) (a servedAPI, err error) {
			err = row.Scan(&a.id, &a.audience)
			return a, err
		}, `SELECT DISTINCT a.id, a.audience FROM receivers r JOIN client_serves v ON v.client_ref = r.client_ref JOIN apis a ON a.id = v.api_id`)
		if err != nil {
			return nil, err
		}
		w.served = served
	}
	if only == "" {
		return w.served, nil
	}
	for _, a := range w.served {
		if a.audience == only {
			return []servedAPI{a}, nil
		}
	}
	return nil, nil
}

// rows returns the rows of an event for what it is about.
func (w *signalWriter) rows(ctx context.Context, signal domain.SecurityEvent, about domain.Concerned) ([]outboxRow, error) {
	named := func(format, name, audience string) []outboxRow {
		return []outboxRow{{initiator: signal.Initiator, format: format, subject: name, audience: audience}}
	}
	switch {
	case signal.Kind == domain.EventAccountDisabled:
		rows, err := w.ofSubjects(ctx, signal, about)
		if err != nil {
			return nil, err
		}
		return rows, w.rememberDisabled(ctx, rows)
	case signal.Kind == domain.EventAccountEnabled:
		return w.ofDisabled(ctx, signal, about)
	case about.Kind == domain.ConcernsToken:
		return named(domain.FormatJWTID, about.Name, about.Audience), nil
	case about.Kind == domain.ConcernsAll:
		return named(domain.FormatURI, "", about.Audience), nil
	case about.Kind == domain.ConcernsKey && about.ID == 0:
		return named(domain.FormatOpaque, about.Name, about.Audience), nil
	case about.Kind == domain.ConcernsKey:
		kids, err := list(ctx, w.conn, scanString, `SELECT kid FROM signing_keys WHERE id = $1`, about.ID)
		if err != nil || len(kids) == 0 {
			return nil, err
		}
		return named(domain.FormatOpaque, kids[0], about.Audience), nil
	case about.Kind == domain.ConcernsAPI && about.ID == 0:
		return named(domain.FormatURI, about.Name, about.Audience), nil
	case about.Kind == domain.ConcernsAPI:
		audiences, err := list(ctx, w.conn, scanString, `SELECT audience FROM apis WHERE id = $1`, about.ID)
		if err != nil || len(audiences) == 0 {
			return nil, err
		}
		return named(domain.FormatURI, audiences[0], audiences[0]), nil
	case about.Kind == domain.ConcernsDeletedAPI:
		return list(ctx, w.conn, func(row scanner) (r outboxRow, err error) {
			r = named(domain.FormatURI, about.Name, "")[0]
			err = row.Scan(&r.receiver)
			return r, err
		}, `SELECT r.id FROM receivers r JOIN client_serves v ON v.client_ref = r.client_ref JOIN apis a ON a.id = v.api_id WHERE a.audience = $1`,
			about.Name)
	case about.Kind == domain.ConcernsReceiver:
		return list(ctx, w.conn, func(row scanner) (r outboxRow, err error) {
			r = named(domain.FormatOpaque, about.Name, "")[0]
			err = row.Scan(&r.receiver)
			return r, err
		}, `SELECT r.id FROM receivers r JOIN clients c ON c.id = r.client_ref WHERE c.client_id = $1`, about.Name)
	case about.Kind == domain.ConcernsGrant, about.Kind == domain.ConcernsSession:
		return w.ofGrants(ctx, signal, about)
	default:
		return w.ofSubjects(ctx, signal, about)
	}
}

// initiatorOf is who began what is reported, as a subject sees it.
func initiatorOf(signal domain.SecurityEvent, username string) string {
	if username != "" && username == signal.ActorName {
		return domain.InitiatorUser
	}
	return signal.Initiator
}

// ofGrants returns the rows of a grant that was revoked, or of a session that has ended: for the audiences of its grants, and for the
// receivers that added its user.
func (w *signalWriter) ofGrants(ctx context.Context, signal domain.SecurityEvent, about domain.Concerned) ([]outboxRow, error) {
	session, client := about.Name, `''`
	grants, args := `g.session_id = $1 AND g.user_id = $2 AND g.revoked_at IS NULL`, []any{about.ID, about.UserID}
	whose, of := `$1`, about.UserID
	if about.Kind == domain.ConcernsGrant {
		session, client = "", `(SELECT c.client_id FROM clients c JOIN grants g ON g.client_ref = c.id WHERE g.id = $1)`
		grants, args = `g.id = $1`, args[:1]
		whose, of = `(SELECT g.user_id FROM grants g WHERE g.id = $1)`, about.ID
	}
	if about.Audience != "" {
		grants, args = grants+` AND a.audience = $`+strconv.Itoa(len(args)+1), append(args, about.Audience)
	}
	scan := func(row scanner) (r outboxRow, err error) {
		var username string
		err = row.Scan(&r.userID, &r.subject, &username, &r.client, &r.audience, &r.receiver)
		r.initiator, r.format, r.session = initiatorOf(signal, username), domain.FormatComplex, session
		return r, err
	}
	rows, err := list(ctx, w.conn, scan, `SELECT DISTINCT u.id, u.subject, u.username, `+client+`, a.audience, 0
		FROM grants g JOIN grant_apis a ON a.grant_id = g.id JOIN users u ON u.id = g.user_id WHERE a.revoked_at IS NULL AND `+grants, args...)
	if err != nil {
		return rows, err
	}
	added, err := list(ctx, w.conn, scan, `SELECT u.id, u.subject, u.username, `+client+`, CAST($2 AS TEXT), x.receiver_id
		FROM receiver_subjects x JOIN users u ON u.id = x.user_id WHERE NOT x.removed AND x.user_id = `+whose, of, about.Audience)
	return append(rows, added...), err
}

// ofSubjects returns a row for each subject and each API that a receiver serves, if the subject had a token for it or has given a grant,
// or if the receiver added it. If that is too many, it returns a row for each API.
func (w *signalWriter) ofSubjects(ctx context.Context, signal domain.SecurityEvent, about domain.Concerned) (rows []outboxRow, err error) {
	served, err := w.servedAPIs(ctx, about.Audience)
	if err != nil || len(served) == 0 {
		return nil, err
	}
	if about.Kind == domain.ConcernsServed {
		return eachAPI(signal, served), nil
	}
	subjects, err := w.subjects(ctx, about)
	if err != nil {
		return nil, err
	}
	if len(subjects) > maxConcerned {
		return eachAPI(signal, served), nil
	}
	had, err := w.had(ctx, subjects)
	if err != nil {
		return nil, err
	}
	row := func(s concernedSubject, audience string, receiver int64) outboxRow {
		r := outboxRow{
			initiator: initiatorOf(signal, s.username), format: domain.FormatIssSub, subject: s.subject, userID: s.userID,
			audience: audience, receiver: receiver,
		}
		if about.Client != "" && s.userID != 0 {
			r.format, r.client = domain.FormatComplex, about.Client
		}
		return r
	}
	for _, s := range subjects {
		if about.Client != "" && s.userID == 0 && s.subject != about.Client {
			continue
		}
		for _, a := range served {
			if had.of(s, a) {
				rows = append(rows, row(s, a.audience, 0))
			}
			for _, receiver := range had.added[addedFor{s.userID, s.clientID, a.id}] {
				rows = append(rows, row(s, a.audience, receiver))
			}
		}
	}
	if len(rows) > maxSignalRows {
		return eachAPI(signal, served), nil
	}
	return rows, nil
}

// rememberDisabled keeps who is sent that a user is disabled.
func (w *signalWriter) rememberDisabled(ctx context.Context, rows []outboxRow) error {
	var told [][]any
	for _, r := range rows {
		if r.userID != 0 {
			told = append(told, []any{r.userID, r.audience, r.receiver})
		}
	}
	if len(told) == 0 {
		return nil
	}
	_, err := w.exec(ctx, `INSERT INTO disabled_accounts (user_id, audience, receiver_id) SELECT user_id, audience, receiver_id
		FROM `+w.db.dialect.rows(`$1`, `user_id BIGINT`, `audience`, `receiver_id BIGINT`)+` r WHERE TRUE ON CONFLICT DO NOTHING`, jsonRows(told))
	return err
}

// ofDisabled returns a row for each API and receiver that was sent that the user is disabled: by now the user's tokens are gone.
func (w *signalWriter) ofDisabled(ctx context.Context, signal domain.SecurityEvent, about domain.Concerned) ([]outboxRow, error) {
	rows, err := list(ctx, w.conn, func(row scanner) (outboxRow, error) {
		r := outboxRow{initiator: initiatorOf(signal, about.Name), format: domain.FormatIssSub, subject: about.Subject, userID: about.ID}
		err := row.Scan(&r.audience, &r.receiver)
		return r, err
	}, `SELECT audience, receiver_id FROM disabled_accounts WHERE user_id = $1 ORDER BY audience, receiver_id`, about.ID)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	_, err = w.exec(ctx, `DELETE FROM disabled_accounts WHERE user_id = $1`, about.ID)
	return rows, err
}

// eachAPI returns a row for each API, which says that whoever has tokens for it may be concerned.
func eachAPI(signal domain.SecurityEvent, served []servedAPI) (rows []outboxRow) {
	for _, a := range served {
		rows = append(rows, outboxRow{initiator: signal.Initiator, format: domain.FormatURI, subject: a.audience, audience: a.audience})
	}
	return rows
}

const (
	concernedUsers   = `SELECT u.id AS user_id, 0 AS client_ref, u.subject, u.username FROM users u`
	concernedClients = `SELECT 0, c.id, c.client_id, '' FROM clients c`
	concernedMembers = concernedUsers + ` JOIN group_members m ON m.user_id = u.id JOIN groups g ON g.id = m.group_id WHERE g.name = $1`
	concernedRole    = `x.role_id = (SELECT id FROM roles WHERE name = $1)`
	concernedHolders = concernedUsers + ` WHERE u.id IN (SELECT x.user_id FROM assignments x WHERE ` + concernedRole + ` AND x.user_id IS NOT NULL
			UNION SELECT m.user_id FROM assignments x JOIN group_members m ON m.group_id = x.group_id WHERE ` + concernedRole + `)
		UNION ALL ` + concernedClients + ` WHERE c.id IN (SELECT x.client_ref FROM assignments x WHERE ` + concernedRole + ` AND x.client_ref IS NOT NULL)`
)

// subjects returns the users and clients that are concerned, at most one more than maxConcerned.
func (w *signalWriter) subjects(ctx context.Context, about domain.Concerned) ([]concernedSubject, error) {
	var query string
	var arg any = about.Name
	switch {
	case about.Kind == domain.ConcernsUser && about.Subject != "": // who may be gone
		return []concernedSubject{{userID: about.ID, subject: about.Subject, username: about.Name}}, nil
	case about.Kind == domain.ConcernsUser && about.ID != 0:
		query, arg = concernedUsers+` WHERE u.id = $1`, about.ID
	case about.Kind == domain.ConcernsUser:
		query = concernedUsers + ` WHERE u.username = $1`
	case about.Kind == domain.ConcernsClient && about.ID != 0:
		query, arg = concernedClients+` WHERE c.id = $1`, about.ID
	case about.Kind == domain.ConcernsClient:
		query = concernedClients + ` WHERE c.client_id = $1`
	case about.Kind == domain.ConcernsMembers:
		query = concernedMembers
	default:
		query = concernedHolders
	}
	return list(ctx, w.conn, scanConcerned, query+` LIMIT $2`, arg, maxConcerned+1)
}

func scanConcerned(row scanner) (s concernedSubject, err error) {
	err = row.Scan(&s.userID, &s.clientID, &s.subject, &s.username)
	return s, err
}

// hadTokens says for which APIs subjects had a token, or users gave a grant.
type hadTokens struct {
	users, clients map[[2]int64]bool // by the subject's id and the API's
	grants         map[userGrant]bool
	all            bool                 // more than were read
	added          map[addedFor][]int64 // the receivers that added the subject
}

// addedFor is a subject that a receiver added, and an API that the receiver serves.
type addedFor struct{ userID, clientID, apiID int64 }

type userGrant struct {
	userID   int64
	audience string
}

func (h *hadTokens) of(s concernedSubject, a servedAPI) bool {
	if s.userID == 0 {
		return h.all || h.clients[[2]int64{s.clientID, a.id}]
	}
	return h.all || h.users[[2]int64{s.userID, a.id}] || h.grants[userGrant{s.userID, a.audience}]
}

// had reads the tokens in the index, the grants that are not revoked, and what receivers added.
func (w *signalWriter) had(ctx context.Context, subjects []concernedSubject) (h hadTokens, err error) {
	var users, clients []int64
	for _, s := range subjects {
		if s.userID != 0 {
			users = append(users, s.userID)
		} else {
			clients = append(clients, s.clientID)
		}
	}
	h.added = map[addedFor][]int64{}
	if err = errors.Join(w.addedBy(ctx, &h, `user_id`, users), w.addedBy(ctx, &h, `client_ref`, clients)); err != nil {
		return h, err
	}
	if h.users, err = w.tokensOf(ctx, &h, `user_id`, users); err != nil {
		return h, err
	}
	if h.clients, err = w.tokensOf(ctx, &h, `client_ref`, clients); err != nil || len(users) == 0 {
		return h, err
	}
	h.grants = map[userGrant]bool{}
	ids, args := inFew(users)
	read := 0
	err = w.each(ctx, func(row scanner) error {
		var g userGrant
		read++
		err := row.Scan(&g.userID, &g.audience)
		h.grants[g] = true
		return err
	}, `SELECT g.user_id, a.audience FROM grants g JOIN grant_apis a ON a.grant_id = g.id
		WHERE g.user_id IN `+ids+` AND g.revoked_at IS NULL AND a.revoked_at IS NULL LIMIT `+tokensReadText, args...)
	h.all = h.all || read == tokensRead
	return h, err
}

// addedBy finds the receivers that added subjects.
func (w *signalWriter) addedBy(ctx context.Context, h *hadTokens, column string, subjects []int64) error {
	if len(subjects) == 0 {
		return nil
	}
	ids, args := inFew(subjects)
	return w.each(ctx, func(row scanner) error {
		var receiver int64
		var a addedFor
		err := row.Scan(&receiver, &a.userID, &a.clientID, &a.apiID)
		h.added[a] = append(h.added[a], receiver)
		return err
	}, `SELECT x.receiver_id, COALESCE(x.user_id, 0), COALESCE(x.client_ref, 0), v.api_id
		FROM receiver_subjects x JOIN receivers r ON r.id = x.receiver_id JOIN client_serves v ON v.client_ref = r.client_ref
		WHERE NOT x.removed AND x.`+column+` IN `+ids, args...)
}

// tokensOf returns the pairs of an owner and an API for which the owner had a token.
func (w *signalWriter) tokensOf(ctx context.Context, h *hadTokens, column string, owners []int64) (map[[2]int64]bool, error) {
	if len(owners) == 0 {
		return nil, nil
	}
	pairs := map[[2]int64]bool{}
	ids, args := inFew(owners)
	read := int64(0)
	err := w.each(ctx, func(row scanner) error {
		var pair [2]int64
		var n int64
		err := row.Scan(&pair[0], &pair[1], &n)
		pairs[pair] = true
		read += n
		return err
	}, `SELECT owner, api_id, COUNT(*) FROM (
		SELECT t.`+column+` AS owner, COALESCE(t.api_id, 0) AS api_id FROM issued_tokens t WHERE t.`+column+` IN `+ids+` LIMIT `+tokensReadText+`) t
		GROUP BY owner, api_id`, args...)
	h.all = h.all || read == tokensRead
	return pairs, err
}

// inFew is in for a list whose length is made a power of two, so that there are few different statements to be planned.
func inFew(values []int64) (placeholders string, args []any) {
	n := 1
	for n < len(values) {
		n *= 2
	}
	for len(values) < n {
		values = append(values, values[len(values)-1])
	}
	return in(nil, values...)
}
