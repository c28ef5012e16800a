package store

import (
	"encoding/json"
	"fmt"
	"time"
)

// Times are microseconds since 1970; where a column may be NULL, that is the zero time.

func micros(t time.Time) int64 { return t.UnixMicro() }

func nullMicros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// nullID is NULL for zero.
func nullID(id int64) any {
	if id == 0 {
		return nil
	}
	return id
}

// nullBytes is NULL for nil.
func nullBytes(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

type timeColumn struct{ to *time.Time }

// at scans a column into a time.
func at(t *time.Time) timeColumn { return timeColumn{t} }

// Scan implements [database/sql.Scanner].
func (c timeColumn) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*c.to = time.Time{}
	case int64:
		*c.to = time.UnixMicro(v).UTC()
	default:
		return fmt.Errorf("a time is stored as %T", src)
	}
	return nil
}

// jsonList is a list as JSON text, [] if it is empty.
func jsonList(list []string) string {
	if len(list) == 0 {
		return "[]"
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(text)
}

// jsonRows is what dialect.rows reads.
func jsonRows(rows [][]any) string {
	text, err := json.Marshal(rows)
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	return string(text)
}

type listColumn struct{ to *[]string }

// listOf scans a column into a list; an empty one is nil.
func listOf(list *[]string) listColumn { return listColumn{list} }

// Scan implements [database/sql.Scanner].
func (c listColumn) Scan(src any) error {
	var text []byte
	switch v := src.(type) {
	case string:
		text = []byte(v)
	case []byte:
		text = v
	default:
		return fmt.Errorf("a list is stored as %T", src)
	}
	*c.to = nil
	if string(text) == "[]" {
		return nil
	}
	return json.Unmarshal(text, c.to)
}

// bytes is never NULL.
func bytes(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
