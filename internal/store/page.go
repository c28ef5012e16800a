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

	key        string // columns that give the order of what is not searched, and together tell objects apart
	descending bool
	place      func(place string) ([]any, error) // the values of these columns at a place in the list; nil: the place itself

	names    []string // columns that a search looks at, each with its order in an index: see dialect.folded
	tables   []string // for each of these names, the tables with the one that has it first; nil: from
	walks    []string // for each of these names, the table that has it; empty: its index has nothing that is left out; nil: from
	id       string   // the order of those that are called the same
	few      bool     // so few that a search looks at each of them, in the order of the key
	filtered bool     // they may be few
}

// fewObjects is how many are few.
const fewObjects = 1000

// arg adds a value for the conditions and returns what stands for it.
func (q *pageQuery) arg(value any) string {
	q.args = append(q.args, value)
	return "$" + strconv.Itoa(len(q.args))
}

// choice selects numbers, in the order of an index. Its condition has %s for each value. A column is best compared with oneOf: of one that
// is equal to something, the order says nothing, and a planner may take another way.
type choice struct {
	selected, from, condition, order string
	values                           []any
}

func (f choice) where(arg func(any) string) string {
	places := make([]any, len(f.values))
	for i, value := range f.values {
		places[i] = arg(value)
	}
	return fmt.Sprintf(` FROM `+f.from+` WHERE `+f.condition, places...)
}

// oneOf is the condition that a column is one of some ids, and its values.
func oneOf(column string, ids []int64) (condition string, values []any) {
	for _, id := range ids {
		values = append(values, id)
	}
	return column + ` IN (0` + strings.Repeat(`, %s`, len(ids)) + `)`, values // which nothing has
}

// list returns the numbers, unless they are many.
func (f choice) list(ctx context.Context, c conn) (numbers []int64, many bool, err error) {
	var s selection
	numbers, err = list(ctx, c, scanInt, `SELECT `+f.selected+f.where(s.arg)+` ORDER BY `+f.order+` LIMIT `+strconv.Itoa(fewObjects+1), s.args...)
	return numbers, len(numbers) > fewObjects, err
}

// among adds the condition that a column is one of the numbers.
func (q *pageQuery) among(column string, f choice) {
	q.where = append(q.where, `(SELECT 1`+f.where(q.arg)+` AND `+f.selected+` = `+column+` LIMIT 1) IS NOT NULL`)
}

// choose adds the condition that a column is one of the numbers. Where these are few, the page is made of them; where they are many, the
// next one is near in the order of the list. What a planner guesses counts for neither.
func (q *pageQuery) choose(ctx context.Context, c conn, column string, f choice) error {
	numbers, many, err := f.list(ctx, c)
	switch {
	case err != nil:
		return err
	case many:
		q.among(column, f)
	default:
		q.few = true
		q.where = append(q.where, column+` IN (SELECT CAST(l.id AS BIGINT) FROM `+c.db.dialect.rows(q.arg(idRows(numbers)), `id BIGINT`)+` l)`)
	}
	return nil
}

// chooseOf is choose of those that belong to the object that a query finds by its name: the first column of the order has its id.
func (q *pageQuery) chooseOf(ctx context.Context, c conn, column string, f choice, query, name string) error {
	owner, err := list(ctx, c, scanInt, query, name)
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(f.order, `,`)
	f.condition, f.values = oneOf(first, owner)
	return q.choose(ctx, c, column, f)
}

// areFew finds out whether a filter chooses few.
func (q *pageQuery) areFew(ctx context.Context, c conn) (bool, error) {
	if q.few || !q.filtered {
		return q.few, nil
	}
	s := q.selection()
	n, err := one(ctx, c, scanInt, `SELECT COUNT(*) FROM (`+s.query(`1`)+` LIMIT `+strconv.Itoa(fewObjects+1)+`) x`, s.args...)
	return n <= fewObjects, err
}

