package admin

import (
	"context"
	"fmt"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// Sync gives the built-in API the permissions of this version, and the administrator role all of them. It writes only what differs.
func (s *Service) Sync(ctx context.Context) error {
	ctx = event.WithActor(ctx, event.System)
	api, err := s.config.Registry.FindAPI(ctx, domain.AdminAudience)
	if err != nil {
		return fmt.Errorf("find the built-in API: %w", err)
	}
	wanted := make([]domain.Permission, len(Permissions))
	for i, p := range Permissions {
		wanted[i] = domain.Permission(p)
	}
	if !containsAll(api.Permissions, wanted) {
		_, err := s.config.Registry.UpdateAPI(ctx, domain.AdminAudience, func(api *domain.API) error {
			api.Permissions = wanted
			return nil
		})
		if err != nil {
			return fmt.Errorf("update the built-in API: %w", err)
		}
	}
	role, err := s.config.Directory.FindRole(ctx, domain.RoleAdministrator)
	if err != nil {
		return fmt.Errorf("find the administrator role: %w", err)
	}
	var given []domain.RolePermission
	for _, p := range Permissions {
		given = append(given, domain.RolePermission{Audience: domain.AdminAudience, Permission: p.Name})
	}
	if containsAll(role.Permissions, given) {
		return nil
	}
	_, err = s.config.Directory.UpdateRole(ctx, domain.RoleAdministrator, func(role *domain.Role) error {
		for _, p := range given {
			if !slices.Contains(role.Permissions, p) {
				role.Permissions = append(role.Permissions, p)
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("update the administrator role: %w", err)
	}
	return nil
}

func containsAll[T comparable](list, wanted []T) bool {
	return !slices.ContainsFunc(wanted, func(w T) bool { return !slices.Contains(list, w) })
}

// adminPermissions are those of urn:signet:admin that a role gives.
func adminPermissions(permissions []domain.RolePermission) []string {
	var names []string
	for _, p := range permissions {
		if p.Audience == domain.AdminAudience {
			names = append(names, p.Permission)
		}
	}
	return names
}
