package event_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

func TestAnEventSaysWhatServicesHearAndAboutWhom(t *testing.T) {
	const revoked, changed = domain.EventSessionRevoked, domain.EventTokenClaimsChange
	type about = []domain.Concerned
	token := domain.TokenID{1}
	alice := about{{Kind: domain.ConcernsUser, ID: 3, Subject: "usr_1", Name: "alice"}}
	shop := about{{Kind: domain.ConcernsClient, Name: "shop"}}
	for _, c := range []struct {
		event event.Event
		kind  string // of the first security event; empty: none
		about about
	}{
		{event.TokenRevoked{ID: token, Audience: "https://a"}, revoked, about{{Kind: domain.ConcernsToken, Name: token.String(), Audience: "https://a"}}},
		{event.TokensRevoked{Revocation: domain.RevokeOfUser, TargetID: 7}, revoked, about{{Kind: domain.ConcernsUser, ID: 7}}},
		{event.TokensRevoked{Revocation: domain.RevokeOfClient, TargetID: 8}, revoked, about{{Kind: domain.ConcernsClient, ID: 8}}},
		{event.TokensRevoked{Revocation: domain.RevokeOfAPI, TargetID: 9}, revoked, about{{Kind: domain.ConcernsAPI, ID: 9}}},
		{event.TokensRevoked{Revocation: domain.RevokeOfKey, TargetID: 4}, revoked, about{{Kind: domain.ConcernsKey, ID: 4}}},
		{event.TokensRevoked{Revocation: domain.RevokeOfAll}, revoked, about{{Kind: domain.ConcernsAll}}},
		{event.TokensRevoked{Revocation: "robot", TargetID: 1}, "", nil},
		{event.TokensRevokedByCriteria{UserID: 7, Role: "clerk", API: "https://a"}, revoked, about{{Kind: domain.ConcernsUser, ID: 7, Audience: "https://a"}}},
		{event.TokensRevokedByCriteria{Role: "clerk", Client: "shop"}, revoked, about{{Kind: domain.ConcernsHolders, Name: "clerk", Client: "shop"}}},
		{event.TokensRevokedByCriteria{Grant: 5, UserID: 7, Suspended: true}, revoked, about{{Kind: domain.ConcernsGrant, ID: 5}}},
		{event.TokensRevokedByCriteria{API: "https://a", Client: "shop", KID: "K", Suspended: true}, "", nil},
		{event.KeyRevoked{KeyID: "K"}, revoked, about{{Kind: domain.ConcernsKey, Name: "K"}}},
		{event.GrantRevoked{ID: 5}, revoked, about{{Kind: domain.ConcernsGrant, ID: 5}}},
		{event.SessionEnded{Session: "ab", SessionID: 6, UserID: 3}, revoked, about{{Kind: domain.ConcernsSession, ID: 6, Name: "ab", UserID: 3}}},
		{event.UserDisabled{Username: "alice", Subject: "usr_1", UserID: 3}, revoked, alice},
		{event.UserDeleted{Username: "alice", Subject: "usr_1", UserID: 3}, revoked, alice},
		{event.UserPasswordSet{Username: "alice", Subject: "usr_1", UserID: 3}, revoked, alice},
		{event.CredentialRemoved{Username: "alice", Subject: "usr_1", UserID: 3, Credential: "password"}, revoked, alice},
		{event.ClientDisabled{ClientID: "shop"}, revoked, shop},
		{event.ClientDeleted{ClientID: "shop"}, revoked, shop},
		{event.ClientExpired{ClientID: "shop"}, revoked, shop},
		{event.RoleAssigned{Role: "clerk", Subject: "user:alice"}, changed, about{{Kind: domain.ConcernsUser, Name: "alice"}}},
		{event.RoleUnassigned{Role: "clerk", Subject: "client:shop"}, changed, shop},
		{event.RoleAssigned{Role: "clerk", Subject: "group:ops"}, changed, about{{Kind: domain.ConcernsMembers, Name: "ops"}}},
		{event.RoleAssigned{Role: "clerk", Subject: "robot:x"}, changed, nil},
		{event.RoleUpdated{Role: "clerk"}, changed, about{{Kind: domain.ConcernsHolders, Name: "clerk"}}},
		{event.RoleDeleted{Role: "clerk"}, changed, about{{Kind: domain.ConcernsHolders, Name: "clerk"}}},
		{event.MemberAdded{Group: "ops", User: "alice"}, changed, about{{Kind: domain.ConcernsUser, Name: "alice"}}},
		{event.MemberRemoved{Group: "ops", User: "alice"}, changed, about{{Kind: domain.ConcernsUser, Name: "alice"}}},
		{event.GroupDeleted{Group: "ops"}, changed, about{{Kind: domain.ConcernsMembers, Name: "ops"}}},
		{event.AssignmentExpired{Role: "clerk", Subject: "client:shop"}, changed, shop},
		{event.AssignmentExpired{Role: "clerk", Subject: "group:ops", TooMany: true}, changed, about{{Kind: domain.ConcernsServed}}},
		{event.ClientUpdated{ClientID: "shop", Shrunk: []string{"https://a"}}, changed, about{{Kind: domain.ConcernsClient, Name: "shop", Audience: "https://a"}}},
		{event.ClientUpdated{ClientID: "shop"}, changed, nil},
		{event.APIUpdated{Audience: "https://a", Shrunk: true}, changed, about{{Kind: domain.ConcernsAPI, Name: "https://a", Audience: "https://a"}}},
		{event.APIUpdated{Audience: "https://a"}, "", nil},
		{event.APIDeleted{Audience: "https://a"}, revoked, about{{Kind: domain.ConcernsDeletedAPI, Name: "https://a"}}},
		{event.PolicySaved{Audience: "https://a"}, domain.EventPolicyChange, about{{Kind: domain.ConcernsAPI, Name: "https://a", Audience: "https://a"}}},
		{event.PolicyRolledBack{Audience: "https://a"}, domain.EventPolicyChange, about{{Kind: domain.ConcernsAPI, Name: "https://a", Audience: "https://a"}}},
		{event.PolicyDeleted{Audience: "https://a"}, domain.EventPolicyChange, about{{Kind: domain.ConcernsAPI, Name: "https://a", Audience: "https://a"}}},
		{event.RoleCreated{Role: "clerk"}, "", nil},
		{event.UserEnabled{Username: "alice", Subject: "usr_1", UserID: 3}, domain.EventAccountEnabled, alice},
		{event.ReceiverPaused{ClientID: "shop"}, domain.EventStreamUpdated, about{{Kind: domain.ConcernsReceiver, Name: "shop"}}},
		{event.ReceiverPaused{ClientID: "shop", Own: true}, "", nil},
		{event.ReceiverResumed{ClientID: "shop"}, domain.EventStreamUpdated, about{{Kind: domain.ConcernsReceiver, Name: "shop"}}},
		{event.ReceiverResumed{ClientID: "shop", Own: true}, "", nil},
		{event.ReceiverResumed{ClientID: "shop", Retry: true}, "", nil},
		{event.ReceiverStopped{ClientID: "shop"}, "", nil},
		{event.ReceiverMissed{ClientID: "shop"}, domain.EventStreamUpdated, about{{Kind: domain.ConcernsReceiver, Name: "shop"}}},
		{event.SessionStarted{Session: "ab"}, "", nil},
		{event.SessionRenewed{Session: "ab"}, "", nil},
		{event.ReceiverRefused{ClientID: "shop"}, "", nil},
		{event.VerificationSent{ClientID: "shop"}, domain.EventVerification, about{{Kind: domain.ConcernsReceiver, Name: "shop"}}},
	} {
		var got domain.SecurityEvent
		if e, ok := c.event.(event.ForServices); ok && len(e.Signals()) > 0 {
			got = e.Signals()[0]
		}
		if got.Kind != c.kind || (got.Reason == "") != (c.kind == "") {
			t.Errorf("%s of %s is %q, want %q", c.event.Kind(), c.event.Object(), got.Kind, c.kind)
		}
		if diff := cmp.Diff(c.about, got.About); diff != "" {
			t.Errorf("%s of %s is about (-want +got)\n%s", c.event.Kind(), c.event.Object(), diff)
		}
	}
}

