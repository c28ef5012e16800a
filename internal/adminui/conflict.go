package adminui

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// difference is a field that is not what it was when the visitor began, or not what the visitor typed.
type difference struct {
	Field, Label    string
	Was, Now, Yours []line
	Theirs          bool // somebody else has set it to something else
	Kept            bool // the visitor has not: it is as it is now
}

// line is one of a value; Only says that the value beside has it not.
type line struct {
	Text string
	Only bool
}

// maxBegun is how long Begun may be, in bytes: there is room for as much in the form.
const maxBegun = 8 << 10

// Begun are the values of the object from which the visitor began, for the page on which others turn out to have changed it; empty if
// that is too much.
func (f *form) Begun() string {
	if f.sent || f.Version == "" { // its fields have what the visitor typed
		return f.begun
	}
	values := map[string]string{}
	for _, field := range f.Fields {
		if field.Name != bearerField {
			values[field.Name] = field.Value
		}
	}
	text, err := json.Marshal(values)
	if err != nil || len(text) > maxBegun {
		return ""
	}
	return string(text)
}

// moved shows a form again whose object another person has changed meanwhile, with what was changed. What the visitor typed is kept, beside
// what it is now, and is saved over that if it is sent again; what the visitor left as it was, is as the other left it.
func (v *visit) moved(f, now *form, title string) error {
	var begun map[string]string
	known := json.Unmarshal([]byte(f.begun), &begun) == nil && begun != nil
	f.Version, f.Problem, f.Anew = now.Version, v.text("form.conflict"), v.here()
	f.begun, f.Known = now.Begun(), known
	for i, yours := range f.Fields {
		current := *now.Fields[i]
		if yours.Name == bearerField {
			continue
		}
		theirs, own := v.lines(&current), v.lines(yours)
		d := difference{Field: yours.Name, Label: yours.Label}
		if known {
			before := current
			before.Value = begun[yours.Name]
			was := v.lines(&before)
			d.Was, d.Theirs = only(was, theirs), !slices.Equal(was, theirs)
			d.Kept = d.Theirs && slices.Equal(was, own)
		}
		if slices.Equal(theirs, own) {
			continue
		}
		if d.Kept {
			yours.Value, own = current.Value, theirs
		}
		d.Now, d.Yours = only(theirs, own), only(own, theirs)
		if d.Kept {
			d.Now = only(theirs, texts(d.Was))
		}
		f.Differences = append(f.Differences, d)
	}
	v.render(http.StatusConflict, "admin/form", title, f)
	return nil
}

// lines are those of a field's value, as a person reads it.
func (v *visit) lines(f *field) []string {
	if f.Kind == "check" {
		return []string{v.yesNo(f.Checked())}
	}
	var lines []string
	for value := range strings.SplitSeq(strings.TrimSpace(f.Value), "\n") {
		if i := slices.IndexFunc(f.Options, func(o option) bool { return o.Value == value }); i >= 0 {
			value = f.Options[i].Text
		}
		if value = strings.TrimSpace(value); value != "" {
			lines = append(lines, value)
		}
	}
	if f.Kind == "checks" { // their order says nothing
		slices.Sort(lines)
	}
	return lines
}

// only marks the lines that others have not.
func only(lines, others []string) []line {
	marked := make([]line, len(lines))
	for i, text := range lines {
		marked[i] = line{text, !slices.Contains(others, text)}
	}
	return marked
}

func texts(lines []line) []string {
	list := make([]string, len(lines))
	for i, l := range lines {
		list[i] = l.Text
	}
	return list
}
