package adminui

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

// table shows objects, one in a row.
type table struct {
	Name    string // empty: its columns say what it is
	Columns []string
	Rows    []row
	Choose  *choosing // what is done with rows that somebody chooses, nil: nothing
}

// choosing is what is done with chosen rows: their values go to a page that asks.
type choosing struct {
	Path, Name, Submit, All string
	Kept                    url.Values // what else the page is asked with
}

// Label tells a table from others on its page, for those who hear it.
func (t table) Label() string { return cmp.Or(t.Name, strings.Join(t.Columns, ", ")) }

// Acts says whether a row has a button.
func (t table) Acts() bool {
	return slices.ContainsFunc(t.Rows, func(r row) bool { return len(r.Actions) > 0 })
}

// row is one of a table. Its first cell leads to the path, if it has one.
type row struct {
	Path    string
	Cells   []cell
	Managed badge  // beside the first cell
	Choice  string // the value with which it can be chosen, empty: it cannot
	Actions []action
}

// cell has one of these.
type cell struct {
	Text  string
	Code  string // what programs call it
	List  []string
	Time  time.Time
	Badge badge
	Strip *strip
	Way   way
	Path  string // where it leads, empty: nowhere
}

// badge is a state in one word.
type badge struct {
	Text string
	Tone string // "good", "warn" or "bad"
}

// listing is a page of a list.
type listing struct {
	Trail          link // to what has these objects; empty: nothing
	Lead           string
	New            link // that makes one; without a path the visitor may not
	Links          []link
	Table          table
	Filters        []*field // beside the search
	Find           string   // what the box of the search is called, empty: it looks at names
	Search         string
	Problem        string     // with the search
	Kept           url.Values // what else the address keeps
	Size           int        // zero: all are on one page
	Previous, Next string     // addresses of other pages, empty: none
}

// sizes are those that a page of a list may have, the first of them at first.
var sizes = []int{50, 100, 200}

// Sizes are those that can be chosen.
func (l listing) Sizes() []int { return sizes }

// list reads the page of a list that the address names.
func list[T any](v *visit, l *listing, find func(q admin.Query) (admin.Page[T], error), show func(T) row) error {
	values := v.r.URL.Query()
	l.Search, l.Size = v.query("search"), sizes[0]
	if size, err := strconv.Atoi(values.Get("size")); err == nil && slices.Contains(sizes, size) {
		l.Size = size
	}
	page, err := find(admin.Query{Cursor: values.Get("cursor"), Search: l.Search, Limit: l.Size})
	if e, ok := errors.AsType[*domain.InvalidError](err); ok && e.Field == byName {
		l.Problem = sentence(e.Error())
		return nil
	}
	if err != nil {
		return err
	}
	values.Del("done")
	values.Del("undo")
	address := func(cursor string) string {
		if cursor == "" {
			return ""
		}
		values.Set("cursor", cursor)
		return "?" + values.Encode()
	}
	l.Previous, l.Next = address(page.Previous), address(page.Next)
	for _, object := range page.Items {
		l.Table.Rows = append(l.Table.Rows, show(object))
	}
	return nil
}

// showList answers with the page of a list.
func (v *visit) showList(title string, l listing) {
	status := http.StatusOK
	if l.Problem != "" {
		status = http.StatusUnprocessableEntity
	}
	v.render(status, "admin/list", title, l)
}

// form is what a person fills in.
type form struct {
	Lead    string
	Problem string // that belongs to no field
	Undone  string // why a change does not last, empty: it does
	Version string // of the object that is edited, empty: it is new
	Fields  []*field
	Submit  string
	Cancel  string // a path

	sent        bool         // it was read
	begun       string       // see Begun
	Known       bool         // it is, of what another person has changed meanwhile
	Differences []difference // from what that person has made of it
	Anew        string       // a path: where the visitor begins with that
}

// field is one of a form.
type field struct {
	Name     string
	Label    string
	Hint     string
	Example  string   // shown while it is empty
	Kind     string   // "text", "lines", "check", "choice", "checks" or "date"
	Value    string   // of checks: those that are set, in lines
	Options  []option // of a choice, or checks
	Required bool
	Max      int    // characters
	Rows     int    // of lines
	Heading  string // above it, where a group of fields begins
	Member   string // of the admin API, which errors name; empty: that of the field's name
	Problem  string // with the value
}

// option is one of a choice.
type option struct{ Value, Text string }

// optionsOf are options that are called by their values.
func optionsOf(values []string) []option {
	list := make([]option, len(values))
	for i, value := range values {
		list[i] = option{value, value}
	}
	return list
}

// options are those of values, which are called by texts.
func (v *visit) options(texts string, values ...any) []option {
	list := make([]option, len(values))
	for i, value := range values {
		list[i] = option{fmt.Sprint(value), v.text(texts + "." + fmt.Sprint(value))}
	}
	return list
}

// checked is the value of a check.
func checked(set bool) string {
	if set {
		return "yes"
	}
	return ""
}

// Checked says whether a check is set.
func (f *field) Checked() bool { return f.Value != "" }

// Has says whether one of the checks is set.
func (f *field) Has(value string) bool { return slices.Contains(strings.Split(f.Value, "\n"), value) }

