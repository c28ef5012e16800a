package storetest

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/store"
)

// losing is a world in which the role writer gives orders:read and orders:write to alice by a group, to bob, who has orders:read as a
// clerk too, to carol, who is in that group and a writer besides, and to the client.
type losing struct {
	world
	writer, bob, carol int64
}

func makeLosing(t *testing.T, db *store.DB) (l losing) {
	t.Helper()
	ctx := t.Context()
	l.world = makeWorld(t, db)
	l.writer = must(db.InsertRole(ctx, domain.Role{Name: "writer", CreatedAt: t0, UpdatedAt: t0, Permissions: writing}))(t)
	l.bob = must(db.InsertUser(ctx, domain.User{Subject: "sub-bob", Username: "bob", CreatedAt: t0, UpdatedAt: t0}))(t)
	l.carol = must(db.InsertUser(ctx, domain.User{Subject: "sub-carol", Username: "carol", CreatedAt: t0, UpdatedAt: t0}))(t)
	check(t, db.AddMember(ctx, "ops", "alice"))
	check(t, db.AddMember(ctx, "ops", "carol"))
	for _, a := range []domain.Assignment{
		{Role: "writer", SubjectKind: domain.SubjectGroup, Subject: "ops"}, {Role: "writer", SubjectKind: domain.SubjectUser, Subject: "bob"},
		{Role: "writer", SubjectKind: domain.SubjectUser, Subject: "carol", ExpiresAt: t0.Add(time.Hour)},
		{Role: "clerk", SubjectKind: domain.SubjectUser, Subject: "bob"}, {Role: "writer", SubjectKind: domain.SubjectClient, Subject: "shop"},
	} {
		a.CreatedAt = t0
		check(t, db.PutAssignment(ctx, a))
	}
	return l
}

var writing = []domain.RolePermission{{Audience: audience, Permission: "orders:read"}, {Audience: audience, Permission: "orders:write"}}

// granted is a token of a grant with these scopes.
func (l losing) granted(t *testing.T, db *store.DB, n int, user int64, scopes ...string) domain.IssuedToken {
	t.Helper()
	token := l.issued(n, 1)[0]
	token.UserID = user
	token.GrantID = must(db.InsertGrant(t.Context(), domain.Grant{
		ClientID: l.client, UserID: user, APIs: []domain.GrantAPI{{Audience: audience, Scopes: scopes}}, AuthTime: t0, CreatedAt: t0, ExpiresAt: t0.Add(time.Hour),
	}))(t)
	return token
}

// lostIDs are all tokens that carry what is lost, found a few at a time.
func lostIDs(t *testing.T, db *store.DB, lost []domain.LostAccess) (ids []domain.TokenID) {
	t.Helper()
	for place, done := (domain.LostPlace{}), false; !done; {
		refs, next, end, err := db.LostTokens(t.Context(), lost, place, 10, t0)
		check(t, err)
		for _, ref := range refs {
			ids = append(ids, ref.ID)
		}
		place, done = next, end
	}
	slices.SortFunc(ids, func(a, b domain.TokenID) int { return slices.Compare(a[:], b[:]) })
	return ids
}

