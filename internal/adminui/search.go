package adminui

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

func (s *surface) mountSearch() {
	s.handle("GET /search", "", search)
	s.handle("POST /search", "", searchPasted)
}

// found is what a search finds of one kind of object.
type found struct {
	Title string
	Table table
	More  string // the address of the whole list, empty: this is all
}

// searchPage is the data of the search's page.
type searchPage struct {
	Text  string
	Found []found
}

// foundAtOnce is how many objects of a kind a search shows.
const foundAtOnce = 5

// finders find objects of each kind, the ones whose name begins with a text.
var finders = []struct {
	key, operation string
	find           func(v *visit, q admin.Query) (rows []row, more bool, err error)
}{
	{"users", "user.list", func(v *visit, q admin.Query) ([]row, bool, error) {
		page, err := v.Admin.ListUsers(v.ctx(), v.caller, domain.UserFilter{}, q)
		return rowsOf(page.Items, func(u admin.User) row {
			return row{Path: address("users", u.Username), Cells: []cell{{Text: u.Username}, {Text: u.Name}}}
		}), page.Next != "", err
	}},
	{"groups", "group.list", func(v *visit, q admin.Query) ([]row, bool, error) {
		page, err := v.Admin.ListGroups(v.ctx(), v.caller, domain.GroupFilter{}, q)
		return rowsOf(page.Items, func(g admin.Group) row {
			return row{Path: address("groups", g.Name), Cells: []cell{{Text: g.Name}, {Text: g.Description}}}
		}), page.Next != "", err
	}},
	{"attributes", "attribute.list", func(v *visit, q admin.Query) ([]row, bool, error) {
		page, err := v.Admin.ListAttributes(v.ctx(), v.caller, q)
		return rowsOf(page.Items, func(a admin.Attribute) row {
			return row{Path: address("attributes", a.Name), Cells: []cell{{Code: a.Name}, {Text: a.Description}}}
		}), page.Next != "", err
	}},
	{"roles", "role.list", func(v *visit, q admin.Query) ([]row, bool, error) {
		page, err := v.Admin.ListRoles(v.ctx(), v.caller, domain.RoleFilter{}, q)
		return rowsOf(page.Items, func(r admin.Role) row {
			return row{Path: address("roles", r.Name), Cells: []cell{{Text: r.Name}, {Text: r.Description}}}
		}), page.Next != "", err
	}},
	{"apis", "api.list", func(v *visit, q admin.Query) ([]row, bool, error) {
		page, err := v.Admin.ListAPIs(v.ctx(), v.caller, q)
		return rowsOf(page.Items, func(a admin.API) row {
			return row{Path: address("apis", a.Audience), Cells: []cell{{Text: a.Audience}, {Text: a.Name}}}
		}), page.Next != "", err
	}},
	{"clients", "client.list", func(v *visit, q admin.Query) ([]row, bool, error) {
		page, err := v.Admin.ListClients(v.ctx(), v.caller, domain.ClientFilter{}, q)
		return rowsOf(page.Items, func(c admin.Client) row {
			return row{Path: address("clients", c.ClientID), Cells: []cell{{Text: c.ClientID}, {Text: c.Name}}}
		}), page.Next != "", err
	}},
	{"tokens", "token.find", func(v *visit, q admin.Query) ([]row, bool, error) {
		id, err := domain.ParseTokenID(q.Search)
		if err != nil {
			return nil, false, nil
		}
		token, err := v.Admin.FindToken(v.ctx(), v.caller, id)
		if errors.Is(err, domain.ErrNotFound) {
			return nil, false, nil
		}
		return []row{{Path: address("tokens", token.ID), Cells: []cell{{Code: token.ID}, {Text: token.ClientID}}}}, false, err
	}},
	{"keys", "key.find", func(v *visit, q admin.Query) ([]row, bool, error) {
		key, err := v.Admin.FindKey(v.ctx(), v.caller, q.Search)
		if errors.Is(err, domain.ErrNotFound) {
			return nil, false, nil
		}
		return []row{{Path: address("keys", key.KID), Cells: []cell{{Code: key.KID}, {Text: key.Alg}}}}, false, err
	}},
	{"audit", "audit.find", func(v *visit, q admin.Query) ([]row, bool, error) {
		if !seqText.MatchString(q.Search) {
			return nil, false, nil
		}
		seq, _ := strconv.ParseInt(q.Search, 10, 64) // of few enough digits
		e, err := v.Admin.FindEvent(v.ctx(), v.caller, seq)
		if errors.Is(err, domain.ErrNotFound) {
			return nil, false, nil
		}
		return []row{{Path: address("audit", q.Search), Cells: []cell{{Text: v.text("event.title", e.Seq)}, {Text: e.Action + " " + e.Target}}}}, false, err
	}},
}

// seqText is the seq of an event as a text.
var seqText = regexp.MustCompile(`^[0-9]{1,18}$`)

func rowsOf[T any](objects []T, show func(T) row) []row {
	rows := make([]row, len(objects))
	for i, o := range objects {
		rows[i] = show(o)
	}
	return rows
}

// searchPasted takes what was typed or pasted. A token is a secret, so that its jti alone goes into the address.
func searchPasted(v *visit) error {
	text := strings.TrimSpace(v.r.PostForm.Get("q"))
	if jti, ok := jtiOf(v.Admin.Opened(text)); ok {
		http.Redirect(v.w, v.r, address("tokens", jti), http.StatusSeeOther)
		return nil
	}
	query := url.Values{"q": {searched(text)}}
	http.Redirect(v.w, v.r, address("search")+"?"+query.Encode(), http.StatusSeeOther)
	return nil
}

// searched is what is looked for when a person typed a text.
func searched(text string) string { return domain.ClipText(strings.TrimSpace(text), maxSearchBytes) }

const maxSearchBytes = 200

// find looks for what begins with a text, of every kind that the visitor may see. There is nothing for the empty text.
func (v *visit) find(text string) (all []found, err error) {
	for _, f := range finders {
		if text == "" || !v.may(f.operation) {
			continue
		}
		rows, more, err := f.find(v, admin.Query{Search: text, Limit: foundAtOnce})
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 {
			continue
		}
		of := found{Title: v.text("menu." + f.key), Table: table{Columns: []string{v.text("search.name"), v.text("search.about")}, Rows: rows}}
		if more {
			of.More = address(f.key)
		}
		all = append(all, of)
	}
	return all, nil
}

// jtiOf reads the jti of a JWT, whoever has signed that.
func jtiOf(text string) (jti string, ok bool) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return "", false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		ID string `json:"jti"`
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil {
		return "", false
	}
	if _, err := domain.ParseTokenID(claims.ID); err != nil {
		return "", false
	}
	return claims.ID, true
}

// search shows what begins with a text; where that is one object alone, its page.
func search(v *visit) error {
	p := searchPage{Text: searched(v.r.URL.Query().Get("q"))}
	var err error
	if p.Found, err = v.find(p.Text); err != nil {
		return err
	}
	if len(p.Found) == 1 && len(p.Found[0].Table.Rows) == 1 {
		http.Redirect(v.w, v.r, p.Found[0].Table.Rows[0].Path, http.StatusSeeOther)
		return nil
	}
	v.render(http.StatusOK, "admin/search", v.text("search.title"), p)
	return nil
}