// listPage is pageOf on its own.
func listPage[T any](ctx context.Context, db *DB, scan func(row scanner) (T, error), q pageQuery, p domain.Page) (all []T, err error) {
	err = db.read(ctx, func(ctx context.Context, c conn) error {
		all, err = pageOf(ctx, c, scan, q, p)
		return err
	})
	return all, err
}

// pageOf lists a part of what a query chooses: in the order of the key, or what a search finds.
func pageOf[T any](ctx context.Context, c conn, scan func(row scanner) (T, error), q pageQuery, p domain.Page) ([]T, error) {
	s := q.selection()
	if p.Search != "" {
		if few, err := q.areFew(ctx, c); err != nil || !few {
			if err != nil {
				return nil, err
			}
			return searchPage(ctx, c, scan, q, p)
		}
		begins := s.begins(c.db.dialect.folded, p.Search)
		found := make([]string, len(q.names))
		for i, name := range q.names {
			found[i] = begins(name)
		}
		s.and(`(` + strings.Join(found, ` OR `) + `)`)
	}
	down := q.descending != (p.Before != "")
	order, beyond := ` ASC`, ` > `
	if down {
		order, beyond = ` DESC`, ` < `
	}
	if place := cmp.Or(p.Before, p.After); place != "" {
		values, err := q.placed(place)
		if err != nil {
			return nil, err
		}
		at := s.list(values)
		s.and(`(` + q.key + `)` + beyond + `(` + at + `)`)
		if first, _, several := strings.Cut(q.key, `, `); several { // which follows from that: PostgreSQL leaves out partitions by it
			end, _, _ := strings.Cut(at, `, `)
			s.and(first + strings.TrimSuffix(beyond, ` `) + `= ` + end)
		}
	}
	all, err := list(ctx, c, scan, s.query(q.columns)+` ORDER BY `+strings.ReplaceAll(q.key, `, `, order+`, `)+order+` LIMIT `+s.arg(p.Limit), s.args...)
	if p.Before != "" {
		slices.Reverse(all)
	}
	return all, err
}

// placed are the values of the key at a place.
func (q *pageQuery) placed(place string) ([]any, error) {
	if q.place == nil {
		return []any{place}, nil
	}
	return q.place(place)
}

// selection is a query in the making.
type selection struct {
	from  string
	where []string
	args  []any
}

func (q *pageQuery) selection() *selection {
	return &selection{from: q.from, where: append([]string{`TRUE`}, q.where...), args: slices.Clone(q.args)}
}

func (s *selection) and(condition string) { s.where = append(s.where, condition) }

// arg adds a value and returns what stands for it.
func (s *selection) arg(value any) string {
	s.args = append(s.args, value)
	return "$" + strconv.Itoa(len(s.args))
}

// list adds values and returns what stands for them.
func (s *selection) list(values []any) string {
	places := make([]string, len(values))
	for i, value := range values {
		places[i] = s.arg(value)
	}
	return strings.Join(places, `, `)
}

// begins adds a search, and returns what makes the condition that a name begins so, as a range of its index.
func (s *selection) begins(fold func(string) string, search string) func(name string) string {
	from, to := fold(s.arg(search)), fold(s.arg(search+afterAll))
	return func(name string) string { return fold(name) + ` >= ` + from + ` AND ` + fold(name) + ` < ` + to }
}

// afterAll follows all that goes on after a search.
const afterAll = "\U0010FFFF"

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
func placeNumber(place string) ([]any, error) {
	number, err := strconv.ParseInt(place, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%w place in a list: %q is no number", domain.ErrInvalid, place)
	}
	return []any{number}, nil
}

// placeNumbers reads a place in a list that is two numbers with a dot between them.
func placeNumbers(place string) ([]any, error) {
	first, second, _ := strings.Cut(place, ".")
	one, err := placeNumber(first)
	if err != nil {
		return nil, err
	}
	two, err := placeNumber(second)
	return append(one, two...), err
}
