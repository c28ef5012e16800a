package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signet-auth/signet/internal/apply"
	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Files is what applying and exporting files needs of the store beside the services.
type Files interface {
	// TxWithin runs fn in one transaction, which may take so long. See store.DB.
	TxWithin(ctx context.Context, limit time.Duration, fn func(ctx context.Context) error) error
	// HoldChanges keeps others from making changes until the transaction that ctx carries ends, and returns the revision.
	HoldChanges(ctx context.Context) (revision int64, err error)
	// Changes returns what changed after a revision, and the newest one. complete is false if that is not known any more.
	Changes(ctx context.Context, after int64) (changes []domain.Change, revision int64, complete bool, err error)
	// SetManagedBy says of objects of a kind that they come from a set of files. What does not exist is left out.
	SetManagedBy(ctx context.Context, set string, kind domain.ManagedKind, names []string) error
	// SetAssignmentsManagedBy is SetManagedBy of assignments.
	SetAssignmentsManagedBy(ctx context.Context, set string, assignments []domain.Assignment) error
	// DeletedWith counts what is deleted with the roles, groups or clients of the names, by what it is and the set that it comes from, and
	// names what loses something with the APIs.
	DeletedWith(ctx context.Context, kind domain.ManagedKind, names []string) ([]domain.DeletedWith, error)
	// LosingPermissions is as registry.Permissions has it.
	LosingPermissions(ctx context.Context, audience string, permissions []string) ([]domain.PermissionLoss, error)
	// AssignmentsOf returns a page of those of a kind of subject, by domain.Assignment.SubjectPlace.
	AssignmentsOf(ctx context.Context, kind domain.SubjectKind, p domain.Page) ([]domain.Assignment, error)
}

// Named reads many objects at once: those of the names that exist, and those that come from the set of files.
type Named interface {
	APIsNamed(ctx context.Context, audiences []string, set string) ([]domain.API, error)
	ClientsNamed(ctx context.Context, clientIDs []string, set string) ([]domain.Client, error)
	RolesNamed(ctx context.Context, names []string, set string) ([]domain.Role, error)
	GroupsNamed(ctx context.Context, names []string, set string) ([]domain.Group, error)
	ReceiversNamed(ctx context.Context, clientIDs []string, set string) ([]domain.Receiver, error)
	AssignmentsNamed(ctx context.Context, named []domain.Assignment, set string) ([]domain.Assignment, error)
	// UsersNamed returns those of the usernames that there are.
	UsersNamed(ctx context.Context, usernames []string) ([]string, error)
	// MembersOf returns the usernames of the members of each group that has any.
	MembersOf(ctx context.Context, groups []string) (map[string][]string, error)
}

// ApplyRequest asks for the objects that files describe.
type ApplyRequest struct {
	Files    []apply.File
	Secrets  map[string]string // the values of those that the files name, by apply.Secret.Key
	Set      string            // of these files; empty: the default set
	Prune    bool              // delete objects of the set that no file describes
	TakeOver bool              // objects of other sets become this one's, or go with what is deleted; roles and clients lose what is
	DryRun   bool              // change nothing

	Keep func(ctx context.Context, applied Applied) error // is called in the transaction of the changes, if there are any; nil: nothing is
}

// Applied is what applying files changes.
type Applied struct {
	Set       string       `json:"set"`
	DryRun    bool         `json:"dry_run" doc:"Nothing was changed"`
	Changes   []FileChange `json:"changes"`
	Unchanged int          `json:"unchanged" doc:"Objects that are as the files say"`
	Left      int          `json:"left" doc:"Objects of the set that no file describes, and that are kept"`
	Notes     []string     `json:"notes"`
}

// FileChange is one that files make.
type FileChange struct {
	Action      string           `json:"action" enum:"create,update,adopt,delete"`
	Kind        string           `json:"kind" enum:"attribute,api,role,group,client,assignment,receiver"`
	Name        string           `json:"name"`
	Place       string           `json:"place,omitempty" doc:"FILE:LINE of what describes it"`
	Differences []FileDifference `json:"differences"`
	Note        string           `json:"note,omitempty"`
}

// FileDifference is a member of an object that files set to something else.
type FileDifference struct {
	Member  string   `json:"member"`
	Before  string   `json:"before,omitempty"`
	After   string   `json:"after,omitempty"`
	Removed []string `json:"removed,omitempty" doc:"From a list"`
	Added   []string `json:"added,omitempty" doc:"To a list"`
}

