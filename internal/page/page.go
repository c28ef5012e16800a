// Package page holds what all pages share: templates, the browser's cookie, protection against cross-site requests
// and security headers.
package page

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/gorilla/securecookie"
	"github.com/gorilla/sessions"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/requestid"
	"github.com/signet-auth/signet/internal/session"
)

// Directory finds users.
type Directory interface {
	// FindUserByID asks the database, not a cache: a page has no other check for stale data.
	// ErrNotFound if there is no such user.
	FindUserByID(ctx context.Context, id int64) (domain.User, error)
}

// Config is what pages need.
type Config struct {
	Issuer    string // the server's public URL; https makes cookies Secure
	HashKey   []byte // authenticates cookies, 32 or 64 bytes
	BlockKey  []byte // encrypts them: AES, 16, 24 or 32 bytes
	Sessions  *session.Sessions
	Directory Directory
	Now       func() time.Time
	Log       *slog.Logger
}

// Pages renders and protects pages.
type Pages struct {
	issuer    string
	host      string // the issuer's, shown so that people can check where they are
	base      string // the path of the issuer, empty: none
	https     bool
	cookie    string // its name
	cookies   *sessions.CookieStore
	trusted   *securecookie.SecureCookie
	origins   *http.CrossOriginProtection
	templates map[string]func() (*template.Template, error)
	assets    map[string]asset
	texts     texts
	sessions  *session.Sessions
	directory Directory
	now       func() time.Time
	log       *slog.Logger
}

// New finds the templates and prepares the cookie.
func New(cfg Config) (*Pages, error) {
	issuer, err := url.Parse(cfg.Issuer)
	if err != nil || issuer.Host == "" {
		return nil, fmt.Errorf("issuer %q is not a URL: %w", cfg.Issuer, domain.ErrInvalid)
	}
	p := &Pages{
		issuer:    cfg.Issuer,
		host:      issuer.Host,
		base:      issuer.Path,
		https:     issuer.Scheme == "https",
		origins:   http.NewCrossOriginProtection(),
		sessions:  cfg.Sessions,
		directory: cfg.Directory,
		now:       cfg.Now,
		log:       cfg.Log,
	}
	// A proxy may change Host: the origin of the issuer is always accepted.
	if err := p.origins.AddTrustedOrigin(issuer.Scheme + "://" + issuer.Host); err != nil {
		return nil, fmt.Errorf("trust the issuer's origin: %w", err)
	}
	if err := p.prepareCookies(cfg.HashKey, cfg.BlockKey); err != nil {
		return nil, err
	}
	if p.assets, err = loadAssets(); err != nil {
		return nil, err
	}
	if p.texts, err = loadTexts("en"); err != nil {
		return nil, err
	}
	if p.templates, err = p.findTemplates(); err != nil {
		return nil, err
	}
	return p, nil
}

// view is what a template sees: "." of every page.
type view struct {
	Data any
	Host string

	pages *Pages
	w     http.ResponseWriter
	r     *http.Request
}

// Part is what a template sees that is a part of a page: its own data, and the view.
type Part struct {
	view
	Of any
}

// With gives a part its data.
func (v view) With(data any) Part { return Part{v, data} }

// CSRF is the hidden field's value that a form must bring back. The first use gives the browser its cookie.
func (v view) CSRF() (string, error) { return v.pages.csrfToken(v.w, v.r) }

// RequestID is that of the request, for pages that say what went wrong.
func (v view) RequestID() string { return requestid.Of(v.r.Context()) }

