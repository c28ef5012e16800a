package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// pageQuery is what a page is a part of.
type pageQuery struct {
	columns string
	from    string   // tables
	where   []string // conditions
	args    []any    // of the conditions, the first of them $1
	id, key string   // columns: the key gives the order
	number  bool     // the key is one
	names   []string // columns that a search looks at, each with its order in an index: see dialect.folded
}

// pageOf lists a part of what a query chooses: in the order of the key, or what a search finds.
func pageOf[T any](ctx context.Context, c conn, scan func(row scanner) (T, error), q pageQuery, p domain.Page) ([]T, error) {
	if p.Search != "" {
		return searchPage(ctx, c, scan, q, p)
	}
	s := q.selection()
	order := `ASC`
	var place any = cmp.Or(p.Before, p.After)
	if place != "" && q.number {
		number, err := placeNumber(place.(string))
		if err != nil {
			return nil, err
		}
		place = number
	}
	switch {
	case p.Before != "":
		s.and(q.key + ` < ` + s.arg(place))
		order = `DESC`
	case p.After != "":
		s.and(q.key + ` > ` + s.arg(place))
	}
	all, err := list(ctx, c, scan, s.query(q.columns)+` ORDER BY `+q.key+` `+order+` LIMIT `+s.arg(p.Limit), s.args...)
	if p.Before != "" {
		slices.Reverse(all)
	}
	return all, err
}

// searchPage lists a part of what a search finds: first those whose first name begins so, in the order of that name, then the others whose
// second does, and so on. So a page is a range of an index, however much is found. Where the object at the given place is gone, or is
// called otherwise by now, it is the first page.
func searchPage[T any](ctx context.Context, c conn, scan func(row scanner) (T, error), q pageQuery, p domain.Page) ([]T, error) {
	fold := c.db.dialect.folded
	stage, id, err := q.place(ctx, c, p)
	if err != nil {
		return nil, err
	}
	step, order, beyond := 1, `ASC`, ` > `
	if p.Before != "" && stage >= 0 {
		step, order, beyond = -1, `DESC`, ` < `
	}
	var all []T
	for i := max(stage, 0); i >= 0 && i < len(q.names) && len(all) < p.Limit; i += step {
		s := q.selection()
		begins := s.begins(fold, p.Search)
		for _, name := range q.names[:i] {
			s.and(`NOT (` + begins(name) + `)`)
		}
		s.and(begins(q.names[i]))
		name := fold(q.names[i])
		if i == stage {
			at := s.arg(id)
			s.and(`(` + name + `, ` + q.id + `)` + beyond + `((SELECT ` + name + ` FROM ` + q.from + ` WHERE ` + q.id + ` = ` + at + `), ` + at + `)`)
		}
		found, err := list(ctx, c, scan, s.query(q.columns)+` ORDER BY `+name+` `+order+`, `+q.id+` `+order+` LIMIT `+s.arg(p.Limit-len(all)), s.args...)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	if step < 0 {
		slices.Reverse(all)
	}
	return all, nil
}

// place finds the object that a page of a search begins or ends at: which of its names is the first that was found, and its id. The former
// is -1 if there is none.
func (q pageQuery) place(ctx context.Context, c conn, p domain.Page) (stage int, id int64, err error) {
	var key any = cmp.Or(p.Before, p.After)
	if key == "" {
		return -1, 0, nil
	}
	if q.number {
		if key, err = placeNumber(key.(string)); err != nil {
			return -1, 0, err
		}
	}
	stage = -1
	s := q.selection()
	begins := s.begins(c.db.dialect.folded, p.Search)
	which := make([]string, len(q.names))
	for i, name := range q.names {
		which[i] = `WHEN ` + begins(name) + ` THEN ` + strconv.Itoa(i)
	}
	s.and(q.key + ` = ` + s.arg(key))
	err = c.each(ctx, func(row scanner) error { return row.Scan(&stage, &id) }, s.query(`CASE `+strings.Join(which, ` `)+` ELSE -1 END, `+q.id), s.args...)
	return stage, id, err
}

// selection is a query in the making.
type selection struct {
	from  string
	where []string
	args  []any
}

func (q pageQuery) selection() *selection {
	return &selection{from: q.from, where: append([]string{`TRUE`}, q.where...), args: slices.Clone(q.args)}
}

func (s *selection) and(condition string) { s.where = append(s.where, condition) }

// arg adds a value and returns what stands for it.
func (s *selection) arg(value any) string {
	s.args = append(s.args, value)
	return "$" + strconv.Itoa(len(s.args))
}

// begins adds a search, and returns what makes the condition that a name begins so, as a range of its index.
func (s *selection) begins(fold func(string) string, search string) func(name string) string {
	from, to := fold(s.arg(search)), fold(s.arg(search+"\U0010FFFF"))
	return func(name string) string { return fold(name) + ` >= ` + from + ` AND ` + fold(name) + ` < ` + to }
}

func (s *selection) query(columns string) string {
	return `SELECT ` + columns + ` FROM ` + s.from + ` WHERE ` + strings.Join(s.where, ` AND `)
}

// disabled is the condition that a column says when an object was disabled, or that it is not; none if it may be either.
func disabled(column string, is *bool) []string {
	switch {
	case is == nil:
		return nil
	case *is:
		return []string{column + ` IS NOT NULL`}
	}
	return []string{column + ` IS NULL`}
}

// placeNumber reads a place in a list that is a number.
func placeNumber(place string) (int64, error) {
	number, err := strconv.ParseInt(place, 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%w place in a list: %q is no number", domain.ErrInvalid, place)
	}
	return number, nil
}
