package registry_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
	"github.com/signet-auth/signet/internal/servicetest"
)

func TestTrustsThatSayTooLittleAreRefused(t *testing.T) {
	const github, gitlab, cluster = "https://token.actions.githubusercontent.com", "https://gitlab.com", "https://kubernetes.default.svc"
	claims := func(pairs ...string) map[string]string {
		all := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			all[pairs[i]] = pairs[i+1]
		}
		return all
	}
	each(t, func(w *world) {
		w.service("ci")
		for name, c := range map[string]struct {
			trust domain.Trust
			want  string // empty: accepted
		}{
			"exact":                   {domain.Trust{Issuer: github, Subject: "repo:octo-org/shop:ref:refs/heads/main"}, ""},
			"a repository":            {domain.Trust{Issuer: github, Subject: "repo:octo-org/shop:**"}, ""},
			"an owner":                {domain.Trust{Issuer: github, Subject: "repo:octo-org/*:ref:refs/heads/main"}, ""},
			"a namespace":             {domain.Trust{Issuer: cluster, Subject: "system:serviceaccount:billing:*"}, ""},
			"a trust domain's path":   {domain.Trust{Issuer: "https://spire.example", Subject: "spiffe://prod.example/ns/billing/sa/*"}, ""},
			"a trust domain's name":   {domain.Trust{Issuer: "prod.example", Subject: "spiffe://prod.example/x", JWKSURI: "https://spire.example/keys"}, ""},
			"a claim":                 {domain.Trust{Issuer: gitlab, Subject: "user_login:jo/*", Claims: claims("project_path", "group/shop")}, ""},
			"a claim and a beginning": {domain.Trust{Issuer: gitlab, Subject: "ref:main:*", Claims: claims("project_id", "42")}, ""},
			"on this machine":         {domain.Trust{Issuer: "http://127.0.0.1:1234", Subject: "a"}, ""},
			"uploaded":                {domain.Trust{Issuer: cluster, Subject: "a", JWKS: " " + publicKey}, ""},

			"everybody":                  {domain.Trust{Issuer: github, Subject: "*"}, "trusts too much"},
			"everybody, otherwise":       {domain.Trust{Issuer: github, Subject: "**"}, "** after"},
			"all of GitHub":              {domain.Trust{Issuer: github, Subject: "repo:*"}, "trusts too much"},
			"all of GitHub, below":       {domain.Trust{Issuer: github, Subject: "repo:**"}, "trusts too much"},
			"all owners":                 {domain.Trust{Issuer: github, Subject: "repo:*/shop:ref:refs/heads/main"}, "trusts too much"},
			"owners that begin alike":    {domain.Trust{Issuer: github, Subject: "repo:octo-*/shop:**"}, "trusts too much"},
			"separators alone":           {domain.Trust{Issuer: github, Subject: ":/:/*"}, "trusts too much"},
			"another word":               {domain.Trust{Issuer: github, Subject: "environment:prod:*"}, "signs for everybody"},
			"GitHub with a slash":        {domain.Trust{Issuer: github + "/", Subject: "environment:prod:*"}, "signs for everybody"},
			"all of GitLab":              {domain.Trust{Issuer: gitlab, Subject: "project_path:*/*:ref_type:branch:ref:main"}, "trusts too much"},
			"Google accounts":            {domain.Trust{Issuer: "https://accounts.google.com", Subject: "a:b:*"}, "signs for everybody"},
			"a cluster":                  {domain.Trust{Issuer: cluster, Subject: "system:serviceaccount:*:default"}, "trusts too much"},
			"a trust domain":             {domain.Trust{Issuer: "https://spire.example", Subject: "spiffe://prod.example/*"}, "trusts too much"},
			"stars in the middle":        {domain.Trust{Issuer: cluster, Subject: "a:b:**:c"}, "at the end alone"},
			"many stars":                 {domain.Trust{Issuer: cluster, Subject: "a:b:" + strings.Repeat("*:", 6)}, "at most 5"},
			"no subject":                 {domain.Trust{Issuer: cluster}, "subject is empty"},
			"a long subject":             {domain.Trust{Issuer: cluster, Subject: strings.Repeat("x", 501)}, "at most 500"},
			"a subject with NUL":         {domain.Trust{Issuer: cluster, Subject: "a\x00"}, "subject"},
			"this server":                {domain.Trust{Issuer: servicetest.Issuer, Subject: "a"}, "this server"},
			"this server, otherwise":     {domain.Trust{Issuer: strings.ToUpper(servicetest.Issuer[:5]) + servicetest.Issuer[5:] + "/", Subject: "a"}, "issuer"},
			"an issuer over http":        {domain.Trust{Issuer: "http://ci.example", Subject: "a"}, "issuer"},
			"an issuer with a query":     {domain.Trust{Issuer: "https://ci.example?a=b", Subject: "a"}, "no query"},
			"no issuer":                  {domain.Trust{Subject: "a"}, "issuer"},
			"a name, and no keys":        {domain.Trust{Issuer: "prod.example", Subject: "a"}, "where its keys are"},
			"keys in both ways":          {domain.Trust{Issuer: cluster, Subject: "a", JWKS: publicKey, JWKSURI: "https://ci.example/keys"}, "not both"},
			"private keys":               {domain.Trust{Issuer: cluster, Subject: "a", JWKS: strings.Replace(publicKey, `"x"`, `"d":"AA","x"`, 1)}, "private key"},
			"keys over http":             {domain.Trust{Issuer: cluster, Subject: "a", JWKSURI: "http://ci.example/keys"}, "JWKS URI"},
			"a claim that is checked":    {domain.Trust{Issuer: cluster, Subject: "a", Claims: claims("aud", "b")}, "checked anyhow"},
			"an empty claim":             {domain.Trust{Issuer: cluster, Subject: "a", Claims: claims("ref", "")}, "empty"},
			"a claim of no name":         {domain.Trust{Issuer: cluster, Subject: "a", Claims: claims("", "x")}, "empty"},
			"private, and nothing there": {domain.Trust{Issuer: cluster, Subject: "a", JWKS: publicKey, Private: true}, "nothing is fetched"},
		} {
			added, err := w.AddTrust(eventtest.Context(w.t), "ci", c.trust)
			if c.want != "" {
				if err == nil {
					w.t.Errorf("%s is trusted", name)
				} else {
					w.refused(err, domain.ErrInvalid, c.want)
				}
				continue
			}
			if err != nil || added.Audience != "" || added.JWKS != strings.TrimSpace(c.trust.JWKS) {
				w.t.Errorf("%s: %v, %+v", name, err, added)
			}
			w.check(w.RemoveTrust(eventtest.Context(w.t), "ci", added.ID))
		}
	})
}