// Render answers with a page. It is complete before its first byte is sent.
func (p *Pages) Render(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var body bytes.Buffer
	if err := p.execute(&body, w, r, name, data); err != nil {
		p.log.ErrorContext(r.Context(), "render a page", "page", name, "error", err)
		http.Error(w, "This page cannot be shown at the moment.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(body.Len()))
	w.WriteHeader(status)
	_, _ = body.WriteTo(w) // the connection may be closed
}

// later is where a page that is sent in parts has the rest.
const later = "<!-- later -->"

// Later stands in the template of a page that Stream sends for what is shown later.
func (v view) Later() template.HTML { return later }

// streamPatience is how long a browser may take for a part of a page.
const streamPatience = 30 * time.Second

// Stream answers with a page that is shown as it comes: rest calls show with the name of a template of this page and its data for each part,
// and with its end the page is complete. An error closes the connection: the page stays unfinished.
func (p *Pages) Stream(w http.ResponseWriter, r *http.Request, name string, data any, rest func(show func(part string, data any) error) error) {
	var body bytes.Buffer
	if err := p.execute(&body, w, r, name, data); err != nil {
		p.log.ErrorContext(r.Context(), "render a page", "page", name, "error", err)
		http.Error(w, "This page cannot be shown at the moment.", http.StatusInternalServerError)
		return
	}
	control := http.NewResponseController(w)
	send := func(part []byte) error {
		return errors.Join(control.SetWriteDeadline(time.Now().Add(streamPatience)), write(w, part), control.Flush())
	}
	begin, end, _ := bytes.Cut(body.Bytes(), []byte(later))
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy must not wait for the end
	err := send(begin)
	if err == nil {
		err = rest(func(part string, data any) error {
			t, err := p.template(name)
			if err != nil {
				return err
			}
			var shown bytes.Buffer
			if err := t.ExecuteTemplate(&shown, part, data); err != nil {
				return fmt.Errorf("render part %s of page %s: %w", part, name, err)
			}
			return send(shown.Bytes())
		})
	}
	if err == nil {
		err = send(end)
	}
	if err != nil {
		if r.Context().Err() == nil {
			p.log.ErrorContext(r.Context(), "send a page", "page", name, "error", err)
		}
		panic(http.ErrAbortHandler)
	}
}

func write(w io.Writer, part []byte) error {
	_, err := w.Write(part)
	return err
}

func (p *Pages) execute(body *bytes.Buffer, w http.ResponseWriter, r *http.Request, name string, data any) error {
	t, err := p.template(name)
	if err != nil {
		return err
	}
	return t.ExecuteTemplate(body, "layout.html", view{Data: data, Host: p.host, pages: p, w: w, r: r})
}

// problem is the data of the error page.
type problem struct {
	Title  string
	Detail string // what the person can do
	Reason string // for those who run the application, empty: none

	Again  string     // a path that can be tried again, empty: none
	Fields url.Values // that are posted there; nil: it is a page
}

// Error answers with a page that says what went wrong and what to do. It needs no database.
func (p *Pages) Error(w http.ResponseWriter, r *http.Request, status int, title, detail string) {
	p.Problem(w, r, status, title, detail, "")
}

// Problem is Error with a technical reason, set apart.
func (p *Pages) Problem(w http.ResponseWriter, r *http.Request, status int, title, detail, reason string) {
	p.secure(w) // also for callers that are no pages themselves
	p.Render(w, r, status, "error", problem{Title: title, Detail: detail, Reason: reason})
}

// unavailable is what pages say when the database did not answer, or not in time.
var unavailable = problem{
	Title: "Back in a moment", Detail: "Signet is too busy or cannot reach its database just now. Please try again in a moment.",
}

// Unavailable answers that the database did not answer, or not in time.
func (p *Pages) Unavailable(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Retry-After", "5")
	p.Error(w, r, http.StatusServiceUnavailable, unavailable.Title, unavailable.Detail)
}

// TooMany answers that too much was asked from where the request comes, or by its user. It needs no database.
func (p *Pages) TooMany(w http.ResponseWriter, r *http.Request, wait *domain.WaitError) {
	seconds := strconv.Itoa(wait.Seconds())
	w.Header().Set("Retry-After", seconds)
	p.Error(w, r, http.StatusTooManyRequests, "Too many requests",
		"You, or others at your address, have asked for too many pages. Please wait "+seconds+" s and try again.")
}

// UnavailableAgain is Unavailable with a way to try once more, which keeps what was typed. It is for forms without passwords: their fields
// are on the page.
func (p *Pages) UnavailableAgain(w http.ResponseWriter, r *http.Request) {
	again := unavailable
	again.Again = r.URL.EscapedPath()
	if r.URL.RawQuery != "" {
		again.Again += "?" + r.URL.RawQuery
	}
	if r.Method == http.MethodPost {
		again.Detail = "Signet is too busy or cannot reach its database just now. What you typed is kept: try again in a moment."
		again.Fields = maps.Clone(r.PostForm)
		delete(again.Fields, fieldCSRF)
	}
	w.Header().Set("Retry-After", "5")
	p.secure(w)
	p.Render(w, r, http.StatusServiceUnavailable, "error", again)
}
