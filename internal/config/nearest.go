package config

import (
	"cmp"
	"slices"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// nearest is the known name that takes the fewest edits to get to from the given one, and rather one that begins with it.
func nearest(name string, known []string) string {
	return slices.MinFunc(known, func(a, b string) int {
		return cmp.Or(domain.Distance(name, a)-domain.Distance(name, b), strings.Index(b, name)-strings.Index(a, name))
	})
}
