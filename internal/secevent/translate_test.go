package secevent

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
)

func TestTheAuditLogSaysWhomASecurityEventIsAbout(t *testing.T) {
	const revoked, changed = domain.EventSessionRevoked, domain.EventTokenClaimsChange
	for _, c := range []struct {
		action, target, details string
		event                   string // empty: none
		about                   []target
	}{
		{"token.revoke", "token:J", `{"aud":"https://a"}`, revoked, []target{{kind: theToken, name: "J", audience: "https://a"}}},
		{"token.revoke", "token:J", `{}`, "", nil},
		{"token.revoke_all", "user:7", `{}`, revoked, []target{{kind: theUserID, name: "7"}}},
		{"token.revoke_all", "client:8", `{}`, revoked, []target{{kind: theClientID, name: "8"}}},
		{"token.revoke_all", "api:9", `{}`, revoked, []target{{kind: theAPIID, name: "9"}}},
		{"token.revoke_all", "key:4", `{}`, revoked, []target{{kind: theKeyID, name: "4"}}},
		{"token.revoke_all", "all:0", `{}`, revoked, []target{{kind: everything}}},
		{"token.revoke_all", "robot:1", `{}`, "", nil},
		{"key.revoke", "key:K", `{}`, revoked, []target{{kind: theKey, name: "K"}}},
		{"grant.revoke", "grant:5", `{"tokens":2}`, revoked, []target{{kind: theGrant, name: "5"}}},
		{"session.end", "session:ab", `{"user_id":3}`, revoked, []target{{kind: theUserID, name: "3"}}},
		{"session.end", "session:ab", `{}`, "", nil},
		{"user.disable", "user:alice", `{"sub":"usr_1"}`, revoked, []target{{kind: theUser, name: "alice", subject: "usr_1"}}},
		{"user.disable", "user:alice", `{}`, revoked, []target{{kind: theUser, name: "alice"}}},
		{"user.delete", "user:alice", `{"sub":"usr_1"}`, revoked, []target{{kind: theUser, name: "alice", subject: "usr_1"}}},
		{"user.set_password", "user:alice", `{"sub":"usr_1"}`, revoked, []target{{kind: theUser, name: "alice", subject: "usr_1"}}},
		{"client.disable", "client:shop", `{}`, revoked, []target{{kind: theClient, name: "shop"}}},
		{"client.delete", "client:shop", `{}`, revoked, []target{{kind: theClient, name: "shop"}}},
		{"role.assign", "role:clerk", `{"subject":"user:alice"}`, changed, []target{{kind: theUser, name: "alice"}}},
		{"role.unassign", "role:clerk", `{"subject":"client:shop"}`, changed, []target{{kind: theClient, name: "shop"}}},
		{"role.assign", "role:clerk", `{"subject":"group:ops"}`, changed, []target{{kind: theMembers, name: "ops"}}},
		{"role.assign", "role:clerk", `{"subject":"robot:x"}`, "", nil},
		{"role.update", "role:clerk", `{"permissions":[]}`, changed, []target{{kind: theHolders, name: "clerk"}}},
		{"role.delete", "role:clerk", `{"subjects":["user:a","group:g"]}`, changed, []target{{kind: theUser, name: "a"}, {kind: theMembers, name: "g"}}},
		{"role.delete", "role:clerk", `{"subjects":[]}`, "", nil},
		{"group.add_member", "group:ops", `{"user":"alice"}`, changed, []target{{kind: theUser, name: "alice"}}},
		{"group.remove_member", "group:ops", `{"user":"alice"}`, changed, []target{{kind: theUser, name: "alice"}}},
		{"group.delete", "group:ops", `{"subjects":["user:alice"]}`, changed, []target{{kind: theUser, name: "alice"}}},
		{"user.disable", "user", `not JSON`, "", nil},
		{"role.create", "role:clerk", `{}`, "", nil},
		{"user.enable", "user:alice", `{"sub":"usr_1"}`, "", nil},
		{"session.start", "session:ab", `{"user_id":3}`, "", nil},
		{"receiver.refuse", "receiver:shop", `{}`, "", nil},
	} {
		got, ok := translate(domain.Event{Action: c.action, Target: c.target, Details: c.details})
		if ok != (c.event != "") || ok && got.event != c.event {
			t.Errorf("%s of %s %s is %q, %t; want %q", c.action, c.target, c.details, got.event, ok, c.event)
		}
		if diff := cmp.Diff(c.about, got.about, cmp.AllowUnexported(target{})); ok && diff != "" {
			t.Errorf("%s of %s %s is about (-want +got)\n%s", c.action, c.target, c.details, diff)
		}
	}
}

