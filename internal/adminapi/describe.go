package adminapi

import (
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signet-auth/signet/internal/admin"
)

// describe says in the API's description what huma has from no type: what each operation needs, what parameters and members that are
// called the same in many places mean, and examples.
func describe(api *huma.OpenAPI) {
	for path, item := range api.Paths {
		collection, _, _ := strings.Cut(strings.TrimPrefix(path, root+"/"), "/")
		for _, o := range operationsAt(item) {
			describeOperation(o, collection)
		}
	}
	for name, schema := range api.Components.Schemas.Map() {
		describeMembers(name, schema)
	}
}

func describeOperation(o *huma.Operation, collection string) {
	declared := admin.OperationOf(o.OperationID)
	o.Description = strings.TrimSpace(declared.Summary + ". " + details[o.OperationID] + " It needs the permission " + declared.Permission + ".")
	for i, p := range o.Parameters {
		described := *p // an embedded one is shared
		o.Parameters[i] = &described
		about := parameters[p.Name]
		if p.In == "path" && p.Name == "name" {
			about = names[collection]
		}
		if described.Description == "" {
			described.Description = about.text
		}
		if found := searches[o.OperationID]; found != "" && p.Name == "search" {
			described.Description = "Those whose " + found + " begins so, whatever the case"
		}
		if described.Example == nil {
			described.Example = about.example
		}
	}
	if o.RequestBody != nil {
		if content := o.RequestBody.Content["application/json"]; content != nil {
			content.Example = examples[o.OperationID]
		}
	}
	if done := o.Responses["202"]; o.OperationID == "revocation.begin" && done != nil {
		o.Responses["201"] = &huma.Response{Description: "Created: nothing is left to be followed", Headers: done.Headers, Content: done.Content}
	}
	if slices.ContainsFunc(o.Parameters, func(p *huma.Param) bool { return p.Name == "revoke_tokens" }) {
		o.Responses["204"] = &huma.Response{Description: "No Content: without revoke_tokens"}
	}
	if s, ok := streams[o.OperationID]; ok {
		o.Responses["200"].Content = map[string]*huma.MediaType{s.media: {Schema: &huma.Schema{Type: huma.TypeString}, Example: s.example}}
	}
	for _, status := range []string{"409", "429", "503"} {
		if later := o.Responses[status]; later != nil {
			later.Headers = map[string]*huma.Param{"Retry-After": {Schema: &huma.Schema{Type: huma.TypeInteger}}}
		}
	}
	for _, response := range o.Responses {
		for name, header := range response.Headers {
			header.Description = headers[name]
		}
	}
}

// streams are answers that are no JSON, by operation.
var streams = map[string]struct{ media, example string }{
	"audit.export": {"application/jsonl", `{"seq":42,"at":"2026-01-31T12:00:00Z","actor":"user:alice","action":"user.create","target":"user:bob","details":{},"hash":"b5bb9d80"}` + "\n"},
	"file.export":  {"application/yaml", "kind: role\nname: clerk\npermissions: ['https://orders.example#orders:read']\n"},
}

// describeMembers describes those of a schema that its type says nothing about.
func describeMembers(name string, schema *huma.Schema) {
	for member, described := range schema.Properties {
		text := members[name+"."+member]
		if text == "" {
			text = members[member]
		}
		if described.Description == "" {
			described.Description = text
		}
	}
}

// about is what a parameter is, and an example of it.
type about struct {
	text    string
	example any
}

// names are what {name} stands for, by collection.
var names = map[string]about{
	"users": {"The username", "alice"}, "groups": {"The name of the group", "sales"}, "roles": {"The name of the role", "clerk"},
	"clients": {"The client_id", "web"}, "apis": {"The audience, escaped as a part of a path is", "https://orders.example"},
	"receivers": {"The client_id of the receiver", "orders"}, "attributes": {"The name of the attribute", "nickname"},
}

