package limits

import (
	"time"
)

// Rates are how many a second; 0: any number.
type Rates struct {
	FailuresPerAddress int
	PagesPerAddress    int
	RequestsPerClient  int
	RequestsPerUser    int
	AdminRequests      int // of each caller
}

// Kinds of limits, by which refusals are counted.
const (
	KindFailures = "failures"
	KindPages    = "pages"
	KindClient   = "client"
	KindUser     = "user"
	KindAdmin    = "admin_api"
	KindSignIn   = "sign_in"
	KindConns    = "connections"
)

// Kinds are all of them.
var Kinds = []string{KindFailures, KindPages, KindClient, KindUser, KindAdmin, KindSignIn, KindConns}

// Limits are those of a replica.
type Limits struct {
	Failures *Failures
	Pages    *Meter // by session, or by address
	Clients  *Meter // by client_id
	Users    *Meter // by username
	Admin    *Meter // by caller of the admin API
}

// Caller counts a request of a user, or of a client that none uses, which costs so much. A domain.WaitError if there were too many.
func (l *Limits) Caller(username, clientID string, cost int, now time.Time) error {
	switch {
	case l == nil:
		return nil
	case username != "":
		return l.Users.Spend(Name{Who: username}, cost, now)
	}
	return l.Clients.Spend(Name{Who: clientID}, cost, now)
}

// New makes them. refused is called with the kind of each refusal.
func New(rates Rates, shared Shared, now func() time.Time, refused func(kind string)) *Limits {
	meter := func(kind string, perSecond int) *Meter {
		m := NewMeter(perSecond)
		if m != nil {
			m.Refused = func() { refused(kind) }
		}
		return m
	}
	return &Limits{
		Failures: newFailures(rates.FailuresPerAddress, shared, now, func() { refused(KindFailures) }),
		Pages:    meter(KindPages, rates.PagesPerAddress),
		Clients:  meter(KindClient, rates.RequestsPerClient),
		Users:    meter(KindUser, rates.RequestsPerUser),
		Admin:    meter(KindAdmin, rates.AdminRequests),
	}
}
