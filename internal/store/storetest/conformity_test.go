package storetest

import (
	"github.com/signet-auth/signet/internal/audit"
	"github.com/signet-auth/signet/internal/cache"
	"github.com/signet-auth/signet/internal/device"
	"github.com/signet-auth/signet/internal/directory"
	"github.com/signet-auth/signet/internal/event"
	"github.com/signet-auth/signet/internal/index"
	"github.com/signet-auth/signet/internal/keys"
	"github.com/signet-auth/signet/internal/registry"
	"github.com/signet-auth/signet/internal/revocation"
	"github.com/signet-auth/signet/internal/secevent"
	"github.com/signet-auth/signet/internal/session"
	"github.com/signet-auth/signet/internal/signin"
	"github.com/signet-auth/signet/internal/status"
	"github.com/signet-auth/signet/internal/store"
)

// The store keeps what every service needs.
var (
	_ secevent.Store        = (*store.DB)(nil)
	_ secevent.Outbox       = (*store.DB)(nil)
	_ secevent.Deliveries   = (*store.DB)(nil)
	_ registry.APIs         = (*store.DB)(nil)
	_ registry.Clients      = (*store.DB)(nil)
	_ device.Store          = (*store.DB)(nil)
	_ device.Grants         = (*store.DB)(nil)
	_ directory.Users       = (*store.DB)(nil)
	_ directory.Groups      = (*store.DB)(nil)
	_ directory.Members     = (*store.DB)(nil)
	_ directory.Roles       = (*store.DB)(nil)
	_ directory.Assignments = (*store.DB)(nil)
	_ directory.Setup       = (*store.DB)(nil)
	_ directory.Sessions    = (*store.DB)(nil)
	_ keys.Store            = (*store.DB)(nil)
	_ index.Store           = (*store.DB)(nil)
	_ event.Store           = (*store.DB)(nil)
	_ status.Leases         = (*store.DB)(nil)
	_ status.Lists          = (*store.DB)(nil)
	_ revocation.Store      = (*store.DB)(nil)
	_ revocation.Statuses   = (*store.DB)(nil)
	_ revocation.Grants     = (*store.DB)(nil)
	_ session.Store         = (*store.DB)(nil)
	_ signin.Store          = (*store.DB)(nil)
	_ signin.Transactions   = (*store.DB)(nil)
	_ audit.Store           = (*store.DB)(nil)
	_ cache.Store           = (*store.DB)(nil)
)
