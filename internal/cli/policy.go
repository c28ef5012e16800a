package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/adminclient"
	"github.com/signet-auth/signet/internal/decision"
)

// errCasesFail ends a test of a policy some of whose cases fail.
var errCasesFail = errors.New("there are cases that fail")

var policyVersions = layout[admin.PolicyVersion]{
	[]string{"NUMBER", "ACTIVE", "AUTHOR", "CREATED"},
	func(v admin.PolicyVersion) []any { return []any{v.Number, v.Active, v.Author, v.CreatedAt} },
}

func (a *app) policyCommand() *cobra.Command {
	return noun("policy", "Manage the policies of APIs: rules that say what is allowed", a.policyShow(), a.policySet(), a.policyTest(), a.policyVersions(), a.policyRollback(), a.policyDelete())
}

// showPolicy writes a policy as it can be saved again.
func (a *app) showPolicy(p admin.Policy) view {
	return view{p, func(w io.Writer) {
		if p.Number == 0 {
			a.note("%s has no policy: a permission TYPE:ACTION allows that action on resources of that type.", p.API)
		}
		fmt.Fprint(w, p.Text)
	}}
}

func (a *app) policyShow() *cobra.Command {
	var number int64
	cmd := &cobra.Command{
		Use:     "show AUDIENCE",
		Short:   admin.OperationOf("policy.find").Summary,
		Example: "  signet policy show https://orders.example\n  signet policy show https://orders.example --number 3",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().Int64Var(&number, "number", 0, "show the version `N` (default the one that decides)")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		if cmd.Flags().Changed("number") {
			v, err := call[admin.PolicyVersion](ctx, c, "policy.find_version", nil, args[0], strconv.FormatInt(number, 10))
			return view{v, func(w io.Writer) { fmt.Fprint(w, v.Text) }}, err
		}
		found, err := call[admin.Policy](ctx, c, "policy.find", nil, args[0])
		return a.showPolicy(found), err
	})
	return cmd
}

func (a *app) policySet() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "set AUDIENCE -f FILE",
		Short: admin.OperationOf("policy.set").Summary,
		Long: `Reads a policy in YAML or JSON, checks it, and lets it decide from now on. The earlier versions are kept, the newest 50 of them.

  rules:
  - name: own-orders
    effect: allow                  # or deny, which outweighs all that allow
    actions: [read, cancel]        # "*" stands for all
    resources: [order]             # types; "*" stands for all
    permissions: [order:own]       # of which the subject has one; left out: whoever it is
    roles: [customer]              # the same of roles
    when: resource.properties.owner == subject.id

What no rule decides is allowed by the permission TYPE:ACTION, as order:read; not by one that a rule which allows names: it counts for its
rules alone. A condition is CEL over subject.type, .id, .permissions, .roles, .groups, .claims and .properties; action.name and .properties;
resource.type, .id and .properties; context; and now. One that fails does not allow, and of a rule that denies it denies.`,
		Example: "  signet policy set https://orders.example -f orders-policy.yaml",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVarP(&from, "file", "f", "", "the `FILE` that holds the policy, or stdin (-)")
	_ = cmd.MarkFlagRequired("file") // the flag exists
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		text, err := a.readText("policy", from)
		if err != nil {
			return view{}, err
		}
		var now, set admin.Policy
		tag, err := c.Call(ctx, adminclient.Request{Operation: "policy.find", Path: args}, &now)
		if err != nil {
			return view{}, err
		}
		_, err = c.Call(ctx, adminclient.Request{Operation: "policy.set", Path: args, IfMatch: tag, Body: members{"text": text}}, &set)
		return policyNumber(set), err
	})
	return cmd
}

func policyNumber(p admin.Policy) view {
	return view{p, func(w io.Writer) { fmt.Fprintf(w, "version %d of the policy of %s decides\n", p.Number, p.API) }}
}

// readText reads a file, or stdin for "-".
func (a *app) readText(what, path string) (string, error) {
	if path != "-" {
		return readFile(what, path, decision.MaxText)
	}
	text, err := io.ReadAll(io.LimitReader(a.stdin, decision.MaxText+1))
	if err == nil && len(text) > decision.MaxText {
		err = fmt.Errorf("it is longer than %d bytes", decision.MaxText)
	}
	if err != nil {
		return "", fmt.Errorf("read the %s from stdin: %w", what, err)
	}
	return string(text), nil
}

