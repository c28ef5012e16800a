package reference

import (
	"fmt"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-auth/signet/internal/domain"
)

// bound is a limit that is fixed: what it bounds, and the constant that says how.
type bound struct {
	of       string
	constant string // package.name, of a package in internal
	unit     unit
}

type unit int

const (
	number unit = iota
	bytes
	duration
)

// bounds are those of what comes from outside, by section.
var bounds = []struct {
	section string
	of      []bound
}{
	{"Connections", []bound{
		{"Until the header of a request has come, and the handshake of TLS is done", "server.headerTimeout", duration},
		{"Until a request has come", "server.readTimeout", duration},
		{"From its header until its answer is taken", "server.writeTimeout", duration},
		{"Between two requests", "server.idleTimeout", duration},
		{"Requests at the same time on a connection of HTTP/2", "server.maxStreams", number},
		{"The same while more are open, in all or from one address, than there may be connections: its share, but at least", "server.fewStreams", number},
		{"Of answers that a client does not take, held by the system", "server.writeBuffer", bytes},
		{"Header of a request, cookies included", "server.maxHeader", bytes},
		{"A part of a long answer, such as an export, until it is taken", "httpjson.linePatience", duration},
		{"A part of a page that is shown as it comes, until it is taken", "page.streamPatience", duration},
		{"A poll for events, with its wait", "ssf.pollLimit", duration},
	}},
	{"OAuth and OpenID Connect", []bound{
		{"Body of a request", "oauth.maxBody", bytes},
		{"Parameters of a request", "oauth.maxParameters", number},
		{"Scopes of a request", "oauth.maxScopes", number},
		{"Resources and audiences of a request", "oauth.maxResources", number},
		{"Authorization request, beside its redirect URI", "oauth.maxRequest", bytes},
		{"`Authorization` header", "authn.maxAuthorization", bytes},
		{"Access token, whatever `tokens.max_size` says", "domain.MaxTokenSize", bytes},
		{"Client assertion, and JWT of another issuer", "keys.maxForeignToken", bytes},
		{"A claim of these that is read", "authn.maxClaimBytes", bytes},
		{"Lifetime of a client assertion", "authn.maxAssertionLife", duration},
		{"Lifetime of a JWT of another issuer", "authn.maxWorkloadLife", duration},
		{"Key set of a client or issuer", "keys.MaxKeySet", bytes},
		{"Keys of it", "keys.maxForeignKeys", number},
		{"Client secret", "registry.maxSecretBytes", bytes},
		{"Metadata document of a client", "registration.maxDocument", bytes},
		{"Members of an object of metadata", "registration.maxMembers", number},
		{"Names of headers that a script of another origin asks for", "cors.maxHeaders", number},
		{"Request id of a proxy", "requestid.MaxLength", bytes},
	}},
	{"Events", []bound{
		{"Polls that wait at the same time", "secevent.maxWaiting", number},
		{"Of one client", "secevent.maxWaitingOf", number},
		{"Events of an answer", "secevent.maxEvents", number},
		{"Subjects of a stream", "secevent.maxSubjects", number},
		{"`state` of a verification", "secevent.maxState", bytes},
		{"Reason why a stream is in its state", "secevent.maxReason", bytes},
		{"E-mail address of a subject", "secevent.maxEmail", bytes},
		{"Body of a request about a stream", "ssf.maxBody", bytes},
	}},
	{"Decisions", []bound{
		{"Body of a request", "pdp.maxBody", bytes},
		{"Evaluations of a request", "pdp.maxEvaluations", number},
		{"Of which each is to be explained", "pdp.maxExplained", number},
		{"Results of a page of a search", "pdp.maxResults", number},
		{"Requests as which a search counts", "pdp.searchCost", number},
		{"Policy", "decision.MaxText", bytes},
		{"Rules of it", "decision.maxRules", number},
		{"Conditions of it", "decision.maxConditions", number},
		{"Request id that is sent back", "pdp.maxRequestID", bytes},
	}},
	{"Proxies", []bound{
		{"Parameter of `/forward-auth`", "forwardauth.maxNeed", bytes},
		{"Host of the request that wants to pass", "forwardauth.maxHost", bytes},
		{"Path and query of it", "forwardauth.maxURI", bytes},
		{"Message of Envoy", "forwardauth.maxMessage", bytes},
		{"Sealed cookie or state of a sign-in", "forwardauth.maxSealed", bytes},
		{"Value of a header that says who is signed in", "forwardauth.maxHeader", bytes},
	}},
	{"Signing in", []bound{
		{"Form", "page.maxBody", bytes},
		{"Password", "signin.maxPasswordBytes", bytes},
		{"Request that pages carry, sealed", "interaction.MaxSealed", bytes},
		{"Cookie that remembers who signed in on a browser", "page.maxTrustedLength", bytes},
		{"Names in it", "page.maxTrustedUsers", number},
		{"Passwords that are hashed at the same time; at most on half of the processors", "signin.maxAtOnce", number},
		{"That wait for it, in browsers that are known, and as many in others", "signin.maxWaiting", number},
		{"Memory to hash one", "secrethash.CurrentMemory", bytes},
		{"Memory to check one of another system, one at a time", "secrethash.MaxMemory", bytes},
		{"Client secrets of other systems that are checked at the same time", "registry.checkedAtOnce", number},
		{"With those that wait for it", "registry.maxChecking", number},
		{"Of one client", "registry.maxCheckingOf", number},
		{"Until a form with a password is answered", "login.patience", duration},
		{"Attempts in unknown browsers a second that one replica tries", "signin.strangersPerSecond", number},
	}},
	{"Administration", []bound{
		{"Body of a request of the admin API", "adminapi.maxBody", bytes},
		{"With a policy", "adminapi.maxPolicyBody", bytes},
		{"With files as code", "adminapi.maxApplied", bytes},
		{"`Idempotency-Key`", "adminapi.maxKey", bytes},
		{"What a list is searched for", "admin.maxSearch", bytes},
		{"Objects that are chosen at a time", "admin.MaxChosen", number},
		{"Form with a policy", "adminui.maxPolicyForm", bytes},
		{"Redirect URIs of a client", "registry.maxRedirectURIs", number},
		{"A redirect URI", "registry.maxRedirectBytes", bytes},
		{"Secrets of a client", "registry.maxSecrets", number},
		{"Trusted issuers of a client", "registry.maxTrusts", number},
		{"Audience of an API", "registry.maxAudienceBytes", bytes},
		{"Permissions of an API", "registry.maxPermissions", number},
		{"Permissions of a role", "directory.maxRolePermissions", number},
		{"Username that is no e-mail address", "directory.maxUsernameBytes", bytes},
		{"E-mail address", "directory.maxEmailBytes", bytes},
		{"Attributes of a user, together", "domain.MaxAttributesOfUser", bytes},
		{"Resources of an API", "domain.MaxResources", number},
	}},
}

