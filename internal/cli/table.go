package cli

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// page is what an answer is written to for people.
type page struct {
	*tabwriter.Writer // of names and values, which are divided by tabs

	width int   // of the terminal; 0: rows are as long as they are
	goOn  *goOn // nil: a table is all there is
}

// goOn lets each table go on with the one before it.
type goOn struct {
	rows   []int // to write, in this order
	widths []int // of the columns so far; nil: their names are not written yet
}

// newPage makes a page of a width. Flush it in the end.
func newPage(w io.Writer, width int) *page {
	return &page{Writer: tabwriter.NewWriter(w, 0, 0, columnGap, ' ', 0), width: width}
}

const (
	columnGap   = 2
	narrow      = 11 // cells; a day and an ellipsis fit into it
	narrowest   = 3
	ellipsis    = "…"
	emptyCell   = "-"
	minTerminal = 20 // cells; a terminal that says that it has fewer does not know
)

// writeTable writes rows below the names of their columns. In a terminal each row is one line.
func writeTable(w io.Writer, columns []string, rows [][]any) {
	p, ok := w.(*page)
	if !ok {
		p = newPage(w, 0)
		defer func() { _ = p.Flush() }()
	}
	widths := make([]int, len(columns))
	lines, chosen := [][]string{columns}, rows
	if p.goOn != nil {
		if chosen = nil; p.goOn.widths != nil {
			lines, widths = nil, p.goOn.widths
		}
		for _, i := range p.goOn.rows {
			chosen = append(chosen, rows[i])
		}
		p.goOn.widths = widths
	}
	for _, row := range chosen {
		line := make([]string, len(row))
		for i, value := range row {
			line[i] = orDash(cell(value))
		}
		lines = append(lines, line)
	}
	for _, line := range lines {
		for i, text := range line {
			widths[i] = max(widths[i], displayWidth(text))
		}
	}
	if p.width > 0 {
		fit(widths, p.width)
	}
	var text bytes.Buffer
	for _, line := range lines {
		writeRow(&text, line, widths, p.width)
	}
	_, _ = p.Write(text.Bytes()) // Flush says what fails
}

func writeRow(w io.Writer, line []string, widths []int, width int) {
	var row strings.Builder
	for i, text := range line {
		text = shorten(text, widths[i])
		row.WriteString(text)
		if i < len(line)-1 {
			row.WriteString(strings.Repeat(" ", widths[i]-displayWidth(text)+columnGap))
		}
	}
	text := strings.TrimRight(row.String(), " ")
	if width > 0 {
		text = shorten(text, width)
	}
	fmt.Fprintln(w, text)
}

// fit narrows columns until they fit into a line, the widest first. The first one names the object: it stays as it is for as long as the
// others can give way.
func fit(widths []int, line int) {
	room := line - columnGap*(len(widths)-1)
	for _, narrowing := range []struct {
		columns []int
		least   int
	}{{widths[1:], narrow}, {widths[1:], narrowest}, {widths, narrowest}} {
		for total(widths) > room {
			widest := 0
			for i, width := range narrowing.columns {
				if width > narrowing.columns[widest] {
					widest = i
				}
			}
			if len(narrowing.columns) == 0 || narrowing.columns[widest] <= narrowing.least {
				break
			}
			narrowing.columns[widest]--
		}
	}
}

func total(widths []int) (sum int) {
	for _, width := range widths {
		sum += width
	}
	return sum
}
