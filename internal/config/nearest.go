package config

import (
	"slices"

	"github.com/signet-auth/signet/internal/domain"
)

// nearest is the known name that takes the fewest edits to get to from the given one.
func nearest(name string, known []string) string {
	return slices.MinFunc(known, func(a, b string) int { return domain.Distance(name, a) - domain.Distance(name, b) })
}