// parameters are the others, by name. Where a parameter has a description of its own, the example alone counts.
var parameters = map[string]about{
	"sid":           {"The name of the session, as ID tokens and the audit log have it", "IBOgTgkAn6RaMMRQ"},
	"client":        {"The client_id", "web"},
	"user":          {"The username", "alice"},
	"id":            {"The id, as the list has it", 7},
	"secret":        {"The id of the secret, as the client has it in its list", 7},
	"trust":         {"The id of the trust, as the client has it in its list", 7},
	"type":          {"", "order"},
	"resource":      {"", "42"},
	"number":        {"The number of the version", 1},
	"jti":           {"The id of the token", "AZqxkLo3cTyQmF1mJ4vT5A"},
	"kid":           {"The id of the key, as tokens have it in their header", "IBOgTgkAn6RaMMRQ"},
	"seq":           {"The number of the event", 42},
	"kind":          {"What has the role", "users"},
	"subject":       {"The username, the name of the group, or the client_id", "alice"},
	"If-Match":      {"", `"3"`},
	"cursor":        {"", "aXQgaXMgb3BhcXVl"},
	"limit":         {"", 50},
	"search":        {"", "al"},
	"disabled":      {"", true},
	"done":          {"", false},
	"of":            {"", "user"},
	"origin":        {"", "administrator"},
	"api":           {"", "https://orders.example"},
	"permission":    {"", "orders:read"},
	"role":          {"", "clerk"},
	"group":         {"", "sales"},
	"grant_id":      {"", 7},
	"state":         {"", "revoked"},
	"alg":           {"", "ES256"},
	"issued_since":  {"", "2026-01-31T00:00:00Z"},
	"issued_before": {"", "2026-02-01T00:00:00Z"},
	"expires_at":    {"", "2999-01-01T00:00:00Z"},
	"revoke_tokens": {"", true},
	"actor":         {"", "user:alice"},
	"action":        {"", "user.create"},
	"target":        {"", "client:reporting"},
	"since":         {"", "2026-01-31T00:00:00Z"},
	"before":        {"", "2026-02-01T00:00:00Z"},
	"after":         {"", 42},
	"set":           {"", "default"},
	"from":          {"", "2026-01-31T12:00:00Z"},
	"to":            {"", "2026-01-31T13:00:00Z"},
	"step":          {"", 300},
}

// searches are the names that the search of a list looks at, by operation.
var searches = map[string]string{
	"user.list": "username, e-mail address or name", "group.list": "name", "group.list_members": "username, e-mail address or name", "role.list": "name",
	"client.list": "client_id or name", "api.list": "audience or name", "receiver.list": "client_id or name of the client", "attribute.list": "name",
	"invitation.list": "note", "assignment.list": "subject's name", "session.list": "sid, or the user's name,",
	"grant.list": "client's client_id or name, or sid,", "consent.list": "client's client_id or name, or audience,",
	"audit.list": "target's or actor's name, without its kind,", "key.list": "kid", "resource.list": "id, or TYPE:ID,",
	"revocation.list": "name of what it is of, or of what its criteria name,",
}

var headers = map[string]string{
	"ETag":     "The version of the object, for If-Match. Left out: it has none",
	"Location": "Where the new object is",

	"Retry-After": "After how many seconds to send the request again; left out: sent again it fails again",
}

// details are what callers of an operation have to know beside its summary.
var details = map[string]string{
	"user.create":            "Without a password the user cannot sign in with one; user.link lets the user set it.",
	"user.link":              "The link is shown once. It opens nothing any more once the user may do something in the administration that its maker may not.",
	"user.delete":            "The last administrator who can sign in stays.",
	"client.create":          "The secret, if one is made, is shown once. A caller needs the administrative permissions that the client may ask users for.",
	"client.add_secret":      "The others stay valid. A secret that is made is shown once.",
	"client.disable":         "Enabling it again does not bring its tokens back.",
	"invitation.create":      "Its token is shown once.",
	"role.update":            "See role.effect for what it takes away, and revoke_tokens for the tokens that carry that.",
	"role.create":            "A caller needs the administrative permissions that it gives.",
	"assignment.assign":      "Assigning again changes until when. A caller needs the administrative permissions that the role gives.",
	"revocation.begin":       "It holds as soon as it is answered; with 202, the status of each token is still being set, and Location is where to follow that. Tokens are revoked that are issued until then and meet all that is given. Grants end too that meet it, unless keep_grants, a time, or what grants have not is given. A caller needs the administrative permissions of a user or client that it names; all of them for a role, a state or issued_since without a user.",
	"token.revoke_chosen":    "All or none. A caller needs the administrative permissions of each who has one of them.",
	"token.revoke":           "A caller needs the administrative permissions of who has it.",
	"token.list":             "A page may be short, even empty, although there is a next one, since it takes long to find what is rare.",
	"key.rotate":             "Without force it fails with 409 until the next key has been published for as long as services may cache the key set.",
	"key.revoke":             "The key signs nothing any more and leaves the key set; the revocation that is answered sets the status of each of its tokens.",
	"file.apply":             "All in one transaction, or none; it answers when that is done. Each change needs its own permission too.",
	"receiver.verify":        "It answers with 202; the receiver shows when the event was acknowledged.",
	"receiver.rotate_bearer": "The token is shown once.",
	"audit.export":           "It answers with a JSON object in each line, for as long as it takes.",
	"file.export":            "It answers with YAML, which file.apply reads.",
}

