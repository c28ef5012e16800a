package policy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/domain"
)

// How much of what may be found one request of a search looks at.
const (
	maxCandidates = 200 // whom it judges, or passes over
	maxSources    = 100 // roles, or groups, whose holders and members it reads
)

// Candidates finds out who may be allowed something, in ranges of what there is.
type Candidates interface {
	// CandidateRoles returns the ids, from one on, of roles that are chosen and that subjects of a kind have themselves.
	CandidateRoles(ctx context.Context, chosen domain.Candidates, kind domain.SubjectKind, from int64, limit int) ([]int64, error)
	// CandidateGroups returns the ids, from one on, of groups that have a role that is chosen.
	CandidateGroups(ctx context.Context, chosen domain.Candidates, from int64, limit int) ([]int64, error)
	// RoleCandidates returns subjects that have a role themselves, after one. Those that have one before it, too, are Before.
	RoleCandidates(ctx context.Context, chosen domain.Candidates, kind domain.SubjectKind, role, after int64, limit int) ([]domain.Candidate, error)
	// GroupCandidates returns members of a group, after one. Those that have a role themselves, or by a group before it, are Before.
	GroupCandidates(ctx context.Context, chosen domain.Candidates, group, after int64, limit int) ([]domain.Candidate, error)
	// EveryCandidate returns subjects of a kind after one.
	EveryCandidate(ctx context.Context, kind domain.SubjectKind, after int64, limit int) ([]domain.Candidate, error)
}

// SearchPage is a part of what a search finds.
type SearchPage struct {
	After string // the Next of the page before; empty: the first one
	Limit int    // at most so many, at least one
}

// Found are the names or ids that a page of a search has. There may be fewer than the limit although there is a next page.
type Found struct {
	Names []string
	Next  string // empty: this is the last page
}

// ErrPlace says that a page does not begin where another one of the search has ended.
var ErrPlace = domain.Invalid("page.token", domain.RuleFormat, "page.token: send the next_token of another page of the same search, or none")

// search is what one request of a search has done.
type search struct {
	*Decider
	limit int
	seen  int
	last  string // where the last candidate is
	found Found
}

func (d *Decider) search(p SearchPage) *search {
	return &search{Decider: d, limit: p.Limit, last: p.After, found: Found{Names: []string{}}}
}

// judged judges a candidate, and says whether to go on.
func (s *search) judged(ctx context.Context, r decision.Request, place, name string) (goOn bool, err error) {
	a, err := s.judge(ctx, r, false)
	if err != nil {
		return false, err
	}
	if s.budget.Spent() && s.seen > 0 { // what it came to may be for that
		s.found.Next = s.last
		return false, nil
	}
	if a.Allowed {
		s.found.Names = append(s.found.Names, name)
	}
	return s.passed(place), nil
}

// passed counts a candidate, and says whether to go on.
func (s *search) passed(place string) bool {
	s.last = place
	if s.seen++; s.seen < maxCandidates && len(s.found.Names) < s.limit {
		return true
	}
	s.found.Next = place
	return false
}

// Actions are those, by name, that a subject may do with a resource: of the actions that permissions of the API and rules of the policy name
// for the type of resource. Errors as Decide's.
func (d *Decider) Actions(ctx context.Context, r decision.Request, p SearchPage) (Found, error) {
	s := d.search(p)
	names, err := d.actions(ctx, r)
	if err != nil {
		return Found{}, err
	}
	from, beyond := slices.BinarySearch(names, p.After)
	if beyond {
		from++
	}
	for _, name := range names[from:] {
		r.Action.Name = name
		if goOn, err := s.judged(ctx, r, name, name); err != nil || !goOn {
			return s.found, err
		}
	}
	return s.found, nil
}

// actions are the names of all that there are for a type of resource, sorted.
func (d *Decider) actions(ctx context.Context, r decision.Request) ([]string, error) {
	who, err := d.subject(ctx, r.Subject.Type, r.Subject.ID)
	if err != nil || who.unknown != "" {
		return nil, err
	}
	api, err := d.service.Registry.LookupAPI(ctx, who.audience)
	if errors.Is(err, domain.ErrNotFound) && d.audience == "" {
		return nil, nil // a token for no API
	} else if err != nil {
		return nil, err
	}
	policy, err := d.policy(ctx, who.audience)
	if err != nil {
		return nil, err
	}
	names := policy.policy.Actions(r.Resource.Type)
	for _, p := range api.Permissions {
		if kind, action, ok := strings.Cut(p.Name, ":"); ok && kind == r.Resource.Type {
			names = append(names, action)
		}
	}
	slices.Sort(names)
	return slices.DeleteFunc(slices.Compact(names), func(name string) bool { return name == "" }), nil
}

// Resources are the ids of those resources of a type, of the ones that are registered, with which a subject may do something. Errors as
// Decide's.
func (d *Decider) Resources(ctx context.Context, r decision.Request, p SearchPage) (Found, error) {
	s := d.search(p)
	who, err := d.subject(ctx, r.Subject.Type, r.Subject.ID)
	if err != nil || who.unknown != "" {
		return s.found, err
	}
	if _, err := d.policy(ctx, who.audience); errors.Is(err, domain.ErrNotFound) && d.audience == "" {
		return s.found, nil
	} else if err != nil {
		return Found{}, err
	}
	given := r.Resource.Properties
	for {
		after := p.After
		if after != "" {
			after = r.Resource.Type + ":" + after
		}
		limit := maxCandidates - s.seen
		resources, err := d.service.Resources.ListResources(ctx, who.audience, r.Resource.Type, domain.Page{After: after, Limit: limit})
		if err != nil {
			return Found{}, err
		}
		for _, found := range resources {
			r.Resource.ID, p.After = found.ID, found.ID
			if r.Resource.Properties = given; given == nil {
				if r.Resource.Properties, err = propertiesOf(found); err != nil {
					return Found{}, err
				}
			}
			if goOn, err := s.judged(ctx, r, found.ID, found.ID); err != nil || !goOn {
				return s.found, err
			}
		}
		if len(resources) < limit {
			return s.found, nil
		}
	}
}