func (a *app) policyVersions() *cobra.Command {
	return &cobra.Command{
		Use:     "versions AUDIENCE",
		Short:   admin.OperationOf("policy.list_versions").Summary,
		Example: "  signet policy versions https://orders.example",
		Args:    cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			versions, err := few[admin.PolicyVersion](ctx, c, "policy.list_versions", args[0])
			return policyVersions.table(versions), err
		}),
	}
}

func (a *app) policyRollback() *cobra.Command {
	return &cobra.Command{
		Use:     "rollback AUDIENCE NUMBER",
		Short:   admin.OperationOf("policy.rollback").Summary,
		Example: "  signet policy rollback https://orders.example 3",
		Args:    cobra.ExactArgs(2),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			number, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil {
				return view{}, usagef("%q is not the number of a version", args[1])
			}
			var set admin.Policy
			request := adminclient.Request{Operation: "policy.rollback", Path: args[:1], IfMatch: "*", Body: members{"number": number}}
			_, err = c.Call(ctx, request, &set)
			return policyNumber(set), err
		}),
	}
}

func (a *app) policyDelete() *cobra.Command {
	return &cobra.Command{
		Use:     "delete AUDIENCE",
		Short:   admin.OperationOf("policy.delete").Summary,
		Example: "  signet policy delete https://orders.example",
		Args:    cobra.ExactArgs(1),
		RunE: a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
			return answer(done{"deleted", "policy", args[0]}), act(ctx, c, "policy.delete", args[0])
		}),
	}
}

// testedPolicy is what test cases came to.
type testedPolicy struct {
	Cases    int          `json:"cases"`
	Failed   []failedCase `json:"failed"`
	Rules    int          `json:"rules"`
	Untested []string     `json:"untested"` // rules that decided no case
}

type failedCase struct {
	Line    int    `json:"line"`
	Name    string `json:"name,omitempty"`
	Allowed bool   `json:"allowed"`
	Reason  string `json:"reason"`
}

func testPolicy(policyText, casesText string) (tested testedPolicy, err error) {
	policy, err := decision.Compile(policyText)
	if err != nil {
		return tested, fmt.Errorf("the policy: %w", err)
	}
	cases, err := decision.ParseCases(casesText)
	if err != nil {
		return tested, fmt.Errorf("the cases: %w", err)
	}
	results, untested := policy.Test(cases)
	tested = testedPolicy{Cases: len(cases), Failed: []failedCase{}, Rules: len(policy.Rules()), Untested: append([]string{}, untested...)}
	for _, r := range results {
		if !r.Passed {
			tested.Failed = append(tested.Failed, failedCase{r.Case.Line, r.Case.Name, r.Verdict.Allowed, r.Verdict.Reason()})
		}
	}
	return tested, nil
}

func (t testedPolicy) text(w io.Writer) {
	for _, f := range t.Failed {
		verdict := "denied"
		if f.Allowed {
			verdict = "allowed"
		}
		fmt.Fprintf(w, "FAIL line %d %s: it is %s. %s\n", f.Line, f.Name, verdict, f.Reason)
	}
	fmt.Fprintf(w, "%d of %d cases pass; %d of %d rules decide one\n", t.Cases-len(t.Failed), t.Cases, t.Rules-len(t.Untested), t.Rules)
	if len(t.Untested) > 0 {
		fmt.Fprintf(w, "not tested: %s\n", strings.Join(t.Untested, ", "))
	}
}

func (a *app) policyTest() *cobra.Command {
	var policyFile, api string
	cmd := &cobra.Command{
		Use:   "test CASES --policy FILE | --api AUDIENCE",
		Short: "Run test cases against a policy, and show which rules they cover",
		Long: `Reads cases in YAML or JSON from a file, and decides each by the policy in a file, which asks no server, or by that of an API.
Fails if an answer is not the one that is expected.

  - name: owners read their orders
    subject: {type: user, id: usr_1, permissions: [order:own], roles: [customer]}   # and groups, claims, properties
    action: read                      # or {name: read, properties: {}}
    resource: order:42                # or {type: order, id: "42", properties: {owner: usr_1}}
    context: {amount: 10}
    now: 2026-01-31T12:00:00Z
    expect: allow                     # or deny
    rule: own-orders                  # that decides; may be left out`,
		Example: "  signet policy test cases.yaml --policy orders-policy.yaml\n  signet policy test cases.yaml --api https://orders.example",
		Args:    cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&policyFile, "policy", "", "the `FILE` that holds the policy")
	cmd.Flags().StringVar(&api, "api", "", "the policy of the API `AUDIENCE`")
	cmd.MarkFlagsOneRequired("policy", "api")
	cmd.MarkFlagsMutuallyExclusive("policy", "api")
	var failed bool
	run := func(policyText, path string) (view, error) {
		cases, err := a.readText("cases", path)
		if err != nil {
			return view{}, err
		}
		tested, err := testPolicy(policyText, cases)
		failed = len(tested.Failed) > 0
		return answer(tested), err
	}
	managed := a.call(func(ctx context.Context, c *adminclient.Client, args []string) (view, error) {
		found, err := call[admin.Policy](ctx, c, "policy.find", nil, api)
		if err != nil {
			return view{}, err
		}
		return run(found.Text, args[0])
	})
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := error(nil)
		if policyFile == "" {
			err = managed(cmd, args)
		} else {
			err = a.testFile(policyFile, args[0], run)
		}
		if err == nil && failed {
			err = errCasesFail
		}
		return err
	}
	return cmd
}

