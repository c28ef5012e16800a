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
	names   []string // columns that a search looks at, each with its condition in an index: see dialect.folded
	table   string   // that these are in
}

// pageOf lists a part of what a query chooses, always in the order of the key.
func pageOf[T any](ctx context.Context, c conn, scan func(row scanner) (T, error), q pageQuery, p domain.Page) ([]T, error) {
	where, args := append([]string{`TRUE`}, q.where...), slices.Clone(q.args)
	arg := func(v any) string { args = append(args, v); return "$" + strconv.Itoa(len(args)) }
	order := `ASC`
	var place any = cmp.Or(p.Before, p.After)
	if place != "" && q.number {
		number, err := strconv.ParseInt(place.(string), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%w place in a list: %q is no number", domain.ErrInvalid, place)
		}
		place = number
	}
	switch {
	case p.Before != "":
		where, order = append(where, q.key+` < `+arg(place)), `DESC`
	case p.After != "":
		where = append(where, q.key+` > `+arg(place))
	}
	if p.Search != "" {
		from, to := c.db.dialect.folded(arg(p.Search)), c.db.dialect.folded(arg(p.Search+"\U0010FFFF"))
		found := make([]string, len(q.names))
		for i, name := range q.names {
			folded := c.db.dialect.folded(name)
			found[i] = `SELECT id FROM ` + q.table + ` WHERE ` + folded + ` >= ` + from + ` AND ` + folded + ` < ` + to
		}
		where = append(where, q.id+` IN (`+strings.Join(found, ` UNION ALL `)+`)`)
	}
	all, err := list(ctx, c, scan, `SELECT `+q.columns+` FROM `+q.from+` WHERE `+strings.Join(where, ` AND `)+
		` ORDER BY `+q.key+` `+order+` LIMIT `+arg(p.Limit), args...)
	if p.Before != "" {
		slices.Reverse(all)
	}
	return all, err
}
