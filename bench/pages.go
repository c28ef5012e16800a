package main

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	people       = 1_000_000
	applications = 50_000
	views        = 100 // of each page
	pageLimit    = 50  // milliseconds
	administrate = "a password of the administrator"
)

// makePeople and makeApplications copy one row many times; their ids are those that the generated tokens name.
const (
	makePeople = `
		INSERT INTO users OVERRIDING SYSTEM VALUE
		SELECT made.* FROM users u, generate_series(1, $1::int) AS n, jsonb_populate_record(u, jsonb_build_object('id', n + 100, 'subject', 'person-' || n,
			'username', 'person-' || n, 'email', 'person-' || n || '@people.example', 'name', 'Person ' || n)) AS made
		WHERE u.username = 'root'`
	makeApplications = `
		INSERT INTO clients OVERRIDING SYSTEM VALUE
		SELECT made.* FROM clients c, generate_series(1, $1::int) AS n, jsonb_populate_record(c, jsonb_build_object('id', n + 900,
			'client_id', 'application-' || n, 'name', 'Application ' || n)) AS made
		WHERE c.client_id = 'bench'`
	numberOn = `SELECT setval(pg_get_serial_sequence($1, 'id'), 2000000)`
)

// showPages measures how long an administrator waits for pages, beside many users, clients and tokens, and what that costs who gets tokens.
func (s *scale) showPages(ctx context.Context) error {
	reader, err := s.signIn(ctx)
	if err != nil {
		return err
	}
	for table, statement := range map[string]string{"users": makePeople, "clients": makeApplications} {
		rows := map[string]int{"users": people, "clients": applications}[table]
		if _, err := s.large.db.ExecContext(ctx, statement, rows); err != nil {
			return fmt.Errorf("make %s: %w", table, err)
		}
		if _, err := s.large.db.ExecContext(ctx, numberOn, table); err != nil {
			return err
		}
		if err := vacuum(ctx, s.large.db, table); err != nil {
			return err
		}
	}
	for _, p := range []struct {
		path  string
		limit float64
	}{
		{"/admin/", 2 * pageLimit},
		{"/admin/users", pageLimit},
		{"/admin/users?search=person-77", pageLimit},
		{"/admin/users/person-77777", pageLimit},
		{"/admin/clients", pageLimit},
		{"/admin/clients?search=application-4", pageLimit},
		{"/admin/clients/application-44444", pageLimit},
		{"/admin/tokens", pageLimit},
		{"/admin/tokens?client=" + batchClient, pageLimit},
		{"/admin/tokens?user=person-777", pageLimit},
		{"/admin/groups", pageLimit},
		{"/admin/roles", pageLimit},
		{"/admin/apis", pageLimit},
		{"/admin/keys", pageLimit},
		{"/admin/audit", pageLimit},
	} {
		var took []time.Duration
		for range views {
			began := time.Now()
			if _, err := reader.get(ctx, p.path); err != nil {
				return err
			}
			took = append(took, time.Since(began))
		}
		slices.Sort(took)
		s.atMost(p.limit, float64(took[views*95/100].Microseconds())/1e3, "ms", fmt.Sprintf("%s, the 95th percentile of %d", p.path, views))
	}
	return s.issueWhileRead(ctx, reader)
}

// issueWhileRead compares issuing while somebody reads ten pages a second with issuing without.
func (s *scale) issueWhileRead(ctx context.Context, reader *administrator) error {
	var alone, beside float64
	for range rounds {
		r, err := s.runClean(ctx, s.large.tokenLoad(), s.connections[0], s.measure/2)
		if err != nil {
			return err
		}
		alone += r.perSecond()
		loaded, unload := context.WithCancel(ctx)
		both, ctx := errgroup.WithContext(ctx)
		both.Go(func() error {
			defer unload()
			r, err := s.runClean(ctx, s.large.tokenLoad(), s.connections[0], s.measure/2)
			beside += r.perSecond()
			return err
		})
		both.Go(func() error {
			pace := time.NewTicker(100 * time.Millisecond)
			defer pace.Stop()
			for n := 0; loaded.Err() == nil; n++ {
				if _, err := reader.get(ctx, []string{"/admin/users?search=person-5", "/admin/", "/admin/tokens"}[n%3]); err != nil {
					return err
				}
				<-pace.C
			}
			return nil
		})
		if err := both.Wait(); err != nil {
			return err
		}
	}
	s.atLeast(0.9, beside/alone, "times", "issuing while an administrator reads ten pages a second, as fast as alone")
	return nil
}

// administrator reads pages in a browser.
type administrator struct {
	http.Client
	issuer string
}

var (
	action = regexp.MustCompile(`<form[^>]* action="([^"]*)"`)
	hidden = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)"`)
)

// signIn makes an administrator and signs in as such.
func (s *scale) signIn(ctx context.Context) (*administrator, error) {
	for _, args := range [][]string{{"user", "create", "root", "--password-stdin"}, {"assign", "administrator", "--user", "root"}} {
		if err := s.large.runWith(ctx, strings.NewReader(administrate), nil, args...); err != nil {
			return nil, err
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	a := &administrator{http.Client{Jar: jar}, s.large.issuer}
	page, err := a.get(ctx, "/admin/")
	if err != nil {
		return nil, err
	}
	form, to := url.Values{"username": {"root"}, "password": {administrate}}, action.FindStringSubmatch(page)
	if to == nil {
		return nil, fmt.Errorf("no sign-in form in %.200s", page)
	}
	for _, field := range hidden.FindAllStringSubmatch(page, -1) {
		form.Set(field[1], html.UnescapeString(field[2]))
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, a.issuer+html.UnescapeString(to[1]), strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", a.issuer)
	_, err = a.read(r)
	return a, err
}

func (a *administrator) get(ctx context.Context, path string) (string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, a.issuer+path, nil)
	if err != nil {
		return "", err
	}
	return a.read(r)
}

func (a *administrator) read(r *http.Request) (string, error) {
	response, err := a.Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s %s: %s", r.Method, r.URL.Path, response.Status)
	}
	return string(body), err
}