func (a *app) testFile(policyFile, cases string, run func(policyText, path string) (view, error)) error {
	a.started = true
	text, err := a.readText("policy", policyFile)
	if err != nil {
		return err
	}
	tested, err := run(text, cases)
	if err != nil {
		return err
	}
	return a.print(tested)
}

type decisionView admin.Decision

func (v decisionView) text(w io.Writer) {
	verdict := "DENIED"
	if v.Allowed {
		verdict = "ALLOWED"
	}
	fmt.Fprintf(w, "%s: %s\n", verdict, v.Reason)
	var rows [][]any
	for _, r := range v.Rules {
		rows = append(rows, []any{r.Rule, r.Effect, r.Applies, r.Why})
	}
	if len(rows) > 0 {
		writeTable(w, []string{"RULE", "EFFECT", "APPLIES", "WHY"}, rows)
	}
}

func (a *app) decideCommand() *cobra.Command {
	var tokenFile, api, user, client, action, resource string
	var properties, circumstances map[string]string
	var explain bool
	cmd := &cobra.Command{
		Use:   "decide",
		Short: admin.OperationOf("decision.evaluate").Summary,
		Long: `Decides as services are answered under /access/v1: by an access token alone, or by what the directory has of a user or a client.
Properties and context are texts here.`,
		Example: `  signet decide --token-file t --action read --resource order:42 --explain
  signet decide --user usr_7f3a --api https://orders.example --action read --resource order:42 --property owner=usr_7f3a`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	flags.StringVar(&tokenFile, "token-file", "", "the `FILE` that holds an access token of the subject, or stdin (-)")
	flags.StringVar(&user, "user", "", "the user with this `SUB`")
	flags.StringVar(&client, "client", "", "the client `CLIENT_ID`, acting for itself")
	flags.StringVar(&api, "api", "", "at the API `AUDIENCE` (default: that of the token)")
	flags.StringVar(&action, "action", "", "the `NAME` of the action")
	flags.StringVar(&resource, "resource", "", "the resource as `TYPE[:ID]`")
	pairsFlag(flags, &properties, "property", "a property of the resource as `KEY=VALUE`; may be repeated")
	pairsFlag(flags, &circumstances, "with", "a member of the context of the question as `KEY=VALUE`; may be repeated")
	flags.BoolVar(&explain, "explain", false, "say what each rule came to")
	for _, required := range []string{"action", "resource"} {
		_ = cmd.MarkFlagRequired(required) // the flag exists
	}
	cmd.MarkFlagsOneRequired("token-file", "user", "client")
	cmd.MarkFlagsMutuallyExclusive("token-file", "user", "client")
	cmd.RunE = a.call(func(ctx context.Context, c *adminclient.Client, _ []string) (view, error) {
		asked := decision.ResourceOf(resource)
		about := members{"type": asked.Type, "id": asked.ID}
		body := members{"action": action, "resource": about, "explain": explain}
		if properties != nil {
			about["properties"] = properties
		}
		if circumstances != nil {
			body["context"] = circumstances
		}
		if api != "" {
			body["api"] = api
		}
		switch {
		case user != "":
			body["subject"] = members{"type": "user", "id": user}
		case client != "":
			body["subject"] = members{"type": "client", "id": client}
		default:
			text, err := a.readText("token", tokenFile)
			if err != nil {
				return view{}, err
			}
			body["token"] = strings.TrimSpace(text)
		}
		decided, err := call[decisionView](ctx, c, "decision.evaluate", body)
		return answer(decided), err
	})
	return cmd
}