// Subjects are the ids of those subjects of a type that may do something: of users and clients, by their roles, those to which the policy may
// allow it. Of other types none is known. Errors as Decide's; ErrPlace.
func (d *Decider) Subjects(ctx context.Context, r decision.Request, p SearchPage) (Found, error) {
	if d.audience == "" {
		return Found{}, ErrNoAudience
	}
	policy, err := d.policy(ctx, d.audience)
	if err != nil {
		return Found{}, err
	}
	kind := domain.SubjectKind(r.Subject.Type)
	if kind != SubjectUser && kind != SubjectClient {
		return Found{Names: []string{}}, nil
	}
	place := subjectPlace{stage: stageRoles}
	who := policy.policy.Who(r.Action.Name, r.Resource.Type)
	if who.Anyone {
		place.stage = stageAll
	}
	if p.After != "" {
		begun, err := parsePlace(p.After)
		if err != nil {
			return Found{}, err
		}
		if begun.stage == stageAll || !who.Anyone { // otherwise the policy has changed since, and those who have no role were passed over
			place = begun
		}
	}
	w := &subjectSearch{
		search: d.search(p), request: r, kind: kind, place: place,
		chosen: domain.Candidates{Audience: d.audience, Permissions: who.Permissions, Roles: who.Roles},
	}
	err = w.run(ctx)
	return w.found, err
}

// The stages of a search for subjects.
const (
	stageAll    = "all"
	stageRoles  = "role"
	stageGroups = "group"
)

// subjectPlace is where a search for subjects is: what it has looked at of a source.
type subjectPlace struct {
	stage  string
	source int64 // the role or the group
	after  int64 // the subject
}

func (p subjectPlace) String() string { return fmt.Sprintf("%s %d %d", p.stage, p.source, p.after) }

func parsePlace(text string) (subjectPlace, error) {
	parts := strings.Split(text, " ")
	if len(parts) != 3 || !slices.Contains([]string{stageAll, stageRoles, stageGroups}, parts[0]) {
		return subjectPlace{}, ErrPlace
	}
	source, err1 := strconv.ParseInt(parts[1], 10, 64)
	after, err2 := strconv.ParseInt(parts[2], 10, 64)
	if err1 != nil || err2 != nil {
		return subjectPlace{}, ErrPlace
	}
	return subjectPlace{parts[0], source, after}, nil
}

type subjectSearch struct {
	*search
	request decision.Request
	kind    domain.SubjectKind
	chosen  domain.Candidates
	place   subjectPlace
}

func (s *subjectSearch) run(ctx context.Context) error {
	from := s.service.Candidates
	switch s.place.stage {
	case stageAll:
		_, err := s.source(ctx, func(after int64, limit int) ([]domain.Candidate, error) {
			return from.EveryCandidate(ctx, s.kind, after, limit)
		})
		return err
	case stageRoles:
		goOn, err := s.sources(ctx, func(first int64) ([]int64, error) {
			return from.CandidateRoles(ctx, s.chosen, s.kind, first, maxSources)
		}, func(role, after int64, limit int) ([]domain.Candidate, error) {
			return from.RoleCandidates(ctx, s.chosen, s.kind, role, after, limit)
		})
		if err != nil || !goOn || s.kind != SubjectUser {
			return err
		}
		s.place = subjectPlace{stage: stageGroups}
	}
	_, err := s.sources(ctx, func(first int64) ([]int64, error) {
		return from.CandidateGroups(ctx, s.chosen, first, maxSources)
	}, func(group, after int64, limit int) ([]domain.Candidate, error) {
		return from.GroupCandidates(ctx, s.chosen, group, after, limit)
	})
	return err
}

// sources looks at what comes from each of many, and says whether to go on.
func (s *subjectSearch) sources(ctx context.Context, list func(first int64) ([]int64, error), read func(source, after int64, limit int) ([]domain.Candidate, error)) (goOn bool, err error) {
	all, err := list(s.place.source)
	if err != nil {
		return false, err
	}
	for _, source := range all {
		if source != s.place.source {
			s.place.source, s.place.after = source, 0
		}
		goOn, err := s.source(ctx, func(after int64, limit int) ([]domain.Candidate, error) { return read(source, after, limit) })
		if err != nil || !goOn {
			return false, err
		}
	}
	if len(all) == maxSources {
		s.place.source, s.place.after = s.place.source+1, 0
		s.found.Next = s.place.String()
		return false, nil
	}
	return true, nil
}

// source looks at what comes from one, and says whether to go on.
func (s *subjectSearch) source(ctx context.Context, read func(after int64, limit int) ([]domain.Candidate, error)) (goOn bool, err error) {
	for {
		limit := maxCandidates - s.seen
		candidates, err := read(s.place.after, limit)
		if err != nil {
			return false, err
		}
		for _, c := range candidates {
			s.place.after = c.ID
			var goOn bool
			if c.Before {
				goOn = s.passed(s.place.String())
			} else {
				if s.kind == SubjectUser {
					s.service.users.Add(c.Name, c.ID)
				}
				s.request.Subject.ID = c.Name
				goOn, err = s.judged(ctx, s.request, s.place.String(), c.Name)
			}
			if err != nil || !goOn {
				return false, err
			}
		}
		if len(candidates) < limit {
			return true, nil
		}
	}
}