// elsewhere are constants of these packages that are called a maximum, and bound parts of what is listed, or nothing from outside.
var elsewhere = []string{
	"oauth.maxAttempts", "server.maxPEM", "registration.maxFresh", "pdp.maxAudience", "adminui.maxSearchBytes", "adminui.maxSnippetScopes",
	"adminui.maxBegun", "adminui.maxCheckpoints", "forwardauth.maxTo", "keys.maxKIDBytes",
	"secevent.maxBackoff", "secevent.maxRefusals", "secevent.maxAnswer", "secevent.maxError", "secevent.maxDeliveries", "secevent.maxPending",
	"secevent.maxDescription", "secevent.maxEndpoint", "secevent.maxBearer", "cors.maxHeaderBytes",
}

var surfaces = []string{"oauth", "server", "registration", "pdp", "adminapi", "adminui", "forwardauth", "page", "login", "authn", "secevent", "ssf", "httpjson", "cors", "interaction", "signin"}

func TestTheReferenceOfLimitsIsCurrent(t *testing.T) {
	var b strings.Builder
	var listed []string
	for _, s := range bounds {
		fmt.Fprintf(&b, "\n### %s\n\n| what | at most |\n| --- | --- |\n", s.section)
		for _, one := range s.of {
			name, of, _ := strings.Cut(one.constant, ".")
			fmt.Fprintf(&b, "| %s | %s |\n", one.of, text(value(t, name, of), one.unit))
			listed = append(listed, one.constant)
		}
	}
	Check(t, "limits.md", "limits", b.String())

	for _, name := range surfaces {
		for of := range constants(t, name) {
			if full := name + "." + of; maximum.MatchString(of) && !slices.Contains(listed, full) && !slices.Contains(elsewhere, full) {
				t.Errorf("%s bounds something, and no row of docs/reference/limits.md has it: add one in bounds", full)
			}
		}
	}
}