const (
	applyWithin  = 60 * time.Second // the longest that a transaction may take which applies files
	applyTries   = 5                // until nobody else changes anything between the plan and the transaction
	maxSecrets   = 10_000           // of files
	maxSecretLen = 4096             // bytes
)

// errRehearsed ends the transaction of a dry run.
var errRehearsed = errors.New("rehearsed")

// errMoved says that others have changed something since the plan was made.
var errMoved = errors.New("changed meanwhile")

// Apply makes the objects that files describe what the files say: all in one transaction, or none. Each change is an operation of its
// own, which the caller has to be allowed; a dry run makes them too and takes them back, so that it fails where the other would. A
// domain.ErrInvalid is mostly apply.Problems, which say where. domain.ErrConflict if others change things all the time.
func (s *Service) Apply(ctx context.Context, caller authn.Caller, r ApplyRequest) (Applied, error) {
	ctx, err := s.authorize(ctx, caller, "file.apply")
	if err != nil {
		return Applied{}, err
	}
	if r.Set == "" {
		r.Set = apply.DefaultSet
	}
	if err := apply.CheckSet(r.Set); err != nil {
		return Applied{}, err
	}
	documents, err := apply.Parse(r.Files)
	if err == nil {
		err = checkSecrets(documents, r.Secrets)
	}
	if err == nil {
		err = s.mayCompare(ctx, caller, documents, r.Prune)
	}
	if err != nil {
		return Applied{}, err
	}
	for range applyTries {
		applied, err := s.applyOnce(ctx, caller, r, documents)
		switch {
		case errors.Is(err, errRehearsed):
			return applied, nil
		case !errors.Is(err, errMoved):
			return applied, s.recordDenied(ctx, caller, err)
		}
	}
	return Applied{}, fmt.Errorf("apply the files: %w: others changed something each time; try again", domain.ErrBusy)
}

// applyOnce compares and changes. The comparison reads before the transaction, which only begins if there is something to change.
func (s *Service) applyOnce(ctx context.Context, caller authn.Caller, r ApplyRequest, documents []*apply.Document) (Applied, error) {
	if err := s.config.Cache.Refresh(ctx); err != nil {
		return Applied{}, err
	}
	revision := s.config.Cache.Revision()
	state, err := s.stateOf(ctx, documents, r.Set)
	if err != nil {
		return Applied{}, err
	}
	f := &fileChanges{s: s, caller: caller, secrets: r.Secrets, state: state, clients: map[string]domain.Client{}}
	for _, c := range state.Clients {
		f.clients[c.ClientID] = c
	}
	if err := f.maySetSecrets(within(ctx), documents); err != nil {
		return Applied{}, err
	}
	plan, err := apply.Compare(documents, state, apply.Options{
		Set: r.Set, Prune: r.Prune, TakeOver: r.TakeOver, Now: s.config.Now(), Secrets: f.secretsChanged,
	})
	if err != nil {
		return Applied{}, err
	}
	applied := showPlan(plan, r)
	if len(plan.Changes) == 0 {
		return applied, nil
	}
	err = s.config.Files.TxWithin(ctx, applyWithin, func(ctx context.Context) error {
		ctx = within(ctx)
		applied = showPlan(plan, r) // this may run again, and takenWith adds to it
		held, err := s.config.Files.HoldChanges(ctx)
		if err != nil {
			return err
		}
		if held != revision {
			if err := f.unmoved(ctx, documents, revision); err != nil {
				return err
			}
		}
		if err := s.takenWith(ctx, plan, r, applied.Changes); err != nil {
			return err
		}
		if err := f.make(ctx, plan, r.Set); err != nil {
			return err
		}
		switch {
		case r.DryRun:
			return errRehearsed
		case r.Keep != nil:
			return r.Keep(ctx, applied)
		}
		return nil
	})
	return applied, err
}

func checkSecrets(documents []*apply.Document, given map[string]string) error {
	if len(given) > maxSecrets {
		return domain.Invalid("secrets", domain.RuleTooMany, "secrets: there are %d; use at most %d", len(given), maxSecrets)
	}
	var problems apply.Problems
	secrets, places := apply.SecretsOf(documents)
	for i, secret := range secrets {
		switch value := given[secret.Key()]; {
		case value == "":
			problems = append(problems, apply.Problem{Place: places[i], Text: "there is no value for " + secret.Key()})
		case len(value) > maxSecretLen:
			problems = append(problems, apply.Problem{Place: places[i], Text: "the value for " + secret.Key() + " is too long"})
		}
	}
	return problems.Err()
}

