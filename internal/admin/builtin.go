package admin

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// builtInRoles are what the built-in roles have of urn:signet:admin.
var builtInRoles = map[string][]class{
	domain.RoleAdministrator: {reading, operating, managing},
	domain.RoleOperator:      {reading, operating},
	domain.RoleAuditor:       {reading},
}

// Sync gives the built-in API the permissions of this version, and the built-in roles theirs. It writes only what differs, and leaves
// alone what another version has that runs beside it.
func (s *Service) Sync(ctx context.Context) error {
	ctx = event.WithActor(ctx, event.System)
	api, err := s.config.Registry.FindAPI(ctx, domain.AdminAudience)
	if err != nil {
		return fmt.Errorf("find the built-in API: %w", err)
	}
	wanted := make([]domain.Permission, len(Permissions))
	for i, p := range Permissions {
		wanted[i] = domain.Permission{Name: p.Name, Description: p.Description}
	}
	if !containsAll(api.Permissions, wanted) {
		_, _, err := s.config.Registry.UpdateAPI(ctx, domain.AdminAudience, func(api *domain.API) error {
			api.Permissions = wanted
			return nil
		})
		if err != nil {
			return fmt.Errorf("update the built-in API: %w", err)
		}
	}
	for _, name := range domain.BuiltInRoles {
		if err := s.syncRole(ctx, name, builtInRoles[name]); err != nil {
			return fmt.Errorf("update the built-in role %s: %w", name, err)
		}
	}
	return s.syncClient(ctx)
}

// syncClient registers the client of the command line. It stays disabled where an administrator disabled it. None of its name is anybody
// else's: it is registered before the first operation on a database, and not deleted.
func (s *Service) syncClient(ctx context.Context) error {
	_, err := s.config.Registry.FindClient(ctx, domain.CLIClient)
	if errors.Is(err, domain.ErrNotFound) {
		_, _, err = s.config.Registry.CreateClient(ctx, domain.Client{
			ClientID: domain.CLIClient, Name: "Signet command line", Public: true,
			GrantTypes:   []string{domain.GrantAuthorizationCode, domain.GrantDeviceCode, domain.GrantRefreshToken},
			RedirectURIs: []string{"http://127.0.0.1/callback"},
			APIs:         []domain.ClientAPI{{Audience: domain.AdminAudience, Default: true}},
		})
	}
	if err != nil && !errors.Is(err, domain.ErrExists) { // by a server that starts at the same time
		return fmt.Errorf("register the built-in client: %w", err)
	}
	return nil
}

func (s *Service) syncRole(ctx context.Context, name string, classes []class) error {
	role, err := s.config.Directory.FindRole(ctx, name)
	if err != nil {
		return err
	}
	var given, other []domain.RolePermission
	for _, p := range Permissions {
		permission := domain.RolePermission{Audience: domain.AdminAudience, Permission: p.Name}
		if slices.Contains(classes, p.Class) {
			given = append(given, permission)
		} else {
			other = append(other, permission)
		}
	}
	isOther := func(p domain.RolePermission) bool { return slices.Contains(other, p) }
	if containsAll(role.Permissions, given) && !slices.ContainsFunc(role.Permissions, isOther) {
		return nil
	}
	return s.config.Directory.SyncRole(ctx, name, func(role *domain.Role) error {
		role.Permissions = slices.DeleteFunc(role.Permissions, isOther)
		for _, p := range given {
			if !slices.Contains(role.Permissions, p) {
				role.Permissions = append(role.Permissions, p)
			}
		}
		return nil
	})
}

func containsAll[T comparable](list, wanted []T) bool {
	return !slices.ContainsFunc(wanted, func(w T) bool { return !slices.Contains(list, w) })
}

// AdministrativeOf are those of urn:signet:admin that a role gives.
func AdministrativeOf[P domain.RolePermission | RolePermission](permissions []P) []string {
	var names []string
	for _, permission := range permissions {
		if p := domain.RolePermission(permission); p.Audience == domain.AdminAudience {
			names = append(names, p.Permission)
		}
	}
	return names
}
