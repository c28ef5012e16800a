package secevent

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/signet-auth/signet/internal/domain"
)

// statement is what an event of the audit log says to receivers.
type statement struct {
	event  string // one of domain.SecurityEvents
	reason string // for the receiver's log
	about  []target
}

// target names whom a statement is about, in the words of the audit log.
type target struct {
	kind     targetKind
	name     string
	subject  string // of a user, if the log knows it: a deleted user has left it nowhere else
	audience string // only receivers that serve it; empty: any
}

type targetKind string

const (
	theToken    targetKind = "token"     // name is the jti
	theGrant    targetKind = "grant"     // database id
	theUser     targetKind = "user"      // username
	theUserID   targetKind = "user id"   // database id
	theClient   targetKind = "client"    // client_id
	theClientID targetKind = "client id" // database id
	theMembers  targetKind = "group"     // of a group: its name
	theHolders  targetKind = "role"      // of a role: its name
	theAPIID    targetKind = "API id"    // database id
	theKey      targetKind = "key"       // kid
	theKeyID    targetKind = "key id"    // database id
	everything  targetKind = "all"
)

// recorded is what the details of audit events say about subjects.
type recorded struct {
	Subject  string   `json:"sub"`
	Audience string   `json:"aud"`
	UserID   int64    `json:"user_id"`
	User     string   `json:"user"`     // username
	Assignee string   `json:"subject"`  // "user:alice", "group:ops", "client:reporting"
	Former   []string `json:"subjects"` // the same, of those who had what was deleted
	Before   string   `json:"issued_before"`
}

type rule struct {
	event  string
	reason string
	about  func(name string, r recorded) []target
}

// rules say which actions of the audit log are security events, and about whom. name is what follows the colon of a target.
var rules = map[string]rule{
	"token.revoke":        {domain.EventSessionRevoked, "The token was revoked.", aboutToken},
	"token.revoke_all":    {domain.EventSessionRevoked, "All tokens of the subject were revoked.", nil}, // see translate
	"key.revoke":          {domain.EventSessionRevoked, "A signing key was revoked, and all tokens that it signed.", aboutKey},
	"grant.revoke":        {domain.EventSessionRevoked, "What the user had granted to a client was revoked.", aboutGrant},
	"session.end":         {domain.EventSessionRevoked, "The user's session was ended.", aboutUserID},
	"user.disable":        {domain.EventSessionRevoked, "The user was disabled.", aboutUser},
	"user.delete":         {domain.EventSessionRevoked, "The user was deleted.", aboutUser},
	"user.set_password":   {domain.EventSessionRevoked, "The user's password was set anew.", aboutUser},
	"client.disable":      {domain.EventSessionRevoked, "The client was disabled.", aboutClient},
	"client.delete":       {domain.EventSessionRevoked, "The client was deleted.", aboutClient},
	"role.assign":         {domain.EventTokenClaimsChange, "A role was assigned.", aboutAssignee},
	"role.unassign":       {domain.EventTokenClaimsChange, "A role was taken away.", aboutAssignee},
	"role.update":         {domain.EventTokenClaimsChange, "A role was changed.", aboutHolders},
	"role.delete":         {domain.EventTokenClaimsChange, "A role was deleted.", aboutFormer},
	"group.add_member":    {domain.EventTokenClaimsChange, "The user was put into a group.", aboutMember},
	"group.remove_member": {domain.EventTokenClaimsChange, "The user was taken out of a group.", aboutMember},
	"group.delete":        {domain.EventTokenClaimsChange, "A group was deleted.", aboutFormer},
}

// translate says what an audit event means to receivers; most mean nothing.
func translate(e domain.Event) (statement, bool) {
	rule, ok := rules[e.Action]
	if !ok {
		return statement{}, false
	}
	var r recorded
	if err := json.Unmarshal([]byte(e.Details), &r); err != nil {
		r = recorded{} // written by another version: what the target says is left
	}
	kind, name, _ := strings.Cut(e.Target, ":")
	about := rule.about
	if about == nil {
		about = aboutAllOf[kind]
	}
	if about == nil || name == "" {
		return statement{}, false
	}
	s := statement{event: rule.event, reason: rule.reason, about: about(name, r)}
	if r.Before != "" {
		s.reason += " Only those issued before " + r.Before + "."
	}
	return s, len(s.about) > 0
}

// aboutAllOf says what the targets of "token.revoke_all" stand for, by what precedes the colon.
var aboutAllOf = map[string]func(name string, r recorded) []target{
	"user":   func(id string, _ recorded) []target { return []target{{kind: theUserID, name: id}} },
	"client": func(id string, _ recorded) []target { return []target{{kind: theClientID, name: id}} },
	"api":    func(id string, _ recorded) []target { return []target{{kind: theAPIID, name: id}} },
	"key":    func(id string, _ recorded) []target { return []target{{kind: theKeyID, name: id}} },
	"all":    func(string, recorded) []target { return []target{{kind: everything}} },
}

func aboutToken(jti string, r recorded) []target {
	if r.Audience == "" {
		return nil
	}
	return []target{{kind: theToken, name: jti, audience: r.Audience}}
}

func aboutKey(kid string, _ recorded) []target { return []target{{kind: theKey, name: kid}} }

func aboutGrant(id string, _ recorded) []target { return []target{{kind: theGrant, name: id}} }

func aboutUser(username string, r recorded) []target {
	return []target{{kind: theUser, name: username, subject: r.Subject}}
}

func aboutUserID(_ string, r recorded) []target {
	if r.UserID == 0 {
		return nil
	}
	return []target{{kind: theUserID, name: strconv.FormatInt(r.UserID, 10)}}
}

func aboutClient(clientID string, _ recorded) []target {
	return []target{{kind: theClient, name: clientID}}
}

func aboutMember(_ string, r recorded) []target {
	if r.User == "" {
		return nil
	}
	return []target{{kind: theUser, name: r.User}}
}

func aboutHolders(role string, _ recorded) []target {
	return []target{{kind: theHolders, name: role}}
}

func aboutAssignee(_ string, r recorded) []target { return subjects(r.Assignee) }

func aboutFormer(_ string, r recorded) []target { return subjects(r.Former...) }

// subjects reads "user:alice", "group:ops" and "client:reporting".
func subjects(named ...string) []target {
	var list []target
	for _, s := range named {
		switch kind, name, _ := strings.Cut(s, ":"); domain.SubjectKind(kind) {
		case domain.SubjectUser:
			list = append(list, target{kind: theUser, name: name})
		case domain.SubjectGroup:
			list = append(list, target{kind: theMembers, name: name})
		case domain.SubjectClient:
			list = append(list, target{kind: theClient, name: name})
		}
	}
	return list
}

// initiator is CAEP's initiating_entity: who acted, seen from the user it is about (empty: no user).
func initiator(actor, username string) string {
	kind, name, _ := strings.Cut(actor, ":")
	switch {
	case kind == "user" && name == username:
		return "user"
	case kind == "user", kind == "os":
		return "admin"
	default:
		return "system"
	}
}