func TestWhatEndsAnAccountOrChangesACredentialSaysThatBeside(t *testing.T) {
	alice := domain.Concerned{Kind: domain.ConcernsUser, ID: 3, Subject: "usr_1", Name: "alice"}
	for _, c := range []struct {
		event   event.ForServices
		kind    string
		members map[string]string
	}{
		{event.UserDisabled{Username: "alice", Subject: "usr_1", UserID: 3}, domain.EventAccountDisabled, nil},
		{event.UserDeleted{Username: "alice", Subject: "usr_1", UserID: 3}, domain.EventAccountPurged, nil},
		{
			event.UserPasswordSet{Username: "alice", Subject: "usr_1", UserID: 3}, domain.EventCredentialChange,
			map[string]string{"change_type": "update", "credential_type": "password"},
		},
		{
			event.UserPasswordSet{Username: "alice", Subject: "usr_1", UserID: 3, First: true}, domain.EventCredentialChange,
			map[string]string{"change_type": "create", "credential_type": "password"},
		},
		{
			event.CredentialRemoved{Username: "alice", Subject: "usr_1", UserID: 3, Credential: domain.CredentialPassword}, domain.EventCredentialChange,
			map[string]string{"change_type": "delete", "credential_type": "password"},
		},
	} {
		all := c.event.Signals()
		if len(all) != 2 {
			t.Fatalf("%s has %d security events", c.event.Kind(), len(all))
		}
		want := domain.SecurityEvent{Kind: c.kind, Reason: all[0].Reason, Members: c.members, About: []domain.Concerned{alice}}
		if diff := cmp.Diff(want, all[1]); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.event.Kind(), diff)
		}
	}
}

