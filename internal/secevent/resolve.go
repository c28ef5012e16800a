package secevent

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/domain"
)

// maxSubjects is how many subjects one audit event is told of at most; their own tokens catch up with the rest, as they expire.
const maxSubjects = 500

// subject is somebody, or a token, that a security event is about.
type subject struct {
	id       subjectID
	who      directory.Subject // whose claims change; zero for a token
	username string            // empty: no user
	audience string            // only receivers that serve it; empty: any
}

// subjectID is a subject identifier of the formats iss_sub, opaque and uri (RFC 9493 §3.2) and jwt_id (Shared Signals
// Framework 1.0 §3.4.1). A signing key is opaque; an API is the URI of its audience, and all there is that of the issuer.
type subjectID struct {
	Format  string `json:"format"`
	Issuer  string `json:"iss,omitempty"`
	Subject string `json:"sub,omitempty"`
	TokenID string `json:"jti,omitempty"`
	URI     string `json:"uri,omitempty"`
	ID      string `json:"id,omitempty"`
}

// resolve finds the subjects of a statement, each once; of APIs only those that are served. What is not there any more has an
// event of its own, or no tokens. complete is false if there are more than maxSubjects.
func (s *Service) resolve(ctx context.Context, about []target, serves []string) (found []subject, complete bool, err error) {
	g := gathering{service: s, serves: serves, seen: map[subjectID]bool{}}
	for _, t := range about {
		if err := g.add(ctx, t); err != nil && !errors.Is(err, domain.ErrNotFound) {
			return nil, false, fmt.Errorf("find %s %q: %w", t.kind, t.name, err)
		}
	}
	return g.subjects, !g.cut, nil
}

type gathering struct {
	service  *Service
	serves   []string // audiences
	subjects []subject
	seen     map[subjectID]bool
	cut      bool
}

func (g *gathering) put(one subject) {
	if g.seen[one.id] {
		return
	}
	if len(g.subjects) == maxSubjects {
		g.cut = true
		return
	}
	g.seen[one.id] = true
	g.subjects = append(g.subjects, one)
}

func (g *gathering) putUser(user domain.User, audience string) {
	g.put(subject{
		id:       subjectID{Format: "iss_sub", Issuer: g.service.Issuer, Subject: user.Subject},
		who:      directory.Subject{Kind: domain.SubjectUser, ID: user.ID},
		username: user.Username, audience: audience,
	})
}

func (g *gathering) putClient(clientID string) {
	g.put(subject{
		id:  subjectID{Format: "iss_sub", Issuer: g.service.Issuer, Subject: clientID},
		who: directory.Subject{Kind: domain.SubjectClient, Name: clientID},
	})
}

func (g *gathering) putKey(kid string) { g.put(subject{id: subjectID{Format: "opaque", ID: kid}}) }

func (g *gathering) add(ctx context.Context, t target) error {
	store := g.service.Store
	switch t.kind {
	case theToken:
		g.put(subject{id: subjectID{Format: "jwt_id", Issuer: g.service.Issuer, TokenID: t.name}, audience: t.audience})
		return nil
	case theUser:
		if t.subject != "" {
			g.putUser(domain.User{Subject: t.subject, Username: t.name}, "")
			return nil
		}
		user, err := store.FindUser(ctx, t.name)
		if err == nil {
			g.putUser(user, "")
		}
		return err
	case theClient:
		g.putClient(t.name)
		return nil
	case theKey:
		g.putKey(t.name)
		return nil
	case everything:
		g.put(subject{id: subjectID{Format: "uri", URI: g.service.Issuer}})
		return nil
	case theMembers:
		return g.addMembers(ctx, t.name)
	case theHolders:
		return g.addHolders(ctx, t.name)
	}
	id, err := strconv.ParseInt(t.name, 10, 64)
	if err != nil {
		return domain.ErrNotFound
	}
	return g.addByID(ctx, t.kind, id)
}

func (g *gathering) addByID(ctx context.Context, kind targetKind, id int64) error {
	store := g.service.Store
	var audience string
	switch kind {
	case theAPIID:
		return g.addAPI(ctx, id)
	case theKeyID:
		return g.addKey(ctx, id)
	case theClientID:
		clientID, err := store.FindClientID(ctx, id)
		if err == nil {
			g.putClient(clientID)
		}
		return err
	case theGrant:
		grant, err := store.FindGrant(ctx, id)
		if err != nil {
			return err
		}
		id, audience = grant.UserID, grant.Audience
	}
	user, err := store.FindUserByID(ctx, id)
	if err == nil {
		g.putUser(user, audience)
	}
	return err
}

func (g *gathering) addAPI(ctx context.Context, id int64) error {
	for _, audience := range g.serves {
		api, err := g.service.Registry.LookupAPI(ctx, audience)
		switch {
		case errors.Is(err, domain.ErrNotFound): // deleted meanwhile
		case err != nil:
			return err
		case api.ID == id:
			g.put(subject{id: subjectID{Format: "uri", URI: audience}, audience: audience})
		}
	}
	return nil
}

func (g *gathering) addKey(ctx context.Context, id int64) error {
	stored, err := g.service.Keys.List(ctx)
	for _, k := range stored {
		if k.ID == id {
			g.putKey(k.KID)
		}
	}
	return err
}

const pageSize = 200

func (g *gathering) addMembers(ctx context.Context, group string) error {
	for after := ""; !g.cut; {
		users, err := g.service.Store.ListMembers(ctx, group, after, pageSize)
		if err != nil {
			return err
		}
		for _, user := range users {
			g.putUser(user, "")
		}
		if len(users) < pageSize {
			return nil
		}
		after = users[pageSize-1].Username
	}
	return nil
}

func (g *gathering) addHolders(ctx context.Context, role string) error {
	for after := int64(0); !g.cut; {
		assignments, err := g.service.Store.ListAssignments(ctx, role, "", "", after, pageSize)
		if err != nil {
			return err
		}
		for _, a := range assignments {
			for _, t := range subjects(string(a.SubjectKind) + ":" + a.Subject) {
				if err := g.add(ctx, t); err != nil && !errors.Is(err, domain.ErrNotFound) {
					return err
				}
			}
		}
		if len(assignments) < pageSize {
			return nil
		}
		after = assignments[pageSize-1].ID
	}
	return nil
}