// field makes a field of an object; its label and hint are texts.
func (v *visit) field(kind, object, name, value string) *field {
	f := &field{Name: name, Kind: kind, Value: value, Label: v.text(object + "." + name), Hint: v.text(object + "." + name + ".hint"), Max: 255, Rows: 6}
	return f
}

// choice makes a field of an object that has one of some options.
func (v *visit) choice(object, name, value string, options []option) *field {
	f := v.field("choice", object, name, value)
	f.Options = options
	return f
}

// read takes the values that were sent.
func (f *form) read(r *http.Request) {
	f.sent, f.Version, f.begun = true, r.PostForm.Get("version"), r.PostForm.Get("begun")
	for _, field := range f.Fields {
		field.Value = strings.Join(r.PostForm[field.Name], "\n")
		if field.Kind == "text" {
			field.Value = strings.TrimSpace(field.Value)
		}
		if field.Kind == "lines" {
			field.Value = strings.ReplaceAll(field.Value, "\r\n", "\n")
		}
	}
}

// get is the value of a field.
func (f *form) get(name string) string {
	for _, field := range f.Fields {
		if field.Name == name {
			return field.Value
		}
	}
	return ""
}

// set says whether a check is.
func (f *form) set(name string) bool { return f.get(name) != "" }

// version is that of the object that its editor saw.
func (f *form) version() *int64 {
	version, err := strconv.ParseInt(f.Version, 10, 64)
	if err != nil {
		version = -1 // no object's
	}
	return &version
}

// lines are those of a field that are not empty.
func (f *form) lines(name string) []string {
	var lines []string
	for line := range strings.Lines(f.get(name)) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// duration is that of a field, which errors call by a word; zero if it is empty.
func (f *form) duration(name, called string) (time.Duration, error) {
	text := f.get(name)
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, domain.Invalid(name, domain.RuleFormat, "%s %q: write it as 90s, 15m or 1h30m", called, text)
	}
	return d, nil
}

// concerns says whether an error is about the value of a field.
func (f *field) concerns(err *domain.InvalidError) bool {
	member, _, _ := strings.Cut(err.Field, "[")
	member, _, _ = strings.Cut(member, ".")
	return member == cmp.Or(f.Member, f.Name)
}

// refused shows a form again that breaks a rule, or whose name is taken. Other errors are returned.
func (v *visit) refused(f *form, title string, err error) error {
	if errors.Is(err, errOldSignIn) {
		return v.askAgain(func(err error) error { return v.refused(f, title, err) })
	}
	errs := domain.InvalidErrors(err)
	switch {
	case errors.Is(err, domain.ErrExists):
		f.Fields[0].tell(err)
	case !errors.Is(err, domain.ErrInvalid):
		return err
	case len(errs) == 0:
		f.Problem = sentence(err.Error())
	}
	for _, e := range errs {
		if i := slices.IndexFunc(f.Fields, func(field *field) bool { return field.concerns(e) }); i >= 0 {
			f.Fields[i].tell(e)
		} else {
			f.Problem = strings.TrimSpace(f.Problem + " " + sentence(e.Error()))
		}
	}
	v.render(http.StatusUnprocessableEntity, "admin/form", title, f)
	return nil
}

// tell adds an error to the problems of a field.
func (f *field) tell(err error) {
	f.Problem = strings.TrimSpace(f.Problem + " " + sentence(err.Error()))
}

// confirmation asks before what cannot be undone.
type confirmation struct {
	Lead    string
	Undone  string // why it does not last, empty: it does
	Effects []string
	Fields  []*field
	Version string // of the object, empty: it does not matter
	Name    string // that has to be typed, empty: none
	Typed   string
	Problem string
	Submit  string
	Cancel  string // a path

	Harmless bool       // takes nothing away
	Kept     url.Values // what else is sent with it
}

// confirmed says whether the visitor, who has signed in not long ago, typed the name of what is to be gone. Otherwise it answers.
func (v *visit) confirmed(title string, c confirmation) bool {
	if !v.isRecent() {
		return false
	}
	if v.r.Method == http.MethodPost {
		(&form{Fields: c.Fields}).read(v.r)
		c.Typed, c.Version = strings.TrimSpace(v.r.PostForm.Get("name")), v.r.PostForm.Get("version")
		if c.Typed == strings.TrimSpace(c.Name) {
			return true
		}
		c.Problem = v.text("confirm.wrong_name")
	}
	status := http.StatusOK
	if c.Problem != "" {
		status = http.StatusUnprocessableEntity
	}
	v.render(status, "admin/confirm", title, c)
	return false
}

// notConfirmed asks again because of a rule that a field of the confirmation breaks. Other errors are explained.
func (v *visit) notConfirmed(c confirmation, title string, err error) error {
	told := false
	for _, e := range domain.InvalidErrors(err) {
		if i := slices.IndexFunc(c.Fields, func(field *field) bool { return field.concerns(e) }); i >= 0 {
			c.Fields[i].tell(e)
			told = true
		}
	}
	if !told {
		return v.explained(err, c.Cancel)
	}
	v.render(http.StatusUnprocessableEntity, "admin/confirm", title, c)
	return nil
}

// sentence is an error's text as a sentence.
func sentence(text string) string {
	if text == "" {
		return text
	}
	text = strings.ToUpper(text[:1]) + text[1:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}
