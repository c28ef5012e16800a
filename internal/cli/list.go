package cli

import (
	"errors"
	"fmt"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

const pageSize = 500

// pages reads a list page by page; limit 0 means all.
func pages[V any](q admin.Query, limit int, read func(q admin.Query) (admin.Page[V], error)) ([]V, error) {
	if limit < 0 {
		return nil, usagef("--limit must not be negative")
	}
	var all []V
	for {
		q.Limit = pageSize
		if limit > 0 {
			q.Limit = min(q.Limit, limit-len(all))
		}
		page, err := read(q)
		if err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		switch {
		case limit > 0 && len(all) >= limit:
			return all[:limit], nil
		case page.Next == "":
			return all, nil
		case page.Next == q.Cursor:
			return nil, errors.New("the list has no end: the server answers with the same page again")
		}
		q.Cursor = page.Next
	}
}

// searchFlag adds the flag with which a list is searched, for objects whose names are said.
func searchFlag(cmd *cobra.Command, search *string, names string) {
	cmd.Flags().StringVar(search, "search", "", "show those with a "+names+" that begins with `TEXT`")
}

// edited is a list as edit makes it; nil if there is nothing to remove or to add.
func edited[T, R, A any](list []T, remove []R, add []A, edit func(list []T, remove []R, add []A) ([]T, error)) (*[]T, error) {
	if len(remove)+len(add) == 0 {
		return nil, nil
	}
	list, err := edit(list, remove, add)
	if err != nil {
		return nil, err
	}
	list = array(list)
	return &list, nil
}

func number(n int) string { return strconv.Itoa(n) }

// edit removes from a list what must be in it, and adds what is not in it yet. what names the elements in errors.
func edit[T comparable](what string, list, remove, add []T) ([]T, error) {
	kept := slices.Clone(list)
	for _, r := range remove {
		i := slices.Index(kept, r)
		if i < 0 {
			return nil, fmt.Errorf("%s %v: %w", what, r, domain.ErrNotFound)
		}
		kept = slices.Delete(kept, i, i+1)
	}
	for _, n := range add {
		if !slices.Contains(kept, n) {
			kept = append(kept, n)
		}
	}
	return kept, nil
}
