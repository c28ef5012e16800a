package secevent_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/secevent"
	"github.com/signet-auth/signet/test/reference"
)

// signalers are the methods in internal/event that say what services hear; kinds are what the events are called in the audit log.
var (
	signalers = regexp.MustCompile(`(?s)\) Signals\(\) \[\]domain\.SecurityEvent (?:\{ [^\n]* \}|\{\n.*?\n\})\n`)
	typed     = regexp.MustCompile(`func \((?:e )?(\w+)\) Signals\(\)`)
	kinds     = regexp.MustCompile(`func \((?:e )?(\w+)\) Kind\(\) string\s*\{ return "([^"]+)" \}`)
)

// made are the kinds of security events by how internal/event makes them.
var made = []struct{ call, kind string }{
	{"revoked(", domain.EventSessionRevoked}, {"changed(", domain.EventTokenClaimsChange}, {"credentialChanged(", domain.EventCredentialChange},
	{"EventAccountDisabled", domain.EventAccountDisabled}, {"EventAccountEnabled", domain.EventAccountEnabled},
	{"EventAccountPurged", domain.EventAccountPurged}, {"policyChanged(", domain.EventPolicyChange}, {"EventVerification", domain.EventVerification},
	{"streamUpdated(", domain.EventStreamUpdated},
}

// causes are the events of the audit log that services hear of, by the kinds of security events.
func causes(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../event/*.go")
	must(t, err)
	names, bodies := map[string]string{}, map[string]string{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		must(t, err)
		for _, m := range kinds.FindAllStringSubmatch(string(text), -1) {
			names[m[1]] = m[2]
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, place := range typed.FindAllStringSubmatchIndex(string(text), -1) {
			bodies[string(text[place[2]:place[3]])] = signalers.FindString(string(text[place[0]:]))
		}
	}
	all := map[string][]string{}
	for name, body := range bodies {
		found := false
		for _, m := range made {
			if regexp.MustCompile(`\b` + regexp.QuoteMeta(m.call)).MatchString(body) {
				all[m.kind], found = append(all[m.kind], names[name]), true
			}
		}
		if !found {
			t.Errorf("what does %s tell services?", name)
		}
	}
	return all
}

func TestTheReferenceOfSecurityEventsIsCurrent(t *testing.T) {
	members := map[string]string{
		domain.EventTokenClaimsChange: "`claims`: what the subject has now at the API, `aud`, `roles`, `groups`, `entitlements`",
		domain.EventCredentialChange:  "`credential_type`, `change_type`: `create`, `update` or `delete`",
		domain.EventVerification:      "`state`, if one was sent",
		domain.EventStreamUpdated:     "`status`: `enabled`, `paused` or `disabled`; `reason`",
	}
	causes := causes(t)
	var b strings.Builder
	b.WriteString("| event | members beside | sent when the audit log says |\n| --- | --- | --- |\n")
	for _, kind := range append(slices.Clone(domain.SecurityEvents), domain.EventVerification, domain.EventStreamUpdated) {
		slices.Sort(causes[kind])
		fmt.Fprintf(&b, "| `%s`<br>`%s` | %s | `%s` |\n", kind, secevent.EventType(kind), members[kind], strings.Join(causes[kind], "`, `"))
		if len(causes[kind]) == 0 || secevent.EventType(kind) == "" {
			t.Errorf("nothing sends %s, or it has no type", kind)
		}
	}
	reference.Check(t, "events.md", "security events", b.String())
}
