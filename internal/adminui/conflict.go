package adminui

import (
	"net/http"
	"slices"
	"strings"
)

// difference is a field that another person has set to something else meanwhile than the visitor typed.
type difference struct {
	Field, Label string
	Now, Yours   []line
}

// line is one of a value; Only says that the other value has it not.
type line struct {
	Text string
	Only bool
}

// moved shows a form again whose object another person has changed meanwhile: what the visitor typed is kept, beside what it is now, and
// is saved over that if it is sent again.
func (v *visit) moved(f, now *form, title string) error {
	f.Version, f.Problem, f.Anew = now.Version, v.text("form.conflict"), v.r.URL.EscapedPath()
	for i, yours := range f.Fields {
		current := *now.Fields[i]
		if current.Value == yours.Value || yours.Name == bearerField {
			continue
		}
		theirs, own := v.lines(&current), v.lines(yours)
		f.Differences = append(f.Differences, difference{yours.Name, yours.Label, only(theirs, own), only(own, theirs)})
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