func TestTheInitiatorIsAUserOnlyInTheUsersOwnAffairs(t *testing.T) {
	for _, c := range []struct {
		actor           event.Actor
		initiator, name string
	}{
		{"user:alice", "admin", "alice"}, {"os:root", "admin", ""}, {"os:0", "admin", ""}, {"system", "system", ""}, {"client:shop", "system", ""},
	} {
		var written rows
		recorder := event.NewRecorder(&written, event.NewChain(make([]byte, 32)), time.Now)
		if err := recorder.Record(event.WithActor(t.Context(), c.actor), event.UserDisabled{Username: "alice"}); err != nil {
			t.Fatal(err)
		}
		signal := written.events[0].Signals[0]
		if signal.Initiator != c.initiator || signal.ActorName != c.name {
			t.Errorf("%s is %s %q, want %s %q", c.actor, signal.Initiator, signal.ActorName, c.initiator, c.name)
		}
	}
}

func TestTheReasonOfARevocationByCriteriaSaysWhichTokensItIsOf(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for want, e := range map[string]event.TokensRevokedByCriteria{
		"Tokens of the subject were revoked.": {UserID: 7, Grant: 5},
		"Tokens of the subject were revoked. Only those of the client shop, for the API https://a, signed with the key K, " +
			"of those who hold the role clerk, issued since 2026-01-02T03:04:05Z, issued before 2026-01-02T04:04:05Z, that were suspended.": {
			UserID: 7, Client: "shop", API: "https://a", KID: "K", Role: "clerk", IssuedSince: at, IssuedBefore: at.Add(time.Hour), Suspended: true,
		},
	} {
		if got := e.Signals()[0].Reason; got != want {
			t.Errorf("the reason is %q, want %q", got, want)
		}
	}
}