func TestTrustsComeAndGoOneAtATime(t *testing.T) {
	each(t, func(w *world) {
		ctx := eventtest.Context(w.t)
		client, err := w.CreateClientWithoutSecret(ctx, domain.Client{ClientID: "ci", GrantTypes: []string{domain.GrantClientCredentials}})
		w.check(err)
		if len(client.Secrets) > 0 {
			w.t.Errorf("it has a secret: %+v", client)
		}
		full := domain.Trust{
			Issuer: "https://ci.example", Subject: "a", Audience: "b", Claims: map[string]string{"ref": "main"}, JWKSURI: "https://ci.example/keys", Private: true, Reusable: true,
		}
		added, err := w.AddTrust(ctx, "ci", full)
		w.check(err)
		if e := w.lastEvent(); e.Action != "client.add_trust" || !strings.Contains(e.Details, `"subject":"a"`) {
			w.t.Errorf("the event says %+v", e)
		}
		client, err = w.FindClient(ctx, "ci")
		w.check(err)
		full.ID, full.CreatedAt = added.ID, client.Trusts[0].CreatedAt
		if diff := cmp.Diff([]domain.Trust{full}, client.Trusts); diff != "" {
			w.t.Errorf("(-want +got)\n%s", diff)
		}
		for range 19 {
			_, err := w.AddTrust(ctx, "ci", domain.Trust{Issuer: "https://ci.example", Subject: "a"})
			w.check(err)
		}
		_, err = w.AddTrust(ctx, "ci", full)
		w.refused(err, domain.ErrInvalid, "has 20")
		w.service("other")
		w.refused(w.RemoveTrust(ctx, "other", added.ID), domain.ErrNotFound)
		w.check(w.RemoveTrust(ctx, "ci", added.ID))
		w.refused(w.RemoveTrust(ctx, "ci", added.ID), domain.ErrNotFound)
		_, err = w.AddTrust(ctx, "nobody", full)
		w.refused(err, domain.ErrNotFound)
		_, _, err = w.CreateClient(ctx, domain.Client{ClientID: "app", Public: true, GrantTypes: []string{domain.GrantAuthorizationCode}, RedirectURIs: []string{"https://a.example"}})
		w.check(err)
		_, err = w.AddTrust(ctx, "app", full)
		w.refused(err, domain.ErrInvalid, "public client")
	})
}
