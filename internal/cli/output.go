package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// view is what a command answers: value is the JSON, text writes it for people, with cells divided by tabs. The zero view says nothing.
type view struct {
	value any
	text  func(w io.Writer)
}

// answer is the view of a value that writes itself for people.
func answer[V interface{ text(w io.Writer) }](v V) view { return view{v, v.text} }

func (a *app) print(v view) error {
	if v.text == nil {
		return nil
	}
	switch a.output {
	case formatJSON:
		enc := json.NewEncoder(a.stdout)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v.value)
	case formatYAML:
		return printYAML(a.stdout, v.value)
	case formatName:
		return printNames(a.stdout, v.value)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	v.text(w)
	return w.Flush()
}

// layout is how a table shows objects.
type layout[V any] struct {
	columns []string
	cells   func(object V) []any // one for each column
}

// table is the view of a list: an array in JSON, also when it is empty.
func (l layout[V]) table(objects []V) view {
	return view{array(objects), func(w io.Writer) {
		fmt.Fprintln(w, strings.Join(l.columns, "\t"))
		for _, object := range objects {
			var line []string
			for _, c := range l.cells(object) {
				line = append(line, orDash(cell(c)))
			}
			fmt.Fprintln(w, strings.Join(line, "\t"))
		}
	}}
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

// done is a change that leaves no object to show.
type done struct {
	Action string `json:"action"` // "deleted", "disabled", …
	Kind   string `json:"kind"`
	Name   string `json:"name"`
}

func (d done) text(w io.Writer) { fmt.Fprintln(w, d.Action, d.Kind, d.Name) }

// doneList is several changes.
type doneList []done

func (l doneList) text(w io.Writer) {
	for _, d := range l {
		d.text(w)
	}
}
