package admin

import "slices"

// Operation is what a caller may do with one permission.
type Operation struct {
	Name       string // "object.verb"
	Permission string // of urn:signet:admin
	Summary    string
}

// Permission is one of urn:signet:admin.
type Permission struct {
	Name, Description string
	Class             class
}

// class says which of the built-in roles have a permission. The administrator has all.
type class string

const (
	reading   class = "reading"   // changes nothing: auditor and operator
	operating class = "operating" // takes back or keeps running, and gives nobody access that they had not: operator
	managing  class = "managing"  // the administrator alone
)

// The permissions of urn:signet:admin.
const (
	readUsers        = "users:read"
	writeUsers       = "users:write"
	disableUsers     = "users:disable"
	readSessions     = "sessions:read"
	endSessions      = "sessions:end"
	readAttributes   = "attributes:read"
	writeAttributes  = "attributes:write"
	readGroups       = "groups:read"
	writeGroups      = "groups:write"
	readRoles        = "roles:read"
	writeRoles       = "roles:write"
	readAssignments  = "assignments:read"
	writeAssignments = "assignments:write"
	readClients      = "clients:read"
	writeClients     = "clients:write"
	disableClients   = "clients:disable"
	readAPIs         = "apis:read"
	writeAPIs        = "apis:write"
	readPolicies     = "policies:read"
	writePolicies    = "policies:write"
	readResources    = "resources:read"
	writeResources   = "resources:write"
	readReceivers    = "receivers:read"
	writeReceivers   = "receivers:write"
	pauseReceivers   = "receivers:pause"
	readTokens       = "tokens:read"
	revokeTokens     = "tokens:revoke"
	readKeys         = "keys:read"
	readStatistics   = "statistics:read"
	readSettings     = "settings:read"
	rotateKeys       = "keys:rotate"
	revokeKeys       = "keys:revoke"
	readAudit        = "audit:read"
	eraseAudit       = "audit:erase"
	readFiles        = "files:read"
	applyFiles       = "files:apply"

	// ReadStream and ManageStream are what services need that manage their own stream of security events (CAEP Interoperability Profile 1.0).
	ReadStream   = "ssf.read"
	ManageStream = "ssf.manage"

	// EvaluateDecisions is what services need that ask what subjects may do.
	EvaluateDecisions = "decisions:evaluate"
)

// Permissions are all of them.
var Permissions = []Permission{
	{readUsers, "List and show users", reading},
	{writeUsers, "Add, change and delete users, and set their passwords", managing},
	{disableUsers, "Disable users and enable them again", operating},
	{readSessions, "List who is signed in, and what users allowed clients", reading},
	{endSessions, "End sessions, and take back what users allowed clients", operating},
	{readAttributes, "List and show the attributes that users may have", reading},
	{writeAttributes, "Define, change and delete attributes of users", managing},
	{readGroups, "List and show groups and their members", reading},
	{writeGroups, "Add, change and delete groups, and change their members", managing},
	{readRoles, "List and show roles", reading},
	{writeRoles, "Add, change and delete roles", managing},
	{readAssignments, "List who has which role", reading},
	{writeAssignments, "Assign and unassign roles", managing},
	{readClients, "List and show clients", reading},
	{writeClients, "Register, change and delete clients, and change their secrets", managing},
	{disableClients, "Disable clients and enable them again", operating},
	{readAPIs, "List and show APIs", reading},
	{writeAPIs, "Register, change and delete APIs", managing},
	{readPolicies, "Show the policies of APIs and their versions", reading},
	{writePolicies, "Change the policies of APIs", managing},
	{readResources, "List and show the resources of APIs that are registered", reading},
	{writeResources, "Register, change and delete resources of APIs", managing},
	{EvaluateDecisions, "Ask what users and clients may do", operating},
	{readReceivers, "List and show receivers of security events", reading},
	{writeReceivers, "Add, change and delete receivers of security events", managing},
	{pauseReceivers, "Pause and resume receivers of security events, and send them verification events", operating},
	{ReadStream, "Show and poll the own stream of security events", managing},
	{ManageStream, "Make, change and delete the own stream of security events", managing},
	{readTokens, "List issued tokens", reading},
	{revokeTokens, "Revoke, suspend and resume tokens", operating},
	{readKeys, "List signing keys", reading},
	{rotateKeys, "Rotate signing keys", operating},
	{revokeKeys, "Revoke signing keys", operating},
	{readStatistics, "Read statistics, and the state of the servers", reading},
	{readSettings, "List settings", reading},
	{readAudit, "Read and verify the audit log", reading},
	{eraseAudit, "Erase what the audit log says of a user", managing},
	{readFiles, "Export what there is as files; it needs the permissions to read it too", reading},
	{applyFiles, "Apply files; each change needs its own permission too", managing},
}

