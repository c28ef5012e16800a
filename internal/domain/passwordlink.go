package domain

import (
	"slices"
	"time"
)

// PasswordLink is a link with which a user sets a password, once.
type PasswordLink struct {
	UserID    int64
	Hash      []byte
	Maker     AdminPermissions // when it was made
	CreatedAt time.Time
	ExpiresAt time.Time
}

// EveryAdminPermission in AdminPermissions stands for all permissions of urn:signet:admin, those of later versions too.
const EveryAdminPermission = "*"

// AdminPermissions are the permissions of urn:signet:admin that somebody has.
type AdminPermissions []string

// Cover reports whether all of the permissions are among them.
func (p AdminPermissions) Cover(permissions []string) bool {
	return slices.Contains(p, EveryAdminPermission) ||
		!slices.ContainsFunc(permissions, func(permission string) bool { return !slices.Contains(p, permission) })
}