var lostTests = map[string]func(*testing.T, *store.DB){
	"who has it by another role does not lose it": func(t *testing.T, db *store.DB) {
		l := makeLosing(t, db)
		lost, held, err := db.LostAccess(t.Context(), domain.Removal{RoleID: l.writer, Role: "writer", Held: true}, 10, t0)
		check(t, err)
		same(t, held, domain.Holders{Users: 3, Groups: 1, Clients: 1})
		same(t, lost, []domain.LostAccess{
			{APIID: l.api, Audience: audience, Permissions: []string{"orders:read", "orders:write"}, Roles: []string{"writer"}, Users: []int64{l.user, l.carol}, Clients: []int64{l.client}},
			{APIID: l.api, Audience: audience, Permissions: []string{"orders:write"}, Roles: []string{"writer"}, Users: []int64{l.bob}},
		})
	},
	"an update takes only what it names, and the role's name where nothing is left": func(t *testing.T, db *store.DB) {
		l := makeLosing(t, db)
		lost, _, err := db.LostAccess(t.Context(), domain.Removal{RoleID: l.writer, Role: "writer", Permissions: writing[:1]}, 10, t0)
		check(t, err)
		same(t, lost, []domain.LostAccess{
			{APIID: l.api, Audience: audience, Permissions: []string{"orders:read"}, Users: []int64{l.user, l.carol}, Clients: []int64{l.client}},
		})
		lost, _, err = db.LostAccess(t.Context(), domain.Removal{RoleID: l.role, Role: "clerk", Permissions: writing[:1]}, 10, t0)
		check(t, err)
		same(t, lost, []domain.LostAccess{{APIID: l.api, Audience: audience, Roles: []string{"clerk"}, Users: []int64{l.bob}}})
	},
	"unassigned from a group, a role stays with who holds it besides, until that ends": func(t *testing.T, db *store.DB) {
		l := makeLosing(t, db)
		removal := domain.Removal{RoleID: l.writer, Role: "writer", Held: true, SubjectKind: domain.SubjectGroup, SubjectID: l.group}
		lost, held, err := db.LostAccess(t.Context(), removal, 10, t0)
		check(t, err)
		same(t, held, domain.Holders{Users: 2, Groups: 1})
		same(t, lost[0].Users, []int64{l.user})
		lost, _, err = db.LostAccess(t.Context(), removal, 10, t0.Add(time.Hour))
		check(t, err)
		same(t, lost[0].Users, []int64{l.user, l.carol})
	},
	"more holders than are looked at are said to be more": func(t *testing.T, db *store.DB) {
		l := makeLosing(t, db)
		lost, held, err := db.LostAccess(t.Context(), domain.Removal{RoleID: l.writer, Role: "writer", Permissions: writing}, 2, t0)
		check(t, err)
		same(t, held, domain.Holders{Users: 2, Groups: 1, Clients: 1, More: true})
		same(t, len(lost), 2)
	},
	"APIs whose tokens name all roles lose the name of one that is not held any more": func(t *testing.T, db *store.DB) {
		l := makeLosing(t, db)
		all := must(db.InsertAPI(t.Context(), domain.API{
			Audience: "https://all.example", SigningAlg: domain.ES256, Memberships: domain.MembershipsAll, CreatedAt: t0, UpdatedAt: t0,
		}))(t)
		removal := domain.Removal{RoleID: l.role, Role: "clerk", Held: true, SubjectKind: domain.SubjectUser, SubjectID: l.bob}
		lost, _, err := db.LostAccess(t.Context(), removal, 10, t0)
		check(t, err)
		same(t, lost, []domain.LostAccess{
			{APIID: all, Audience: "https://all.example", Roles: []string{"clerk"}, Users: []int64{l.bob}},
			{APIID: l.api, Audience: audience, Roles: []string{"clerk"}, Users: []int64{l.bob}},
		})
	},
	"just the tokens that carry it are revoked, those issued until then": func(t *testing.T, db *store.DB) {
		l := makeLosing(t, db)
		w := l.world
		own := w.issued(10, 25)
		of := w.issued(50, 1)[0] // of the client for somebody else
		of.UserID = 999
		dead := l.granted(t, db, 9, l.user, "orders:read")
		dead.ExpiresAt = t0
		carried := []domain.IssuedToken{l.granted(t, db, 1, l.user, "openid", "orders:read"), l.granted(t, db, 2, l.bob, "orders:write")}
		for i := range 12 { // more than are found at a time
			again := carried[1]
			again.ID = tokenID(100 + i)
			carried = append(carried, again)
		}
		kept := []domain.IssuedToken{l.granted(t, db, 3, l.user, "openid"), l.granted(t, db, 4, l.bob, "orders:read"), of, dead}
		indexed(t, db, slices.Concat(carried, own, kept)...)
		removal := domain.Removal{RoleID: l.writer, Role: "writer", Permissions: writing}
		lost, _, err := db.LostAccess(t.Context(), removal, 10, t0)
		check(t, err)
		for i := range lost {
			lost[i].Roles = nil // the tokens name no roles
		}
		r := must(db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfRole, TargetID: l.writer, KeepGrants: true, CreatedAt: t0, Lost: lost}))(t)
		same(t, must(db.OpenRevocations(t.Context()))(t)[0].Lost, lost)
		later := l.granted(t, db, 200, l.user, "orders:read")
		indexed(t, db, later)
		same(t, r.CoversClaims(findToken(t, db, carried[0]), []string{"orders:read"}, nil, nil), true)
		same(t, r.CoversClaims(findToken(t, db, carried[0]), nil, nil, nil), false)
		same(t, r.CoversClaims(findToken(t, db, later), []string{"orders:read"}, nil, nil), false)
		same(t, r.CoversClaims(findToken(t, db, of), []string{"orders:read"}, nil, nil), false)
		_, err = db.StepRevocation(t.Context(), r.ID, 10, t0)
		check(t, err)
		done := must(stepToEnd(t.Context(), db, r.ID, 10))(t)
		same(t, done.Marked, int64(len(carried)+len(own)))
		for _, token := range slices.Concat(kept, []domain.IssuedToken{later}) {
			same(t, findToken(t, db, token).RevokedAt.IsZero(), true)
		}
		same(t, lostIDs(t, db, lost), []domain.TokenID{later.ID})
	},
	"tokens that name the role are found by what lets them": func(t *testing.T, db *store.DB) {
		l := makeLosing(t, db)
		named, unnamed := l.granted(t, db, 1, l.user, "roles"), l.granted(t, db, 2, l.user, "openid")
		indexed(t, db, named, unnamed)
		lost := []domain.LostAccess{{APIID: l.api, Audience: audience, Roles: []string{"writer"}, Users: []int64{l.user}}}
		same(t, lostIDs(t, db, lost), []domain.TokenID{named.ID})
		check(t, db.UpdateClient(t.Context(), domain.Client{ClientID: "shop", FirstParty: true, IDTokenAlg: domain.ES256, UpdatedAt: t0}))
		same(t, lostIDs(t, db, lost), []domain.TokenID{named.ID, unnamed.ID})
	},
	"who leaves a group loses what comes with it alone, and its name": func(t *testing.T, db *store.DB) {
		l := makeLosing(t, db)
		all := must(db.InsertAPI(t.Context(), domain.API{
			Audience: "https://all.example", SigningAlg: domain.ES256, Memberships: domain.MembershipsAll, GroupNames: domain.GroupsBySlashName, CreatedAt: t0, UpdatedAt: t0,
		}))(t)
		check(t, db.PutAssignment(t.Context(), domain.Assignment{Role: "clerk", SubjectKind: domain.SubjectGroup, Subject: "ops", CreatedAt: t0}))
		both := []string{"orders:read", "orders:write"}
		lost, held, err := db.LostAccess(t.Context(), domain.Removal{
			GroupID: l.group, Group: "ops", Held: true, SubjectKind: domain.SubjectUser, SubjectID: l.user}, 10, t0)
		check(t, err)
		same(t, held, domain.Holders{Users: 1})
		same(t, lost, []domain.LostAccess{
			{APIID: all, Audience: "https://all.example", Roles: []string{"clerk", "writer"}, Groups: []string{"/ops"}, Users: []int64{l.user}},
			{APIID: l.api, Audience: audience, Permissions: both, Roles: []string{"clerk", "writer"}, Groups: []string{"ops"}, Users: []int64{l.user}},
		})
		lost, held, err = db.LostAccess(t.Context(), domain.Removal{GroupID: l.group, Group: "ops", Held: true}, 10, t0)
		check(t, err)
		same(t, held, domain.Holders{Users: 2, Groups: 1})
		same(t, lost, []domain.LostAccess{ // carol stays a writer
			{APIID: all, Audience: "https://all.example", Roles: []string{"clerk"}, Groups: []string{"/ops"}, Users: []int64{l.carol}},
			{APIID: all, Audience: "https://all.example", Roles: []string{"clerk", "writer"}, Groups: []string{"/ops"}, Users: []int64{l.user}},
			{APIID: l.api, Audience: audience, Permissions: both, Roles: []string{"clerk", "writer"}, Groups: []string{"ops"}, Users: []int64{l.user}},
			{APIID: l.api, Audience: audience, Roles: []string{"clerk"}, Groups: []string{"ops"}, Users: []int64{l.carol}},
		})
		lost, held, err = db.LostAccess(t.Context(), domain.Removal{
			GroupID: l.group, Group: "ops", Held: true, SubjectKind: domain.SubjectUser, SubjectID: l.bob}, 10, t0)
		check(t, err) // who is no member
		same(t, held, domain.Holders{})
		same(t, len(lost), 0)
	},
	"an earlier end of an assignment concerns the tokens that outlive it": func(t *testing.T, db *store.DB) {
		l := makeLosing(t, db)
		end := t0.Add(30 * time.Minute)
		removal := domain.Removal{RoleID: l.writer, Role: "writer", Held: true, SubjectKind: domain.SubjectUser, SubjectID: l.bob, After: end}
		short, long := l.granted(t, db, 1, l.bob, "orders:write"), l.granted(t, db, 2, l.bob, "orders:write")
		short.ExpiresAt, long.ExpiresAt = end, end.Add(time.Second)
		indexed(t, db, short, long)
		lost, _, err := db.LostAccess(t.Context(), removal, 10, t0)
		check(t, err)
		same(t, lost, []domain.LostAccess{
			{APIID: l.api, Audience: audience, Permissions: []string{"orders:write"}, Roles: []string{"writer"}, Users: []int64{l.bob}, After: end},
		})
		same(t, lostIDs(t, db, lost), []domain.TokenID{long.ID})
		r := must(db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfRole, TargetID: l.writer, KeepGrants: true, CreatedAt: t0, Lost: lost}))(t)
		same(t, must(db.OpenRevocations(t.Context()))(t)[0].Lost, lost)
		same(t, r.CoversClaims(findToken(t, db, short), []string{"orders:write"}, nil, nil), false)
		same(t, r.CoversClaims(findToken(t, db, long), []string{"orders:write"}, nil, nil), true)
		removal.SubjectID, removal.After = l.carol, t0.Add(time.Hour)
		lost, _, err = db.LostAccess(t.Context(), removal, 10, t0)
		check(t, err) // it ends then as it is
		same(t, len(lost), 0)
	},
	"a group that tokens name is found by what lets them, and by claims": func(t *testing.T, db *store.DB) {
		l := makeLosing(t, db)
		named, unnamed := l.granted(t, db, 1, l.user, "groups"), l.granted(t, db, 2, l.user, "roles")
		indexed(t, db, named, unnamed)
		lost := []domain.LostAccess{{APIID: l.api, Audience: audience, Groups: []string{"ops"}, Users: []int64{l.user}}}
		same(t, lostIDs(t, db, lost), []domain.TokenID{named.ID})
		r := must(db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfGroup, TargetID: l.group, KeepGrants: true, CreatedAt: t0, Lost: lost}))(t)
		same(t, must(db.FindRevocation(t.Context(), r.ID))(t).Name, "ops")
		same(t, r.CoversClaims(findToken(t, db, named), nil, nil, []string{"all", "ops"}), true)
		same(t, r.CoversClaims(findToken(t, db, named), nil, []string{"ops"}, nil), false)
		same(t, must(stepToEnd(t.Context(), db, r.ID, 10))(t).Marked, int64(1))
		same(t, findToken(t, db, unnamed).RevokedAt.IsZero(), true)
	},
	"APIs with mappings of roles or groups are found": func(t *testing.T, db *store.DB) {
		for audience, expression := range map[string]string{"https://a.example": "roles", "https://b.example": "user.name", "https://c.example": "groups[0]"} {
			must(db.InsertAPI(t.Context(), domain.API{
				Audience: audience, SigningAlg: domain.ES256, ClaimMappings: []domain.ClaimMapping{{Claim: "c", Expression: expression}}, CreatedAt: t0, UpdatedAt: t0,
			}))(t)
		}
		same(t, must(db.MappedAPIs(t.Context(), 10))(t), []string{"https://a.example", "https://c.example"})
	},
	"a revocation keeps no more than is read at once": func(t *testing.T, db *store.DB) {
		many := make([]int64, 6<<20)
		for i := range many {
			many[i] = int64(i + 1)
		}
		_, err := db.InsertRevocation(t.Context(), domain.Revocation{Kind: domain.RevokeOfRole, TargetID: 1, Lost: []domain.LostAccess{{APIID: 1, Users: many}}})
		wantErr(t, err, domain.ErrTooManyHolders)
		r, err := db.InsertRevocation(context.WithoutCancel(t.Context()), domain.Revocation{Kind: domain.RevokeOfRole, TargetID: 1, Lost: []domain.LostAccess{{APIID: 1, Users: many[:100_000]}}})
		check(t, err)
		same(t, len(must(db.FindRevocation(t.Context(), r.ID))(t).Lost[0].Users), 100_000)
	},
}
