package pdp

import "github.com/signet-auth/signet/internal/decision"

// searchActions answers which actions a subject may do with a resource (AuthZEN §8.3). Subjects and resources are not searched: resources are
// the services' own, and conditions read of both what only the services know.
func searchActions(q *question) (any, error) {
	type result struct {
		Name string `json:"name"`
	}
	request, err := readSubjectAndResource(q.body)
	if err != nil {
		return nil, err
	}
	if request.Context, err = object(q.body, "context"); err != nil {
		return nil, err
	}
	request.Now = q.surface.Now()
	names, err := q.decider.Actions(q.ctx, request)
	if err != nil {
		return nil, err
	}
	results := make([]result, len(names))
	for i, name := range names {
		results[i] = result{name}
	}
	return struct {
		Results []result `json:"results"`
	}{results}, nil
}

func readSubjectAndResource(members map[string]any) (r decision.Request, err error) {
	subject, err := required(members, "subject")
	if err != nil {
		return r, err
	}
	if r.Subject.Type, r.Subject.ID, r.Subject.Properties, err = entity(subject, "subject"); err != nil {
		return r, err
	}
	resource, err := required(members, "resource")
	if err != nil {
		return r, err
	}
	r.Resource.Type, r.Resource.ID, r.Resource.Properties, err = entity(resource, "resource")
	return r, err
}