var maximum = regexp.MustCompile(`^[mM]ax[A-Z]`)

// text is a value as people read it.
func text(v constant.Value, in unit) string {
	n, _ := constant.Int64Val(constant.ToInt(v))
	switch {
	case in == duration:
		return domain.DurationText(time.Duration(n))
	case in == bytes && n >= 1<<20 && n%(1<<20) == 0:
		return fmt.Sprintf("%d MiB", n>>20)
	case in == bytes && n >= 1<<10 && n%(1<<10) == 0:
		return fmt.Sprintf("%d KiB", n>>10)
	case in == bytes:
		return fmt.Sprintf("%d bytes", n)
	}
	return fmt.Sprint(n)
}

// value is that of a constant of a package in internal.
func value(t *testing.T, name, of string) constant.Value {
	t.Helper()
	expr, ok := constants(t, name)[of]
	if !ok {
		t.Fatalf("there is no constant %s.%s", name, of)
	}
	return evaluate(t, name, expr)
}

func evaluate(t *testing.T, name string, expr ast.Expr) constant.Value {
	t.Helper()
	switch e := expr.(type) {
	case *ast.BasicLit:
		return constant.MakeFromLiteral(e.Value, e.Kind, 0)
	case *ast.ParenExpr:
		return evaluate(t, name, e.X)
	case *ast.Ident:
		return value(t, name, e.Name)
	case *ast.SelectorExpr:
		of := e.X.(*ast.Ident).Name
		if of == "time" {
			return constant.MakeInt64(int64(map[string]time.Duration{"Second": time.Second, "Minute": time.Minute, "Hour": time.Hour, "Millisecond": time.Millisecond}[e.Sel.Name]))
		}
		return value(t, of, e.Sel.Name)
	case *ast.BinaryExpr:
		x, y := evaluate(t, name, e.X), evaluate(t, name, e.Y)
		if e.Op == token.SHL || e.Op == token.SHR {
			by, _ := constant.Uint64Val(y)
			return constant.Shift(x, e.Op, uint(by))
		}
		return constant.BinaryOp(x, e.Op, y)
	}
	t.Fatalf("a constant of %s cannot be read: %T", name, expr)
	return nil
}

var parsed = map[string]map[string]ast.Expr{}

// constants are those of a package in internal, by name.
func constants(t *testing.T, name string) map[string]ast.Expr {
	t.Helper()
	if found, ok := parsed[name]; ok {
		return found
	}
	files, err := filepath.Glob(filepath.Join(folder(t), "..", "..", "internal", name, "*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("there is no package %s: %v", name, err)
	}
	found := map[string]ast.Expr{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range syntax.Decls {
			declared, ok := d.(*ast.GenDecl)
			if !ok || declared.Tok != token.CONST {
				continue
			}
			for _, s := range declared.Specs {
				if spec := s.(*ast.ValueSpec); len(spec.Values) == len(spec.Names) {
					for i, n := range spec.Names {
						found[n.Name] = spec.Values[i]
					}
				}
			}
		}
	}
	parsed[name] = found
	return found
}
