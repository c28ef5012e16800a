package policy

import (
	"context"
	"errors"
	"slices"

	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/statistics"
	"github.com/signet-auth/signet/internal/token"
)

// The types of subject that Signet knows. Of others it knows what the request says.
const (
	SubjectUser   = "user"         // the id is the "sub" of tokens
	SubjectClient = "client"       // the id is the client_id
	SubjectToken  = "access_token" // the id is an access token: its claims are all that counts, the directory is not asked
)

// Decider answers questions about the subjects of one request, each of which it looks up once.
type Decider struct {
	service  *Service
	audience string   // empty: that of the token
	among    []string // the audiences that tokens may be for; empty: any
	subjects map[subjectKey]*subject
	policies map[string]*compiled
	budget   *decision.Budget
	trial    bool // of a policy that is not published: nothing is counted
}

// maxCostly is how many decisions of one request may cost as much as one may: the conditions of those that come after fail.
const maxCostly = 50

type subjectKey struct{ kind, id string }

// subject is what Signet knows of a subject at an API.
type subject struct {
	audience string
	known    decision.Subject // but for the properties
	unknown  string           // why all is denied; empty: it is not
}

// ErrNoAudience says that a question does not say which API it is about.
var ErrNoAudience = domain.Invalid("api", domain.RuleRequired, "question: it does not say which API it is about")

// Decider makes a Decider for an API; an empty audience stands for that of the tokens, which are for one of the APIs among those that are
// named, or for any if none is.
func (s *Service) Decider(audience string, among ...string) *Decider {
	return &Decider{service: s, audience: audience, among: among, subjects: map[subjectKey]*subject{}, policies: map[string]*compiled{}, budget: decision.NewBudget(maxCostly)}
}

// Use makes a text the policy of the API that the Decider was made for, in place of the one that it has: to try it. decision.Problems say what
// is wrong with it.
func (d *Decider) Use(text string) error {
	policy, err := decision.Compile(text)
	d.trial = true
	if err == nil {
		d.policies[d.audience] = &compiled{text: text, policy: policy, reads: policy.Reads("resource.properties")}
	}
	return err
}

// UseClaims makes claims all that is known of a subject, as those of an access token.
func (d *Decider) UseClaims(s decision.Subject) {
	d.subjects[subjectKey{s.Type, s.ID}] = &subject{audience: d.audience, known: s}
}

// Audience is the API that it was made for; empty: that of the token.
func (d *Decider) Audience() string { return d.audience }

// Answer is an answer to a question.
type Answer struct {
	decision.Verdict
	Audience   string
	Policy     int64  // the number of the version that decided; 0: the API has no policy
	Unknown    string // why the subject may do nothing, whatever the policy says; empty: the policy decided
	Considered []decision.Considered
}

// Reason is a sentence that says what decided.
func (a Answer) Reason() string {
	if a.Unknown != "" {
		return a.Unknown
	}
	return a.Verdict.Reason()
}

// Decide answers a question; explain adds the result of each rule. A subject that is unknown or disabled, and a token that is not active,
// may do nothing. A resource without properties has the registered ones. ErrNoAudience, ErrNotFound if there is no such API; any other
// error means that the answer is not known. Refresh the cache after the request came in and before the call.
func (d *Decider) Decide(ctx context.Context, r decision.Request, explain bool) (Answer, error) {
	answer, err := d.judge(ctx, r, explain)
	switch {
	case err != nil:
		return Answer{}, err
	case d.trial:
	case answer.Allowed:
		d.service.Counters.Count(statistics.Allowed)
	default:
		d.service.Counters.Count(statistics.Denied)
	}
	return answer, nil
}

// judge is Decide that counts conditions that fail alone.
func (d *Decider) judge(ctx context.Context, r decision.Request, explain bool) (Answer, error) {
	if err := ctx.Err(); err != nil {
		return Answer{}, err
	}
	who, err := d.subject(ctx, r.Subject.Type, r.Subject.ID)
	if err != nil {
		return Answer{}, err
	}
	answer := Answer{Audience: who.audience, Unknown: who.unknown}
	if who.unknown != "" {
		return answer, nil
	}
	policy, err := d.policy(ctx, who.audience)
	if errors.Is(err, domain.ErrNotFound) && d.audience == "" {
		return Answer{Unknown: "The access token is for no API."}, nil
	}
	if err != nil {
		return Answer{}, err
	}
	properties := r.Subject.Properties
	r.Subject = who.known
	r.Subject.Properties, r.Budget = properties, d.budget
	if r.Resource.Properties == nil && policy.reads {
		if r.Resource.Properties, err = d.service.registered(ctx, who.audience, domain.ResourceName{Type: r.Resource.Type, ID: r.Resource.ID}); err != nil {
			return Answer{}, err
		}
	}
	answer.Policy = policy.number
	if explain {
		answer.Verdict, answer.Considered = policy.policy.Explain(&r)
	} else {
		answer.Verdict = policy.policy.Decide(&r)
	}
	if !d.trial {
		for range answer.Failures {
			d.service.Counters.Count(statistics.ConditionFailed)
		}
	}
	return answer, nil
}