// members are what members of schemas mean, by "Schema.member", or by their name where that means the same everywhere.
var members = map[string]string{
	"items":                        "The objects of this page, in the order of the list",
	"created_at":                   "When it was made",
	"updated_at":                   "When it was last changed",
	"expires_at":                   "When it ends; left out: it does not",
	"disabled":                     "Nobody can use it, and it has no live tokens",
	"disabled_at":                  "Since when it is disabled",
	"description":                  "What it is, for people",
	"audience":                     "The identifier of the API, which its tokens name as aud",
	"aud":                          "The audience of the API",
	"client_id":                    "The identifier of the client",
	"client_name":                  "What people call the client",
	"sub":                          "Whom tokens name: the user's identifier, or the client_id",
	"username":                     "What the user signs in with",
	"email":                        "The e-mail address",
	"email_verified":               "The address was proven to be the user's",
	"kid":                          "The id of the key",
	"alg":                          "The algorithm (RFC 7518)",
	"permissions":                  "What it gives, or has",
	"permission":                   "The name of the permission, which is a scope too",
	"role":                         "The name of the role",
	"roles":                        "The roles, by name",
	"group":                        "The name of the group",
	"groups":                       "How many groups",
	"clients":                      "How many clients",
	"subject":                      "Who has it: a username, the name of a group, or a client_id",
	"subject_kind":                 "What has it: a user, a group or a client",
	"scopes":                       "The scopes",
	"count":                        "How many",
	"actor":                        "Who did it: user:alice, client:reporting, os:root or system",
	"action":                       "What happened: user.create",
	"target":                       "What it happened to: client:reporting",
	"at":                           "When it happened",
	"seq":                          "Its number in the log, one more than that of the event before",
	"details":                      "What is to be known about it, without secrets",
	"jti":                          "The id of the token",
	"kind":                         "Which kind it is",
	"status":                       "What it has become: live, suspended, expired or revoked",
	"issued_at":                    "When it was issued",
	"revoked_at":                   "When it was revoked; left out: it was not",
	"suspended_at":                 "Since when it is suspended; left out: it is not",
	"issued_before":                "Tokens that were issued before this alone; left out: all",
	"method":                       "How events come to it: it polls, or they are pushed",
	"endpoint":                     "Where events are pushed to",
	"allow_private":                "The endpoint may be at a private address",
	"events":                       "The events that it is sent",
	"grant_types":                  "The grants by which it gets tokens (RFC 6749 §1.3 and others)",
	"redirect_uris":                "Where users come back to with an authorization code, each in full",
	"post_logout_redirect_uris":    "Where users may go from a sign-out that it asks for",
	"token_endpoint_auth_method":   "How it authenticates",
	"id_token_signed_response_alg": "The algorithm of its ID tokens",
	"first_party":                  "Users are not asked for consent",
	"apis":                         "The APIs",
	"serves":                       "The audiences of the APIs that it is the service of: it may introspect their tokens",
	"secrets":                      "Its secrets, by what may be shown of them",
	"name":                         "The name",
	"note":                         "What it is for",
	"max_uses":                     "How many clients may be registered with it",
	"uses":                         "How many were",
	"number":                       "The number of the version, one more than that of the one before",
	"revocation":                   "How far the revocation of its tokens has come",
	"effect":                       "What the rule says: permit or deny",
	"rule":                         "The name of the rule",
	"why":                          "What it came to",

	"API.name":                          "What people call it",
	"API.signing_alg":                   "The algorithm of its access tokens",
	"APIPermission.name":                "The permission, which is a scope too",
	"AddedSecret.id":                    "The id of the secret",
	"Applied.changes":                   "What is changed, in the order of doing so",
	"Applied.notes":                     "What is to be considered",
	"Applied.set":                       "The set of the files",
	"ApplyInputBody.files":              "The files",
	"Attribute.name":                    "The name, which claim mappings and users have it by",
	"Attribute.type":                    "What its values are",
	"ClaimMapping.claim":                "The name of the claim",
	"ClientSecret.id":                   "The id of the secret",
	"ClientTrust.id":                    "The id of the trust",
	"ClientTrust.issuer":                "The issuer, as its JWTs have it",
	"Consent.granted_at":                "When the user allowed it",
	"CreateAttributeInputBody.name":     "1 to 50 lower-case letters, digits, _ and -, beginning with a letter",
	"CreateGroupInputBody.name":         "1 to 255 bytes",
	"CreateRoleInputBody.name":          "1 to 255 bytes",
	"Credential.id":                     "The id, for removing it",
	"Decision.allowed":                  "Whether the subject may",
	"Decision.reason":                   "Why, in words",
	"DecisionResource.properties":       "What is known of it, for the rules",
	"DecisionResource.type":             "The kind of thing",
	"DecisionSubject.id":                "Who it is, of its type",
	"DecisionSubject.properties":        "What is known of it, for the rules",
	"NewDecision.action":                "What it would do",
	"NewDecision.context":               "What is known of the request, for the rules",
	"NewDecision.resource":              "What it would be done with",
	"Drill.key":                         "The key",
	"Drill.replicas":                    "The servers, and which of them publish the key set without it",
	"Drill.verifier_counts":             "Who fetches the key set, by whether they have the current one",
	"DrillReceiver.acknowledged":        "It has acknowledged the revocation",
	"Entitlement.granted":               "The token has it",
	"EraseUserOutputBody.erased_events": "How many events say nothing of the user any more",
	"FileChange.action":                 "What is done",
	"FileChange.differences":            "What becomes different, by member",
	"FileChange.name":                   "Of the object",
	"FileChange.note":                   "What is to be considered",
	"FileDifference.after":              "What it becomes; left out: nothing",
	"FileDifference.before":             "What it was; left out: nothing",
	"FileDifference.member":             "Which member",
	"Grant.id":                          "The id, by which tokens are revoked and listed",
	"Grant.apis":                        "What it covers",
	"Grant.ends_with_session":           "It ends with the session in which it was given",
	"Group.name":                        "The name, by which tokens name it too",
	"Hint.kind":                         "What should be looked at",
	"Inspection.active":                 "Introspection says that it is active",
	"Inspection.claims":                 "What it claims",
	"Inspection.header":                 "Its header (RFC 7515)",
	"Invitation.id":                     "The id",
	"MadeInvitation.id":                 "The id",
	"Key.activated_at":                  "When it began to sign",
	"Key.retired_at":                    "When another one began to sign in its place",
	"Key.state":                         "next: published, not yet signing; active; retired: published until what it signed has expired; revoked",
	"LiveCounts.apis":                   "Of each API, those with most first",
	"LiveCounts.counted_at":             "When that was counted",
	"PasswordLink.url":                  "The link, which is shown once",
	"PolicyVersion.author":              "Who set it",
	"Receiver.has_bearer_token":         "A bearer token is sent with every push",
	"Receiver.last_error":               "Why the last push failed; left out: it did not",
	"Receiver.next_attempt_at":          "When it is tried again",
	"Receiver.paused":                   "Its events are kept until it is resumed",
	"Receiver.paused_at":                "Since when",
	"Replica.id":                        "The name of the server",
	"Replica.started_at":                "When it started",
	"Replica.version":                   "The version of Signet that it runs",
	"Revocation.of":                     "What the tokens belong to",
	"Role.name":                         "The name, by which tokens name it too",
	"Session.acr":                       "How well the user was authenticated (OpenID Connect Core §5.5.1.1)",
	"SetPasswordInputBody.password":     "The password",
	"Setting.source":                    "Where its value comes from",
	"User.disabled":                     "The user cannot sign in, and has no live tokens",
	"User.has_password":                 "The user can sign in with one",
	"User.name":                         "What people call the user",
	"Verification.sent_at":              "When the event was sent",
	"Verifier.id":                       "Tells it from others, and says nothing else",
	"Verifier.seen_at":                  "When it last fetched the key set",
	"Verifier.user_agent":               "What it says that it is",
	"VerifierCounts.current":            "How many have the current one",
}