// mayCompare wants a caller who may read what files are compared with.
func (s *Service) mayCompare(ctx context.Context, caller authn.Caller, documents []*apply.Document, all bool) error {
	for _, kind := range domain.ManagedKinds {
		if !all && !slices.ContainsFunc(documents, func(d *apply.Document) bool { return d.Kind == kind }) {
			continue
		}
		if _, err := s.authorize(ctx, caller, string(kind)+".list"); err != nil {
			return err
		}
	}
	names := apply.NamesIn(documents)
	for operation, described := range map[string][]string{"policy.find": names.PoliciesOf, "resource.list": names.ResourcesOf} {
		if len(documents) > 0 && len(described) == 0 {
			continue
		}
		if _, err := s.authorize(ctx, caller, operation); err != nil {
			return err
		}
	}
	return nil
}

// stateOf reads what documents describe and refer to, and the objects of the set: a query or a few for each kind.
func (s *Service) stateOf(ctx context.Context, documents []*apply.Document, set string) (*apply.State, error) {
	names, state, from := apply.NamesIn(documents), new(apply.State), s.config.Named
	for _, read := range []func() error{
		func() (err error) {
			state.Attributes, err = s.config.Directory.ListAttributes(ctx, domain.Page{Limit: allAttributes})
			return err
		},
		func() (err error) { state.APIs, err = from.APIsNamed(ctx, names.APIs, set); return err },
		func() (err error) {
			state.Policies, err = s.config.Policies.Texts(ctx, names.PoliciesOf)
			return err
		},
		func() (err error) {
			state.Resources, err = s.config.Policies.ResourcesOf(ctx, names.ResourcesOf)
			return err
		},
		func() (err error) { state.Roles, err = from.RolesNamed(ctx, names.Roles, set); return err },
		func() (err error) { state.Groups, err = from.GroupsNamed(ctx, names.Groups, set); return err },
		func() (err error) { state.Members, err = s.membersOf(ctx, names.MembersOf); return err },
		func() (err error) { state.Clients, err = from.ClientsNamed(ctx, names.Clients, set); return err },
		func() (err error) {
			state.Assignments, err = from.AssignmentsNamed(ctx, names.Assignments, set)
			return err
		},
		func() (err error) { state.Receivers, err = from.ReceiversNamed(ctx, names.Receivers, set); return err },
		func() (err error) { state.Users, err = from.UsersNamed(ctx, names.Users); return err },
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return state, nil
}

// membersOf are the members of groups, in the order of their bytes.
func (s *Service) membersOf(ctx context.Context, groups []string) (map[string][]string, error) {
	members, err := s.config.Named.MembersOf(ctx, groups)
	for _, names := range members {
		slices.Sort(names)
	}
	return members, err
}

// allAttributes is more than an installation has.
const allAttributes = domain.MaxAttributes + 100

func showPlan(plan *apply.Plan, r ApplyRequest) Applied {
	shown := Applied{Set: r.Set, DryRun: r.DryRun, Unchanged: plan.Unchanged, Left: plan.Left, Notes: array(plan.Notes), Changes: []FileChange{}}
	for _, c := range plan.Changes {
		change := FileChange{Action: string(c.Action), Kind: string(c.Kind), Name: c.Name, Note: c.Note, Differences: []FileDifference{}}
		if c.Document != nil {
			change.Place = c.Place.String()
		}
		for _, d := range c.Differences {
			change.Differences = append(change.Differences, FileDifference(d))
		}
		shown.Changes = append(shown.Changes, change)
	}
	return shown
}

// made is the event of what a plan changed.
func made(plan *apply.Plan, set string) event.FilesApplied {
	e := event.FilesApplied{Set: set}
	for _, c := range plan.Changes {
		if c.Adopts {
			adopt(&e, c)
		}
		switch c.Action {
		case apply.Create:
			e.Created++
		case apply.Adopt:
		case apply.Delete:
			e.Deleted++
		default:
			e.Changed++
		}
	}
	return e
}

func adopt(e *event.FilesApplied, c apply.Change) {
	if a, ok := c.Document.Object.(*apply.Assignment); ok {
		kind, name := a.Subject()
		e.AdoptedAssignments = append(e.AdoptedAssignments, event.AdoptedAssignment{Role: a.Role, Subject: string(kind) + ":" + name})
		return
	}
	e.Adopted = append(e.Adopted, string(c.Kind)+" "+c.Name)
}
