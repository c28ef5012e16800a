package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/signet-auth/signet/internal/apply"
	"github.com/signet-auth/signet/internal/domain"
)

// deletedWith notes beside each deletion of a plan what else it deletes. It is refused where that belongs to another set of files, unless
// that may be taken over.
func (s *Service) deletedWith(ctx context.Context, plan *apply.Plan, r ApplyRequest, shown []FileChange) error {
	var refused []error
	for _, kind := range []domain.ManagedKind{domain.ManagedRole, domain.ManagedGroup, domain.ManagedClient} {
		places, names := map[string]int{}, []string{}
		for i, c := range plan.Changes {
			if c.Action == apply.Delete && c.Kind == kind {
				places[c.Name], names = i, append(names, c.Name)
			}
		}
		found, err := s.config.Files.DeletedWith(ctx, kind, names)
		if err != nil {
			return err
		}
		lost := map[int][]string{}
		for _, with := range found {
			if with.ManagedBy == r.Set { // the plan deletes it itself
				continue
			}
			text := fmt.Sprintf("%d %s", with.Count, with.Kind)
			if with.Count != 1 {
				text += "s"
			}
			if with.ManagedBy != "" {
				text += " of the set " + with.ManagedBy
			}
			lost[places[with.Of]] = append(lost[places[with.Of]], text)
			if with.ManagedBy != "" && !r.TakeOver && len(refused) < maxRefused {
				refused = append(refused, domain.Invalid("prune", domain.RuleConflict,
					"deletion: %s %s is in no file any more, but with it would go %s: take that out there first, or take it over (--take-over)", kind, with.Of, text))
			}
		}
		for i, texts := range lost {
			shown[i].Note = "with it go " + strings.Join(texts, ", ")
		}
	}
	return errors.Join(refused...)
}

// maxRefused is how many deletions are told that are refused.
const maxRefused = 20
