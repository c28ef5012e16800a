package store

import (
	"fmt"
	"strings"
)

// column is a column of a row, with what reads it and writes it: a pointer, or a [database/sql.Scanner] that is a
// [database/sql/driver.Valuer] too.
type column struct {
	name  string
	value any
}

// columns are those of an object that its registration sets: what inserts, updates and reads them follows from this one list.
type columns []column

// names are the names, after a comma each.
func (c columns) names() string {
	var b strings.Builder
	for _, column := range c {
		b.WriteString(", " + column.name)
	}
	return b.String()
}

// placeholders are those of the values, the first of them $from, after a comma each.
func (c columns) placeholders(from int) string {
	var b strings.Builder
	for i := range c {
		fmt.Fprintf(&b, ", $%d", from+i)
	}
	return b.String()
}

// assignments set each column to its placeholder, the first of them $from, after a comma each.
func (c columns) assignments(from int) string {
	var b strings.Builder
	for i, column := range c {
		fmt.Fprintf(&b, ", %s = $%d", column.name, from+i)
	}
	return b.String()
}

// values follow those that are given.
func (c columns) values(given ...any) []any {
	for _, column := range c {
		given = append(given, column.value)
	}
	return given
}
