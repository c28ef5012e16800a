package cli

import (
	"fmt"
	"slices"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

// editClientAPIs changes which APIs a client may ask for. An entry without permissions means all of the API, so no
// edit may empty one by accident, or leave a client with more permissions than the flags name.
func editClientAPIs(apis []admin.ClientAPI, remove, add []reference) ([]admin.ClientAPI, error) {
	edited := slices.Clone(apis)
	find := func(audience string) int {
		return slices.IndexFunc(edited, func(api admin.ClientAPI) bool { return api.Audience == audience })
	}
	for _, r := range remove {
		i := find(r.audience)
		if i < 0 {
			return nil, fmt.Errorf("API %q of the client: %w", r.audience, domain.ErrNotFound)
		}
		if r.permission == "" {
			edited = slices.Delete(edited, i, i+1)
			continue
		}
		if len(edited[i].Permissions) == 0 {
			return nil, wholeAPI(r.audience)
		}
		left, err := edit("permission", edited[i].Permissions, []string{r.permission}, nil)
		if err != nil {
			return nil, err
		}
		if edited[i].Permissions = left; len(left) == 0 {
			edited = slices.Delete(edited, i, i+1)
		}
	}
	for _, r := range add {
		i := find(r.audience)
		switch {
		case i < 0 && r.permission == "":
			edited = append(edited, admin.ClientAPI{Audience: r.audience, Permissions: []string{}})
		case i < 0:
			edited = append(edited, admin.ClientAPI{Audience: r.audience, Permissions: []string{r.permission}})
		case r.permission == "" && len(edited[i].Permissions) > 0:
			return nil, fmt.Errorf("the client has single permissions of %s: to allow all, --remove-api it in the same command", r.audience)
		case r.permission != "" && len(edited[i].Permissions) == 0:
			return nil, wholeAPI(r.audience)
		case r.permission != "" && !slices.Contains(edited[i].Permissions, r.permission):
			edited[i].Permissions = append(slices.Clone(edited[i].Permissions), r.permission)
		}
	}
	return edited, nil
}

// withDefaultAPI is a client's APIs, edited unless that is nil, with another default.
func withDefaultAPI(now admin.Client, edited *[]admin.ClientAPI, audience string) (*[]admin.ClientAPI, error) {
	apis := now.APIs
	if edited != nil {
		apis = *edited
	}
	apis, err := chooseDefaultAPI(apis, audience)
	apis = array(apis)
	return &apis, err
}

// chooseDefaultAPI makes one of a client's APIs the default; with an empty audience, none.
func chooseDefaultAPI(apis []admin.ClientAPI, audience string) ([]admin.ClientAPI, error) {
	chosen := slices.Clone(apis)
	found := audience == ""
	for i := range chosen {
		chosen[i].Default = chosen[i].Audience == audience
		found = found || chosen[i].Default
	}
	if !found {
		return nil, fmt.Errorf("%w default API %q: the client may not ask for it; add it with --api", domain.ErrInvalid, audience)
	}
	return chosen, nil
}

func wholeAPI(audience string) error {
	return fmt.Errorf("the client may have all of %s: to narrow it, --remove-api %s and --api the permissions it keeps", audience, audience)
}
