package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

const (
	decisionTokens = 200 // of subjects
	batchSize      = 100
)

// decisionsPolicy lets clients read orders that are not archived, and has rules beside that.
func decisionsPolicy() string {
	var b strings.Builder
	b.WriteString("rules:\n- {name: read, effect: allow, actions: [read], resources: [orders], permissions: [\"" + permission + "\"], when: '!has(resource.properties.archived)'}\n")
	for n := range 100 {
		fmt.Fprintf(&b, "- {name: other-%d, effect: allow, actions: [act-%d], resources: [orders], roles: [reader]}\n", n, n)
	}
	return b.String()
}

// measureDecisions measures evaluations per second at /access/v1, by access tokens and by the directory, and what a batch costs.
func measureDecisions(ctx context.Context, out io.Writer, database string, p plan) error {
	i, signet, err := startSignet(ctx, p.dir, database)
	if err != nil {
		return err
	}
	defer signet.stop()
	file := filepath.Join(p.dir, "policy.yaml")
	if err := os.WriteFile(file, []byte(decisionsPolicy()), 0o600); err != nil {
		return err
	}
	var gateway credentials
	for _, step := range []struct {
		into any
		args []string
	}{
		{nil, []string{"policy", "set", audience, "-f", file}},
		{nil, []string{"role", "create", "decider", "--grant", "urn:signet:admin#decisions:evaluate"}},
		{&gateway, []string{"client", "create", "gateway", "--grant", "client_credentials", "--api", "urn:signet:admin", "--serves", audience}},
		{nil, []string{"assign", "decider", "--client", "gateway"}},
	} {
		if err := i.run(ctx, step.into, step.args...); err != nil {
			return err
		}
	}
	bearer, err := signet.request(ctx, gateway, "grant_type=client_credentials&scope=decisions%3Aevaluate&resource=urn%3Asignet%3Aadmin")
	if err != nil {
		return err
	}
	tokens, err := signet.issueMany(ctx, signet.client, decisionTokens)
	if err != nil {
		return err
	}
	const rest = `"action":{"name":"read"},"resource":{"type":"orders","id":"42","properties":{"owner":"usr_1"}}`
	directory := `{"subject":{"type":"client","id":"` + signet.client.ID + `"},` + rest + `}`
	var stateless []string
	for _, token := range tokens {
		stateless = append(stateless, `{"subject":{"type":"access_token","id":"`+token+`"},`+rest+`}`)
	}
	var items []string
	for n := range batchSize {
		items = append(items, fmt.Sprintf(`{"resource":{"type":"orders","id":"%d","properties":{"owner":"usr_1"}}}`, n))
	}
	batch := strings.TrimSuffix(directory, "}") + `,"evaluations":[` + strings.Join(items, ",") + `]}`
	evaluation := i.issuer + "/access/v1/evaluation"
	evaluate := func(name, url string, bodies ...string) load {
		return load{name: name, of: signet, url: url, client: credentials{Secret: bearer}, bodies: bodies}
	}
	results, err := p.inTurn(ctx, p.connections[0], evaluate("by the directory", evaluation, directory),
		evaluate("by access tokens", evaluation, stateless...), evaluate("batches", evaluation+"s", batch))
	if err != nil {
		return err
	}
	single, byToken, many := results[0].perSecond(), results[1].perSecond(), results[2].perSecond()
	t := table{out}
	t.atLeast(20_000, single, "per second", "evaluations of what the directory says of a client")
	t.atLeast(20_000, byToken, "per second", fmt.Sprintf("evaluations by one of %d access tokens", decisionTokens))
	t.note(many*batchSize, "per second", fmt.Sprintf("evaluations in batches of %d", batchSize))
	t.atMost(8, single/many, "times", fmt.Sprintf("a batch of %d costs a single evaluation", batchSize))
	return nil
}
