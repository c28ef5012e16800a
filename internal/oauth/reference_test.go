package oauth

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/registration"
	"github.com/signet-auth/signet/test/reference"
)

// codes are what the error codes mean, and what whoever gets one does.
var codes = map[string]struct{ source, todo string }{
	"access_denied":                     {"RFC 6749 §4.1.2.1, RFC 8628 §3.5", "The user, or a rule of the server, said no. Do not ask again without being asked to."},
	"authorization_pending":             {"RFC 8628 §3.5", "Poll again after `interval` seconds."},
	"conflict":                          {"Shared Signals Framework 1.0 §8.1.1.1", "The client has a stream of security events: change or delete that."},
	"consent_required":                  {"OpenID Connect Core §3.1.2.6", "`prompt=none` was asked for: ask again without it."},
	"expired_token":                     {"RFC 8628 §3.5", "Begin anew with a new device_code."},
	"insufficient_scope":                {"RFC 6750 §3.1", "Get an access token with the scope that the challenge names: an administrator assigns a role that gives it."},
	"interaction_required":              {"OpenID Connect Core §3.1.2.6", "`prompt=none` was asked for: ask again without it."},
	"invalid_client":                    {"RFC 6749 §5.2", "Look at client_id and secret, or at the key and claims of the assertion: the description names which claim. The audit log has no more."},
	"invalid_client_metadata":           {"RFC 7591 §3.2.2", "The description names the member: mend it, and register again."},
	"invalid_grant":                     {"RFC 6749 §5.2", "The code or refresh token is used, expired, revoked or another client's: have the user sign in again."},
	"invalid_redirect_uri":              {"RFC 7591 §3.2.2", "Register a redirect_uri that is allowed to such clients."},
	"invalid_request":                   {"RFC 6749 §5.2", "The description says which parameter is wrong, missing or there twice."},
	"invalid_scope":                     {"RFC 6749 §5.2", "Ask for fewer scopes, or grant the permission: `signet token preview` says why one is missing."},
	"invalid_target":                    {"RFC 8707 §2", "The client is not registered for this API: `signet client update --api`."},
	"invalid_token":                     {"RFC 6750 §3.1", "The access token is not valid here: get another one."},
	"login_required":                    {"OpenID Connect Core §3.1.2.6", "`prompt=none` was asked for and nobody is signed in: ask again without it."},
	"not_acceptable":                    {"Token Status List §8.1", "Accept `application/statuslist+jwt`."},
	"not_found":                         {"Token Status List §8.1", "There is no such status list, or all of its tokens have expired; or no such stream or subject of security events."},
	"not_implemented":                   {"Token Status List §8.4", "Ask without `time`."},
	"registration_not_supported":        {"OpenID Connect Core §3.1.2.6", "Leave the parameter out."},
	"request_not_supported":             {"OpenID Connect Core §3.1.2.6", "Leave the parameter out."},
	"request_uri_not_supported":         {"OpenID Connect Core §3.1.2.6", "Leave the parameter out."},
	"server_error":                      {"RFC 6749 §4.1.2.1", "The log of the server has the reason."},
	"slow_down":                         {"RFC 8628 §3.5", "Wait five seconds longer between two polls, from now on."},
	"temporarily_unavailable":           {"RFC 6749 §4.1.2.1", "Try again after `Retry-After` seconds. The database is away or slow, or a limit is reached."},
	"too_many_requests":                 {"Shared Signals Framework 1.0 §8.1.4.2", "Ask for a verification event again after `Retry-After` seconds."},
	"unapproved_software_statement":     {"RFC 7591 §3.2.2", "Register without a software_statement."},
	"unauthorized_client":               {"RFC 6749 §5.2", "The client lacks the grant type (`signet client update --grant`), or the token is another client's."},
	"unmet_authentication_requirements": {"OpenID Connect Core Error Code unmet_authentication_requirements", "No sign-in here has an `acr` that was asked for as essential."},
	"unsupported_grant_type":            {"RFC 6749 §5.2", "Use one of `grant_types_supported` of the metadata."},
	"unsupported_response_mode":         {"OAuth 2.0 Multiple Response Types §2.1", "Use `query`, `fragment` or `form_post`."},
	"unsupported_response_type":         {"RFC 6749 §4.1.2.1", "Use `code`."},
	"unsupported_token_type":            {"RFC 7009 §2.2.1", "Revoke the access or refresh token."},
}

func TestTheReferenceOfErrorsIsCurrent(t *testing.T) {
	written := map[string]bool{registration.InvalidClientMetadata: true, registration.InvalidRedirectURI: true, registration.UnapprovedSoftwareStatement: true}
	for code := range words {
		written[code] = true
	}
	inCode := regexp.MustCompile(`(?:(?:ErrorField|Code): +|= Error\{|httpjson\.Error\{)"([a-z_]+)"`)
	for _, pattern := range []string{"*.go", "../httpjson/*.go", "../wellknown/*.go", "../ssf/*.go", "../login/*.go", "../secevent/*.go", "../device/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range inCode.FindAllStringSubmatch(string(text), -1) {
				written[m[1]] = true
			}
		}
	}
	var b strings.Builder
	b.WriteString("| error | it says | defined in | what to do |\n| --- | --- | --- | --- |\n")
	for _, code := range slices.Sorted(maps.Keys(written)) {
		about, ok := codes[code]
		if !ok {
			t.Errorf("say in `codes` what the error %s is about", code)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", code, reference.Cell(words[code]), about.source, reference.Cell(about.todo))
	}
	for code := range codes {
		if !written[code] {
			t.Errorf("nothing answers with the error %s", code)
		}
	}
	reference.Check(t, "errors.md", "oauth errors", b.String())
}