func (d *Decider) policy(ctx context.Context, audience string) (*compiled, error) {
	if found := d.policies[audience]; found != nil {
		return found, nil
	}
	found, err := d.service.compiled(ctx, audience)
	if err == nil {
		d.policies[audience] = found
	}
	return found, err
}

// subject looks a subject up, once.
func (d *Decider) subject(ctx context.Context, kind, id string) (*subject, error) {
	key := subjectKey{kind, id}
	if found := d.subjects[key]; found != nil {
		return found, nil
	}
	found := &subject{audience: d.audience, known: decision.Subject{Type: kind, ID: id}}
	var err error
	switch {
	case kind == SubjectToken:
		err = d.service.byToken(ctx, found, d.among, id)
	case d.audience == "":
		err = ErrNoAudience
	case kind == SubjectUser:
		err = d.service.byUser(ctx, found, id)
	case kind == SubjectClient:
		err = d.service.byClient(ctx, found, id)
	}
	if err != nil {
		return nil, err
	}
	d.subjects[key] = found
	return found, nil
}

// byToken judges by an access token alone: that it was issued, for this API, and is not revoked.
func (s *Service) byToken(ctx context.Context, found *subject, among []string, value string) error {
	sealed, err := s.Introspection.Sealed(ctx, value)
	switch {
	case err != nil:
		return err
	case sealed == nil:
		found.unknown = "The access token is not active."
		return nil
	}
	switch claims := sealed.Claims; {
	case sealed.Unreadable:
		found.unknown = unreadable
	case found.audience != "" && !domain.SameAudience(found.audience, claims.Audience), len(among) > 0 && !slices.Contains(among, claims.Audience):
		found.unknown = "The access token is for another API."
	default:
		found.audience = claims.Audience
		found.known = subjectOf(claims, sealed)
	}
	return nil
}

// byUser asks the directory for a user.
func (s *Service) byUser(ctx context.Context, found *subject, sub string) error {
	id, err := s.userOf(ctx, sub)
	var user *domain.User
	if err == nil {
		user, err = s.Directory.ActiveUser(ctx, id)
	}
	if errors.Is(err, domain.ErrNotFound) || errors.Is(err, domain.ErrRevoked) {
		found.unknown = "There is no such user, or it is disabled."
		return nil
	}
	if err != nil {
		return err
	}
	claims := token.ClaimsOfUser(user)
	return s.addAccess(ctx, found, directory.Subject{Kind: domain.SubjectUser, ID: id}, claims)
}

func (s *Service) userOf(ctx context.Context, sub string) (int64, error) {
	if id, ok := s.users.Get(sub); ok {
		return id, nil
	}
	id, err := s.Subjects.UserOfSubject(ctx, sub)
	if err == nil {
		s.users.Add(sub, id)
	}
	return id, err
}

// byClient asks the registry and the directory for a client that acts for itself.
func (s *Service) byClient(ctx context.Context, found *subject, clientID string) error {
	client, err := s.Registry.LookupClient(ctx, clientID)
	if errors.Is(err, domain.ErrNotFound) || err == nil && !client.DisabledAt.IsZero() {
		found.unknown = "There is no such client, or it is disabled."
		return nil
	}
	if err != nil {
		return err
	}
	claims := map[string]any{"sub": clientID, "client_id": clientID}
	return s.addAccess(ctx, found, directory.Subject{Kind: domain.SubjectClient, ID: client.ID, Name: clientID}, claims)
}

// addAccess adds what the subject's roles give at the API.
func (s *Service) addAccess(ctx context.Context, found *subject, who directory.Subject, claims map[string]any) error {
	api, err := s.Registry.LookupAPI(ctx, found.audience)
	if err != nil {
		return err
	}
	access, err := s.Directory.Access(ctx, who, api.Audience)
	if err != nil {
		return err
	}
	named, err := token.Memberships(ctx, s.Directory, api, who, access)
	if err != nil {
		return err
	}
	found.audience = api.Audience
	found.known.Permissions, found.known.Roles = decision.NamesOf(access.Permissions), decision.NamesOf(named.Roles)
	found.known.Groups = decision.NamesOf(api.GroupNames.Of(named.Groups))
	found.known.Claims = decision.ClaimMap(claims)
	return nil
}
