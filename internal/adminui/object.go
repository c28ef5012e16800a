package adminui

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// object is the data of the page of one object.
type object struct {
	Trail            link // to the list; empty: this is one
	Lead             string
	State            badge
	Warnings         []string
	Managed          badge // says from which set of files it comes
	Actions          []action
	Find             *listing // a box that searches the tables, nil: none
	Panels           []panel
	Created, Updated time.Time
}

// panel is a part of an object's page: facts, or a table, or what to say in place of an empty one.
type panel struct {
	Title   string
	Class   string // by which the style sheet knows it, mostly empty
	Facts   []fact
	Table   table
	Empty   string
	Hint    string
	Legend  []mark
	Reload  int // seconds after which scripts look again, zero: they do not
	Actions []action
	Add     *form             // a short form below
	Path    string            // where it is sent to
	Fields  map[string]string // that it has beside those that are filled in

	Previous, Next string // addresses of other pages of the table, empty: none
}

// fact is one of an object.
type fact struct {
	Name  string
	Value cell
}

// action is a button: it leads to a page, or posts.
type action struct {
	Text, Path, Icon string
	Bad              bool // takes something away
	Post             bool
	Fields           map[string]string // that it posts
}

// cursorAddress is the address of another page of the table that this page shows.
func cursorAddress(cursor string) string {
	if cursor == "" {
		return ""
	}
	return "?" + url.Values{"cursor": {cursor}}.Encode()
}

// explained tells why a change was refused, on a page that leads back. Other errors are returned.
func (v *visit) explained(err error, back string) error {
	switch {
	case errors.Is(err, errOldSignIn):
		return v.askAgain(func(err error) error { return v.refuse(sentence(err.Error()), back) })
	case errors.Is(err, domain.ErrInvalid), errors.Is(err, domain.ErrExists), errors.Is(err, domain.ErrNotFound), errors.Is(err, domain.ErrReferenced):
		return v.refuse(sentence(err.Error()), back)
	}
	return err
}

// movedOr tells that somebody has changed the object since the visitor saw it; other errors are explained.
func (v *visit) movedOr(err error, back string) error {
	if !errors.Is(err, domain.ErrConflict) {
		return v.explained(err, back)
	}
	v.render(http.StatusConflict, "admin/refused", v.text("refused.title"), map[string]string{"Problem": v.text("refused.moved"), "Back": back})
	return nil
}

// refuse says on a page that leads back why something was not done.
func (v *visit) refuse(problem, back string) error {
	v.render(http.StatusUnprocessableEntity, "admin/refused", v.text("refused.title"), map[string]string{"Problem": problem, "Back": back})
	return nil
}

func (v *visit) yesNo(yes bool) string {
	if yes {
		return v.text("yes")
	}
	return v.text("no")
}

// show answers with the page of an object.
func (v *visit) show(title string, o object) error {
	for i := range o.Panels {
		o.Panels[i].Table.Name = o.Panels[i].Title
	}
	v.render(http.StatusOK, "admin/object", title, o)
	return nil
}

// fact makes a fact, whose name is a text.
func (v *visit) fact(key string, value cell) fact { return fact{v.text(key), value} }

// act adds a button for whoever may run its operation.
func (o *object) act(v *visit, operation string, a action) {
	if v.may(operation) {
		o.Actions = append(o.Actions, a)
	}
}
