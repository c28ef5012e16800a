package admin

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/signet-auth/signet/internal/apply"
	"github.com/signet-auth/signet/internal/domain"
)

// takenWith notes beside each change of a plan what else is deleted with what it deletes, and which roles and clients lose something: those
// that the plan changes itself say so there. It is refused where other sets of files lose something, and where roles and clients of no set
// lose a permission or an API, unless that may be taken.
func (s *Service) takenWith(ctx context.Context, plan *apply.Plan, r ApplyRequest, shown []FileChange) error {
	t := &taken{r: r, shown: shown, planned: map[string]bool{}}
	for _, c := range plan.Changes {
		t.planned[string(c.Kind)+" "+c.Name] = true
	}
	for _, kind := range []domain.ManagedKind{domain.ManagedAttribute, domain.ManagedAPI, domain.ManagedRole, domain.ManagedGroup, domain.ManagedClient} {
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
		of := map[string][]domain.DeletedWith{}
		for _, with := range found {
			of[with.Of] = append(of[with.Of], with)
		}
		for _, name := range names {
			t.deletion(kind, name, places[name], of[name])
		}
	}
	for i, c := range plan.Changes {
		losses, err := s.config.Files.LosingPermissions(ctx, c.Name, removedPermissions(c))
		if err != nil {
			return err
		}
		t.removal(i, c, losses)
	}
	return errors.Join(t.refused...)
}

// removedPermissions are those that a change takes from an API which stays.
func removedPermissions(c apply.Change) []string {
	before, ok := c.Before.(*apply.API)
	if !ok || c.Document == nil {
		return nil
	}
	var was, is domain.API
	before.Set(&was)
	c.Document.Object.(*apply.API).Set(&is)
	return is.Lacks(was)
}

// taken is what the changes of a plan take beside what they say.
type taken struct {
	r       ApplyRequest
	shown   []FileChange
	planned map[string]bool // objects that the plan changes or deletes itself, by kind and name
	refused []error
}

const (
	maxRefused = 20 // changes
	maxTaken   = 20 // names of objects in a sentence
)

// deletion notes what goes with an object that is deleted.
func (t *taken) deletion(kind domain.ManagedKind, name string, i int, found []domain.DeletedWith) {
	var gone, losing, others, othersLose []string
	for _, with := range found {
		switch {
		case with.Name == "" && with.ManagedBy != t.r.Set: // else the plan deletes it itself
			text := counted(with)
			if gone = append(gone, text); with.ManagedBy != "" {
				others = append(others, text)
			}
		case with.Name != "" && !t.planned[string(with.Kind)+" "+with.Name]:
			holder := domain.OfSet(with.Kind, with.Name, with.ManagedBy)
			if losing = append(losing, holder); with.ManagedBy != t.r.Set {
				othersLose = append(othersLose, holder)
			}
		}
	}
	if len(gone) > 0 {
		t.note(i, "with it go "+first(gone, ", "))
	}
	if len(losing) > 0 {
		t.note(i, "it is taken from "+first(losing, ", "))
	}
	if len(others) > 0 {
		t.refuse(domain.Invalid("prune", domain.RuleConflict,
			"deletion: %s %s is in no file any more, but with it would go %s: take that out there first, or take it over (--take-over)", kind, name, first(others, ", ")))
	}
	if len(othersLose) > 0 {
		t.refuse(domain.Invalid("prune", domain.RuleConflict,
			"deletion: %s %s is in no file any more, but it would be taken from %s: take it from them first, or let it be taken (--take-over)", kind, name, first(othersLose, ", ")))
	}
}

// removal notes who loses permissions that a change takes from an API.
func (t *taken) removal(i int, c apply.Change, found []domain.PermissionLoss) {
	var losing, others []string
	for _, loss := range found {
		if t.planned[string(loss.Kind)+" "+loss.Name] {
			continue
		}
		if losing = append(losing, loss.String()); loss.ManagedBy != t.r.Set {
			others = append(others, loss.String())
		}
	}
	if len(losing) > 0 {
		t.note(i, first(losing, "; "))
	}
	if len(others) > 0 {
		t.refuse(apply.Problems{{Place: c.Document.At("permissions"), Text: fmt.Sprintf(
			"permissions: API %s would have fewer, but %s: take them from there first, or let them be taken (--take-over)", c.Name, first(others, "; "))}})
	}
}

func (t *taken) note(i int, text string) {
	t.shown[i].Note = strings.TrimPrefix(t.shown[i].Note+"; "+text, "; ")
}

func (t *taken) refuse(why error) {
	if !t.r.TakeOver && len(t.refused) < maxRefused {
		t.refused = append(t.refused, why)
	}
}

// counted is a number of objects that are deleted with another one.
func counted(with domain.DeletedWith) string {
	text := fmt.Sprintf("%d %s", with.Count, with.Kind)
	if with.Count != 1 {
		text += "s"
	}
	if with.ManagedBy != "" {
		text += " of the set " + with.ManagedBy
	}
	return text
}

// first are the first elements of a list, and how many others there are.
func first(list []string, separator string) string {
	if more := len(list) - maxTaken; more > 0 {
		return fmt.Sprintf("%s%sand %d more", strings.Join(list[:maxTaken], separator), separator, more)
	}
	return strings.Join(list, separator)
}
