package pdp

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"

	"github.com/signet-auth/signet/internal/decision"
	"github.com/signet-auth/signet/internal/policy"
)

// How many results a page of a search has at most, if the request says nothing and whatever it says.
const (
	usualResults = 50
	maxResults   = 200
)

// entityFound is a subject or a resource that was found.
type entityFound struct {
	Type string `json:"type"`
	ID   string `json:"id"`
}

// actionFound is an action that was found.
type actionFound struct {
	Name string `json:"name"`
}

// searchSubjects answers which subjects of a type may do an action with a resource (AuthZEN §8.1).
func searchSubjects(q *question) (any, error) {
	r, err := readSearched(q.body, "subject")
	if err == nil {
		err = readAction(q.body, &r)
	}
	if err != nil {
		return nil, err
	}
	return q.search("subject", r, q.decider.Subjects, func(id string) any { return entityFound{r.Subject.Type, id} })
}

// searchResources answers with which of the registered resources of a type a subject may do an action (AuthZEN §8.2).
func searchResources(q *question) (any, error) {
	r, err := readSearched(q.body, "resource")
	if err == nil {
		err = readAction(q.body, &r)
	}
	if err != nil {
		return nil, err
	}
	return q.search("resource", r, q.decider.Resources, func(id string) any { return entityFound{r.Resource.Type, id} })
}

// searchActions answers which actions a subject may do with a resource (AuthZEN §8.3).
func searchActions(q *question) (any, error) {
	r, err := readSearched(q.body, "")
	if err != nil {
		return nil, err
	}
	return q.search("action", r, q.decider.Actions, func(name string) any { return actionFound{name} })
}

// page is where a page of a search ends (AuthZEN §8).
type page struct {
	NextToken string `json:"next_token"` // empty: it is the last one
	Count     int    `json:"count"`
}

func (q *question) search(what string, r decision.Request, find func(context.Context, decision.Request, policy.SearchPage) (policy.Found, error), show func(name string) any) (any, error) {
	var err error
	if r.Context, err = object(q.body, "context"); err != nil {
		return nil, err
	}
	asked, err := object(q.body, "page")
	if err != nil {
		return nil, err
	}
	of, err := q.searchName(what)
	if err != nil {
		return nil, err
	}
	wanted, err := q.readPage(of, asked)
	if err != nil {
		return nil, err
	}
	r.Now = q.surface.Now()
	found, err := find(q.ctx, r, wanted)
	if err != nil {
		return nil, err
	}
	answer := struct {
		Results []any `json:"results"`
		Page    *page `json:"page,omitempty"`
	}{Results: make([]any, len(found.Names))}
	for i, name := range found.Names {
		answer.Results[i] = show(name)
	}
	if asked != nil || found.Next != "" {
		answer.Page = &page{Count: len(found.Names)}
		if found.Next != "" {
			answer.Page.NextToken = q.decisions.SealPlace(of, found.Next)
		}
	}
	return answer, nil
}

// searchName tells searches apart by all that they ask.
func (q *question) searchName(what string) (string, error) {
	asked, err := json.Marshal([]any{q.decider.Audience(), q.body["subject"], q.body["action"], q.body["resource"], q.body["context"]})
	if err != nil {
		return "", fmt.Errorf("write what a search asks: %w", err)
	}
	sum := sha256.Sum256(asked)
	return "search " + what + " " + base64.RawURLEncoding.EncodeToString(sum[:]), nil
}

func (q *question) readPage(of string, asked map[string]any) (policy.SearchPage, error) {
	wanted := policy.SearchPage{Limit: usualResults}
	token, err := optionalText(asked, "token")
	if err == nil && token != "" {
		wanted.After, err = q.decisions.OpenPlace(of, token)
	}
	if err != nil {
		return wanted, err
	}
	limit, ok := asked["limit"].(float64)
	switch given := asked["limit"].(type) { // as httpjson.Parse has those beyond what a float64 is exact for
	case int64:
		limit, ok = float64(given), true
	case uint64:
		limit, ok = float64(given), true
	}
	if !ok && asked["limit"] != nil || limit < 0 || limit != math.Trunc(limit) {
		return wanted, malformed("The member 'page.limit' must be a whole number, and not negative.")
	}
	if limit > 0 {
		wanted.Limit = int(min(limit, maxResults))
	}
	return wanted, nil
}

// readSearched reads the subject and the resource of a search; the id of what is searched does not count.
func readSearched(members map[string]any, searched string) (r decision.Request, err error) {
	for _, name := range []string{"subject", "resource"} {
		given, err := required(members, name)
		if err != nil {
			return r, err
		}
		kind, err := text(given, name, "type")
		if err != nil {
			return r, err
		}
		id := ""
		if name != searched {
			if id, err = text(given, name, "id"); err != nil {
				return r, err
			}
		}
		properties, err := object(given, "properties")
		if err != nil {
			return r, err
		}
		if name == "subject" {
			r.Subject = decision.Subject{Type: kind, ID: id, Properties: properties}
		} else {
			r.Resource = decision.Resource{Type: kind, ID: id, Properties: properties}
		}
	}
	return r, nil
}