// PermissionNames are the names of all permissions.
func PermissionNames() []string {
	names := make([]string, len(Permissions))
	for i, p := range Permissions {
		names[i] = p.Name
	}
	return names
}

// Operations are all of them. A new one is a line here and a method of Service.
var Operations = []Operation{
	{"user.create", writeUsers, "Add a user"},
	{"user.find", readUsers, "Show a user"},
	{"user.list", readUsers, "List the users by username"},
	{"user.update", writeUsers, "Change a user's name, e-mail address and attributes"},
	{"user.set_password", writeUsers, "Set a user's password and end the user's sessions, grants and tokens"},
	{"user.link", writeUsers, "Make a link with which a user sets a password, once"},
	{"user.disable", disableUsers, "Disable a user and end the user's sessions, grants and tokens"},
	{"user.enable", disableUsers, "Enable a disabled user again"},
	{"user.delete", writeUsers, "Delete a user and end the user's sessions, grants and tokens"},

	{"session.list", readSessions, "List the sessions of a user, or all, the last seen first"},
	{"session.find", readSessions, "Show a session"},
	{"session.end", endSessions, "End a session"},
	{"user.end_sessions", endSessions, "End all sessions of a user"},
	{"consent.list", readSessions, "List what a user allowed clients"},
	{"consent.withdraw", endSessions, "Take back what a user allowed a client, and end its grants and tokens"},
	{"grant.list", readSessions, "List the grants of a user, the newest first"},
	{"credential.list", readUsers, "List what a user signs in with"},
	{"credential.remove", writeUsers, "Remove what a user signs in with, and end the user's sessions, grants and tokens"},

	{"attribute.create", writeAttributes, "Define an attribute that users may have"},
	{"attribute.find", readAttributes, "Show an attribute"},
	{"attribute.list", readAttributes, "List the attributes by name"},
	{"attribute.update", writeAttributes, "Change an attribute's description"},
	{"attribute.delete", writeAttributes, "Delete an attribute and what users have of it"},

	{"group.create", writeGroups, "Make a group"},
	{"group.find", readGroups, "Show a group"},
	{"group.list", readGroups, "List the groups by name"},
	{"group.update", writeGroups, "Change a group's description"},
	{"group.delete", writeGroups, "Delete a group; its members stay"},
	{"group.effect", readGroups, "Show what deleting a group, or taking a user out of it, would take away, and how many live tokens carry it"},
	{"group.list_members", readGroups, "List the members of a group by username"},
	{"group.add_member", writeGroups, "Put a user into a group"},
	{"group.remove_member", writeGroups, "Take a user out of a group"},

	{"role.create", writeRoles, "Make a role"},
	{"role.find", readRoles, "Show a role"},
	{"role.list", readRoles, "List the roles by name"},
	{"role.update", writeRoles, "Change a role's description and permissions"},
	{"role.effect", readRoles, "Show what a change of a role, or of who has it until when, would take away, and how many live tokens carry it"},
	{"role.delete", writeRoles, "Delete a role and its assignments"},

	{"user.access", readAssignments, "Show what a user may do, and through what"},
	{"group.access", readAssignments, "Show what the members of a group may do by it"},
	{"client.access", readAssignments, "Show what a client may do on its own behalf, and through what"},
	{"assignment.list", readAssignments, "List assignments, the oldest first"},
	{"assignment.assign", writeAssignments, "Give a role to a user, a group or a client"},
	{"assignment.unassign", writeAssignments, "Take a role from a user, a group or a client"},

	{"client.create", writeClients, "Register a client"},
	{"client.find", readClients, "Show a client"},
	{"client.list", readClients, "List the clients by client_id"},
	{"client.update", writeClients, "Change a client"},
	{"client.disable", disableClients, "Disable a client and revoke its grants and tokens"},
	{"client.enable", disableClients, "Enable a disabled client again"},
	{"client.delete", writeClients, "Delete a client and revoke its grants and tokens"},
	{"client.add_secret", writeClients, "Give a client another secret"},
	{"client.remove_secret", writeClients, "Take a secret from a client"},
	{"client.add_trust", writeClients, "Let JWTs of another issuer authenticate a client"},
	{"client.remove_trust", writeClients, "Stop trusting an issuer for a client"},

	{"invitation.create", writeClients, "Make an invitation by which clients register themselves"},
	{"invitation.list", readClients, "List the invitations, the oldest first"},
	{"invitation.delete", writeClients, "Take an invitation back; clients that were registered with it stay"},

	{"api.create", writeAPIs, "Register an API"},
	{"api.find", readAPIs, "Show an API"},
	{"api.list", readAPIs, "List the APIs by audience"},
	{"api.update", writeAPIs, "Change an API"},
	{"api.delete", writeAPIs, "Delete an API and revoke its tokens"},

	{"policy.find", readPolicies, "Show the policy of an API"},
	{"policy.set", writePolicies, "Give an API another version of its policy"},
	{"policy.rollback", writePolicies, "Let an earlier version of an API's policy decide"},
	{"policy.delete", writePolicies, "Delete the policy of an API with all its versions"},
	{"policy.list_versions", readPolicies, "List the versions of an API's policy, the newest first"},
	{"policy.find_version", readPolicies, "Show a version of an API's policy"},
	{"resource.list", readResources, "List the registered resources of an API by type and id"},
	{"resource.find", readResources, "Show a registered resource of an API"},
	{"resource.set", writeResources, "Register a resource of an API, or give it other properties"},
	{"resource.delete", writeResources, "Delete a registered resource of an API"},
	{"decision.evaluate", EvaluateDecisions, "Say whether a subject may do something, and why"},

	{"receiver.create", writeReceivers, "Make a client a receiver of security events"},
	{"receiver.find", readReceivers, "Show a receiver and the state of its delivery"},
	{"receiver.list", readReceivers, "List the receivers by client_id"},
	{"receiver.update", writeReceivers, "Change what a receiver gets, and where"},
	{"receiver.rotate_bearer", writeReceivers, "Make another bearer token for a receiver's pushes"},
	{"receiver.verify", pauseReceivers, "Send a receiver a verification event"},
	{"receiver.pause", pauseReceivers, "Keep a receiver's events until it is resumed"},
	{"receiver.resume", pauseReceivers, "Deliver the events that were kept, and retry a failed delivery at once"},
	{"receiver.delete", writeReceivers, "Stop sending events to a client"},

	{"token.find", readTokens, "Show a token of the index"},
	{"token.list", readTokens, "List issued tokens, the newest first"},
	{"token.count", readTokens, "Count issued tokens, up to 10,000"},
	{"token.count_live", readTokens, "Count the live tokens of the first ten APIs, each up to 10,000"},
	{"token.inspect", readTokens, "Show what is in an access token and whether it is active"},
	{"token.preview", readTokens, "Show the tokens that a client would get now, and why they say what they say"},
	{"token.revoke", revokeTokens, "Revoke a token"},
	{"token.revoke_chosen", revokeTokens, "Revoke some tokens, up to 100 at once"},
	{"token.suspend", revokeTokens, "Suspend a token"},
	{"token.resume", revokeTokens, "Resume a suspended token"},
	{"token.purge", revokeTokens, "Delete what expired more than an hour ago"},

	{"revocation.begin", revokeTokens, "Revoke all tokens that meet some criteria"},
	{"revocation.list", readTokens, "List revocations, the newest first, until a day after they are done"},
	{"revocation.find", readTokens, "Show how far a revocation has come"},
	{"revocation.finish", revokeTokens, "Set the status of a revocation's tokens"},

	{"key.list", readKeys, "List the signing keys, the oldest first"},
	{"key.find", readKeys, "Show a signing key"},
	{"key.drill", readKeys, "Show what revoking a signing key ends, and who has come to know of it"},
	{"key.rotate", rotateKeys, "Put the next key of an algorithm in the place of the active one"},
	{"key.revoke", revokeKeys, "Revoke a signing key and all that it signed"},

	{"statistics.sum", readStatistics, "Sum what happened, by steps of time"},
	{"replica.list", readStatistics, "List the servers that run, and how far each has come"},
	{"attention.list", readStatistics, "List what somebody should look at"},
	{"setting.list", readSettings, "List the settings, what they come to and where each comes from"},

	{"audit.list", readAudit, "List the audit log, the newest event first"},
	{"audit.find", readAudit, "Show an event of the audit log"},
	{"audit.export", readAudit, "Write the events of the audit log one in a line, the oldest first"},
	{"audit.verify", readAudit, "Check that no event of the audit log was changed or removed"},
	{"audit.checkpoint", readAudit, "Note what the audit log is now"},
	{"audit.erase", eraseAudit, "Erase what the audit log says of a user"},

	{"file.apply", applyFiles, "Make APIs, roles, clients and the like what files say"},
	{"file.export", readFiles, "Write the file that describes what there is"},
}

// OperationOf is the operation of a name, the zero Operation if there is none.
func OperationOf(name string) Operation {
	if i := slices.IndexFunc(Operations, func(o Operation) bool { return o.Name == name }); i >= 0 {
		return Operations[i]
	}
	return Operation{}
}

func permissionOf(operation string) string { return OperationOf(operation).Permission }
