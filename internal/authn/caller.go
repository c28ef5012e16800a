// Package authn establishes who is calling: a client by its credentials, a subject by its access token, the operating system's
// user at the command line. A new way of authentication is added here, once, for all surfaces; each surface translates the
// errors of this package into those of its protocol.
package authn

import (
	"errors"
	"fmt"
	"os/user"
	"slices"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event"
)

// How a caller reached the server: the values of Caller.Via.
const (
	ViaCLI     = "cli"     // a command on the database itself
	ViaAPI     = "api"     // HTTP, with an access token or client credentials
	ViaSession = "session" // a browser that is signed in
)

// Caller is who asks for something, and what it may do. Only this package makes one; the zero Caller may do nothing.
type Caller struct {
	actor          event.Actor
	subject        string
	client         string
	via            string
	permissions    []string // of urn:signet:admin
	allPermissions bool
}

// Actor is the caller's name in the audit log; empty for the zero Caller.
func (c Caller) Actor() event.Actor { return c.actor }

// Subject is the username of the user who calls; empty if there is no user of Signet.
func (c Caller) Subject() string { return c.subject }

// Client is the client_id of the client that calls; empty if there is none.
func (c Caller) Client() string { return c.client }

// Via is ViaCLI, ViaAPI or ViaSession; empty for the zero Caller.
func (c Caller) Via() string { return c.via }

// May reports whether the caller has a permission of urn:signet:admin.
func (c Caller) May(permission string) bool {
	return !c.IsZero() && (c.allPermissions || slices.Contains(c.permissions, permission))
}

// MayManage reports whether the caller has any permission of urn:signet:admin.
func (c Caller) MayManage() bool { return !c.IsZero() && (c.allPermissions || len(c.permissions) > 0) }

// Permissions are the caller's of urn:signet:admin.
func (c Caller) Permissions() domain.AdminPermissions {
	if c.allPermissions {
		return domain.AdminPermissions{domain.EveryAdminPermission}
	}
	return slices.Clone(c.permissions)
}

// IsZero reports whether nobody was authenticated.
func (c Caller) IsZero() bool { return c.actor == "" }

// OperatingSystemUser is the caller at the command line, who has the database and so may do everything. An error if the
// operating system has no name for the process's user.
func OperatingSystemUser() (Caller, error) {
	current, err := user.Current()
	if err == nil && current.Username == "" {
		err = errors.New("the user has no name")
	}
	if err != nil {
		return Caller{}, fmt.Errorf("find the operating system's user: %w", err)
	}
	return Caller{actor: event.OperatingSystemUser(current.Username), via: ViaCLI, allPermissions: true}, nil
}
