package store

import (
	"cmp"
	"database/sql/driver"
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

type timeColumn struct {
	to   *time.Time
	null bool // the zero time is NULL
}

// at reads a column into a time, and writes it from there.
func at(t *time.Time) timeColumn { return timeColumn{t, false} }

// atOrNull is at where the zero time is NULL.
func atOrNull(t *time.Time) timeColumn { return timeColumn{t, true} }

// Value implements [driver.Valuer].
func (c timeColumn) Value() (driver.Value, error) {
	if c.null {
		return nullMicros(*c.to), nil
	}
	return micros(*c.to), nil
}

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

type durationColumn struct{ to *time.Duration }

// lasting reads a column of microseconds into a duration, and writes it from there.
func lasting(d *time.Duration) durationColumn { return durationColumn{d} }

// Value implements [driver.Valuer].
func (c durationColumn) Value() (driver.Value, error) { return c.to.Microseconds(), nil }

// Scan implements [database/sql.Scanner].
func (c durationColumn) Scan(src any) error {
	v, ok := src.(int64)
	if !ok {
		return fmt.Errorf("a duration is stored as %T", src)
	}
	*c.to = time.Duration(v) * time.Microsecond
	return nil
}

type nullDurationColumn struct{ to **time.Duration }

// lastingOrNull is lasting where nil is NULL.
func lastingOrNull(d **time.Duration) nullDurationColumn { return nullDurationColumn{d} }

// Value implements [driver.Valuer].
func (c nullDurationColumn) Value() (driver.Value, error) {
	if *c.to == nil {
		return nil, nil
	}
	return (*c.to).Microseconds(), nil
}

// Scan implements [database/sql.Scanner].
func (c nullDurationColumn) Scan(src any) error {
	if *c.to = nil; src == nil {
		return nil
	}
	var d time.Duration
	*c.to = &d
	return lasting(&d).Scan(src)
}

type wordColumn[T ~string] struct {
	to    *T
	empty T
}

// orElse reads a column into a word of a closed list, and writes it from there; the empty word is written as another.
func orElse[T ~string](to *T, empty T) wordColumn[T] { return wordColumn[T]{to, empty} }

// Value implements [driver.Valuer].
func (c wordColumn[T]) Value() (driver.Value, error) { return string(cmp.Or(*c.to, c.empty)), nil }

// Scan implements [database/sql.Scanner].
func (c wordColumn[T]) Scan(src any) error {
	v, ok := src.(string)
	if !ok {
		return fmt.Errorf("a word is stored as %T", src)
	}
	*c.to = T(v)
	return nil
}

// jsonList is a list as JSON text, [] if it is empty.
func jsonList[T any](list []T) string {
	if len(list) == 0 {
		return "[]"
	}
	text, err := json.Marshal(list)
	if err != nil {
		panic(err) // strings, and structs of them, always marshal
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

// jsonObject is an object as JSON text.
func jsonObject(members map[string]string) string {
	if len(members) == 0 {
		return "{}"
	}
	text, err := json.Marshal(members)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(text)
}

type objectColumn struct{ to *map[string]string }

// objectOf reads a column into an object; an empty one is nil.
func objectOf(to *map[string]string) objectColumn { return objectColumn{to} }

// Scan implements [database/sql.Scanner].
func (c objectColumn) Scan(src any) error {
	text, err := storedText(src)
	if err != nil {
		return err
	}
	*c.to = nil
	if string(text) == "{}" {
		return nil
	}
	return json.Unmarshal(text, c.to)
}

type listColumn[T any] struct{ to *[]T }

// listOf reads a column into a list, and writes it from there; an empty one is nil.
func listOf[T any](list *[]T) listColumn[T] { return listColumn[T]{list} }

// Value implements [driver.Valuer].
func (c listColumn[T]) Value() (driver.Value, error) { return jsonList(*c.to), nil }

// storedText is the text of a column, which the two databases' drivers give as string or bytes.
func storedText(src any) ([]byte, error) {
	switch v := src.(type) {
	case string:
		return []byte(v), nil
	case []byte:
		return v, nil
	}
	return nil, fmt.Errorf("text is stored as %T", src)
}

// Scan implements [database/sql.Scanner].
func (c listColumn[T]) Scan(src any) error {
	text, err := storedText(src)
	if err != nil {
		return err
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
