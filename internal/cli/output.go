package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
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
		enc := json.NewEncoder(a.out())
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		return enc.Encode(v.value)
	case formatYAML:
		return printYAML(a.out(), v.value)
	case formatName:
		return a.printNames(v.value)
	}
	columns, _, _ := terminal(a.stdout)
	w := newPage(a.out(), columns)
	v.text(w)
	return w.Flush()
}

// out is what answers are written to.
func (a *app) out() io.Writer {
	if _, _, ok := terminal(a.stdout); ok {
		return &visibleWriter{Writer: a.stdout}
	}
	return a.stdout
}

// layout is how a table shows objects.
type layout[V any] struct {
	columns []string
	cells   func(object V) []any // one for each column
}

// table is the view of a list: an array in JSON, also when it is empty.
func (l layout[V]) table(objects []V) view {
	return view{array(objects), func(w io.Writer) {
		rows := make([][]any, len(objects))
		for i, object := range objects {
			rows[i] = l.cells(object)
		}
		writeTable(w, l.columns, rows)
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

// cell is a value in one line.
func cell(value any) string {
	switch v := value.(type) {
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.RFC3339)
	case []string:
		return visible(strings.Join(v, " "))
	case bool:
		if v {
			return "yes"
		}
		return "no"
	default:
		return visible(fmt.Sprint(v))
	}
}

func orDash(text string) string {
	if text == "" {
		return emptyCell
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

// joined is the view of a list of what views show.
func joined(views []view) view {
	var values []any
	for _, v := range views {
		values = append(values, v.value)
	}
	return view{values, func(w io.Writer) {
		for _, v := range views {
			v.text(w)
		}
	}}
}

// doneList is several changes.
type doneList []done

func (l doneList) text(w io.Writer) {
	for _, d := range l {
		d.text(w)
	}
}
