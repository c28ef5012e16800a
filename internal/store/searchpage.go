package store

import (
	"cmp"
	"context"
	"slices"
	"strconv"

	"github.com/signet-auth/signet/internal/domain"
)

// maxWindows bounds what a page of a search reads: the first window of an index of names is of db.searchWindow entries, and each one is
// twice as long as the one before.
const maxWindows = 6

// errSearchBroad says that a search and other conditions have too little in common to be read together.
var errSearchBroad = domain.Invalid("search", domain.RuleTooMany,
	"search: many names begin so, and few of them are among what the other filters choose; write more of the name, or take a filter away")

// searchPage lists a part of what a search finds: first those whose first name begins so, in the order of that name, then the others whose
// second does, and so on. So a page is a range of an index, however much is found. Where the object at the given place is gone, or is
// called otherwise by now, it is the first page. errSearchBroad where it would have to read too much for a page.
func searchPage[T any](ctx context.Context, c conn, scan func(row scanner) (T, error), q pageQuery, p domain.Page) ([]T, error) {
	from, err := q.found(ctx, c, p)
	if err != nil {
		return nil, err
	}
	w := walk{q: &q, c: c, search: p.Search, window: c.db.searchWindow, down: p.Before != "" && from.stage >= 0}
	step := 1
	if w.down {
		step = -1
	}
	var all []T
	for i := max(from.stage, 0); i >= 0 && i < len(q.names) && len(all) < p.Limit; i += step {
		var place *foundAt
		if i == from.stage {
			place = &from
		}
		for {
			end, err := w.next(ctx, i, place)
			if err != nil {
				return nil, err
			}
			s := w.between(i, place, end)
			found, err := list(ctx, c, scan, s.query(q.columns)+` ORDER BY `+w.name(i)+w.order()+`, `+q.id+w.order()+` LIMIT `+s.arg(p.Limit-len(all)), s.args...)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
			if end == nil || len(all) == p.Limit {
				break
			}
			place = end
		}
	}
	if w.down {
		slices.Reverse(all)
	}
	return all, nil
}

// walk reads indexes of names in the order of a search, a window at a time where conditions may leave out much of it.
type walk struct {
	q       *pageQuery
	c       conn
	search  string
	down    bool
	window  int // entries
	windows int // that were read
}

func (w *walk) name(i int) string { return w.c.db.dialect.folded(w.q.names[i]) }

func (w *walk) order() string {
	if w.down {
		return ` DESC`
	}
	return ` ASC`
}

// next is the last entry of the next window after a place; nil if the window goes to the end.
func (w *walk) next(ctx context.Context, i int, place *foundAt) (*foundAt, error) {
	table := w.q.from
	if w.q.walks != nil {
		table = w.q.walks[i]
	}
	if table == "" || len(w.q.where) == 0 && w.q.tables == nil {
		return nil, nil
	}
	s := &selection{from: table, where: []string{`TRUE`}}
	end := foundAt{stage: i, whole: w.q.tables != nil}
	w.span(s, i, place, nil, !end.whole)
	columns, order := w.name(i)+`, `+w.q.id, w.name(i)+w.order()+`, `+w.q.id+w.order()
	if end.whole { // another table has the ids
		columns, order = w.name(i)+`, 0`, w.name(i)+w.order()
	}
	found := false
	err := w.c.each(ctx, func(row scanner) error {
		found = true
		return row.Scan(&end.name, &end.id)
	}, s.query(columns)+` ORDER BY `+order+` LIMIT 1 OFFSET `+strconv.Itoa(w.window-1), s.args...)
	if err != nil || !found {
		return nil, err
	}
	if w.windows++; w.windows > maxWindows {
		return nil, errSearchBroad
	}
	w.window *= 2
	return &end, nil
}

// between selects what is found by a name, and by none before it, after a place and up to another one; nil: from the beginning, to the end.
func (w *walk) between(i int, place, end *foundAt) *selection {
	s := w.q.selection()
	if w.q.tables != nil {
		s.from = w.q.tables[i]
	}
	if i > 0 {
		begins := s.begins(w.c.db.dialect.folded, w.search)
		for _, name := range w.q.names[:i] {
			s.and(`NOT (COALESCE(` + begins(name) + `, FALSE))`)
		}
	}
	w.span(s, i, place, end, true)
	return s
}

// span adds the conditions of a range of an index of names: one on either side, which both databases then read no further than. ids says
// whether the place is one among those of its name.
func (w *walk) span(s *selection, i int, place, end *foundAt, ids bool) {
	name, fold := w.name(i), w.c.db.dialect.folded
	above, below := ` >`, ` <` // in the order of the search
	if w.down {
		above, below = below, above
	}
	switch {
	case place == nil && w.down:
		s.and(name + ` < ` + fold(s.arg(w.search+afterAll)))
	case place == nil:
		s.and(name + ` >= ` + fold(s.arg(w.search)))
	case place.whole:
		s.and(name + above + ` ` + s.arg(place.name))
	default:
		at := s.arg(place.name)
		s.and(name + above + `= ` + at)
		if ids {
			s.and(`(` + name + `, ` + w.q.id + `)` + above + ` (` + at + `, ` + s.arg(place.id) + `)`)
		}
	}
	switch {
	case end == nil && w.down:
		s.and(name + ` >= ` + fold(s.arg(w.search)))
	case end == nil:
		s.and(name + ` < ` + fold(s.arg(w.search+afterAll)))
	default:
		at := s.arg(end.name)
		s.and(name + below + `= ` + at)
		if !end.whole {
			s.and(`(` + name + `, ` + w.q.id + `)` + below + `= (` + at + `, ` + s.arg(end.id) + `)`)
		}
	}
}

// foundAt is where a search has found an object.
type foundAt struct {
	stage int // which of its names is the first that was found; -1 if there is none
	name  string
	id    int64
	whole bool // with all of this name
}

// found looks for the object that a page of a search begins or ends at.
func (q *pageQuery) found(ctx context.Context, c conn, p domain.Page) (at foundAt, err error) {
	at.stage = -1
	place := cmp.Or(p.Before, p.After)
	if place == "" {
		return at, nil
	}
	values, err := q.placed(place)
	if err != nil {
		return at, err
	}
	fold := c.db.dialect.folded
	s := q.selection()
	begins := s.begins(fold, p.Search)
	stages, names := `CASE`, `CASE`
	for i, name := range q.names {
		stages += ` WHEN ` + begins(name) + ` THEN ` + strconv.Itoa(i)
		names += ` WHEN ` + begins(name) + ` THEN ` + fold(name)
	}
	s.and(`(` + q.key + `) = (` + s.list(values) + `)`)
	err = c.each(ctx, func(row scanner) error { return row.Scan(&at.stage, &at.name, &at.id) },
		s.query(stages+` ELSE -1 END, `+names+` ELSE '' END, `+q.id), s.args...)
	return at, err
}