func TestTheInitiatorIsAUserOnlyInTheUsersOwnAffairs(t *testing.T) {
	for _, c := range []struct{ actor, username, want string }{
		{"user:alice", "alice", "user"}, {"user:root", "alice", "admin"}, {"user:root", "", "admin"},
		{"os:root", "alice", "admin"}, {"os:0", "", "admin"}, {"system", "alice", "system"}, {"client:shop", "", "system"},
	} {
		if got := initiator(c.actor, c.username); got != c.want {
			t.Errorf("%s acting on %q is %s, want %s", c.actor, c.username, got, c.want)
		}
	}
}

func TestEndpointsReachOnlyWhatTheyAreRegisteredFor(t *testing.T) {
	for address, allowed := range map[string][]reach{
		"93.184.216.34":          {reachPublic, reachPrivate},
		"2606:2800:220:1::1":     {reachPublic, reachPrivate},
		"10.0.0.1":               {reachPrivate},
		"192.168.1.1":            {reachPrivate},
		"100.64.0.1":             {reachPrivate},
		"fd00::1":                {reachPrivate},
		"::ffff:10.0.0.1":        {reachPrivate},
		"64:ff9b::a00:1":         {reachPrivate},
		"127.0.0.1":              {reachLoopback, reachPrivate},
		"::1":                    {reachLoopback, reachPrivate},
		"::ffff:127.0.0.1":       {reachLoopback, reachPrivate},
		"169.254.169.254":        {},
		"::ffff:169.254.169.254": {},
		"fe80::1%eth0":           {},
		"0.0.0.0":                {},
		"::":                     {},
		"224.0.0.1":              {},
		"255.255.255.255":        {},
	} {
		for _, r := range []reach{reachPublic, reachLoopback, reachPrivate} {
			want := false
			for _, a := range allowed {
				want = want || a == r
			}
			if got := r.allows(netip.MustParseAddr(address)); got != want {
				t.Errorf("reach %d to %s: %t, want %t", r, address, got, want)
			}
		}
	}
	for endpoint, want := range map[string]reach{
		"https://a.example/e": reachPublic, "http://127.0.0.1:1/e": reachLoopback, "http://[::1]/e": reachLoopback, "https://localhost/": reachLoopback,
	} {
		if got := reachOf(domain.Receiver{Endpoint: endpoint}); got != want {
			t.Errorf("%s has reach %d, want %d", endpoint, got, want)
		}
		if got := reachOf(domain.Receiver{Endpoint: endpoint, AllowPrivate: true}); got != reachPrivate {
			t.Errorf("%s with --allow-private has reach %d", endpoint, got)
		}
	}
}

func TestItemsOfOneEventHaveDifferentKeys(t *testing.T) {
	items := map[string]item{}
	for _, i := range []struct {
		id       subjectID
		audience string
	}{
		{id: subjectID{Format: "f"}},
		{id: subjectID{Format: "f", Subject: "x"}},
		{id: subjectID{Format: "f", TokenID: "x"}},
		{id: subjectID{Format: "f", URI: "x"}},
		{id: subjectID{Format: "f", ID: "x"}},
		{id: subjectID{Format: "f"}, audience: "x"},
		{id: subjectID{Format: "f", URI: "y"}},
		{id: subjectID{Format: "f", ID: "y"}},
		{id: subjectID{Format: "g", ID: "y"}},
	} {
		made := newItem(domain.Event{Seq: 1}, statement{}, subject{id: i.id}, i.audience)
		if other, taken := items[made.key]; taken {
			t.Errorf("%+v for %q has the key of %+v for %q", i.id, i.audience, other.subject.id, other.audience)
		}
		items[made.key] = made
	}
}

func TestProgressKeepsWhatIsAcknowledgedOutOfOrder(t *testing.T) {
	items := []item{{seq: 3, key: "3.a"}, {seq: 5, key: "5.a"}, {seq: 5, key: "5.b"}, {seq: 9, key: "9.a"}}
	w := window{items: items, through: 12}
	for _, step := range []struct {
		done int
		want domain.Progress
	}{
		{2, domain.Progress{Acked: 2, Beyond: []string{"5.b"}}},
		{0, domain.Progress{Acked: 4, Beyond: []string{"5.b"}}},
		{3, domain.Progress{Acked: 4, Beyond: []string{"5.b", "9.a"}}},
		{1, domain.Progress{Acked: 12}},
	} {
		w.receiver.Progress = w.settled(items[step.done])
		if diff := cmp.Diff(step.want, w.receiver.Progress); diff != "" {
			t.Errorf("after %s (-want +got)\n%s", items[step.done].key, diff)
		}
	}
}
