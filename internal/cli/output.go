package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// view is what a command answers. Its fields are the JSON; text writes it for people, cells divided by tabs.
type view interface {
	text(w io.Writer)
}

func (a *app) print(v view) error {
	if a.json {
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	v.text(w)
	return w.Flush()
}

// row is a view that can stand in a table.
type row interface {
	columns() []string
	cells() []any
}

// table is a list of rows: an array in JSON, also when it is empty.
type table[R row] []R

func (t table[R]) text(w io.Writer) {
	var r R
	fmt.Fprintln(w, strings.Join(r.columns(), "\t"))
	for _, r := range t {
		var line []string
		for _, c := range r.cells() {
			line = append(line, orDash(cell(c)))
		}
		fmt.Fprintln(w, strings.Join(line, "\t"))
	}
}

// rows makes a table of domain objects.
func rows[T any, R row](objects []T, show func(T) R) table[R] {
	t := make(table[R], 0, len(objects))
	for _, o := range objects {
		t = append(t, show(o))
	}
	return t
}

// details writes names and values, one pair a line; what is empty is left out.
func details(w io.Writer, pairs ...any) {
	for i := 0; i+1 < len(pairs); i += 2 {
		if text := cell(pairs[i+1]); text != "" {
			fmt.Fprintf(w, "%s\t%s\n", pairs[i], text)
		}
	}
}

func cell(value any) string {
	switch v := value.(type) {
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.RFC3339)
	case []string:
		return strings.Join(v, " ")
	case bool:
		if v {
			return "yes"
		}
		return "no"
	default:
		return fmt.Sprint(v)
	}
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// array is a list that is [] in JSON when it is empty.
func array[T any](list []T) []T { return append([]T{}, list...) }

// done tells of a change that leaves no object to show.
type done struct {
	Action string `json:"action"` // "deleted", "disabled", …
	Kind   string `json:"kind"`
	Name   string `json:"name"`
}

func (d done) text(w io.Writer) { fmt.Fprintln(w, d.Action, d.Kind, d.Name) }

// doneList tells of several changes.
type doneList []done

func (l doneList) text(w io.Writer) {
	for _, d := range l {
		d.text(w)
	}
}
