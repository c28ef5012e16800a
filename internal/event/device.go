package event

import "github.com/signet-auth/signet/internal/domain"

// AskedAPI is an API, with the scopes there that were asked for.
type AskedAPI struct {
	Audience string   `json:"audience"`
	Scopes   []string `json:"scopes"`
}

// AskedAPIs are those that were asked for.
func AskedAPIs(apis []domain.GrantAPI) []AskedAPI {
	asked := make([]AskedAPI, len(apis))
	for i, api := range apis {
		asked[i] = AskedAPI{api.Audience, api.Scopes}
	}
	return asked
}

// DeviceRequested says: a device asked, from an address, for what a user may allow. Omitted is how many such events were left out since
// the last.
type DeviceRequested struct {
	APIs     []AskedAPI `json:"apis"`
	ClientID string     `json:"-"`
	IP       string     `json:"ip"`
	Omitted  int64      `json:"omitted,omitempty"`
	Request  int64      `json:"request"`
}

// Kind implements Event.
func (DeviceRequested) Kind() string { return "device.request" }

// Object implements Event.
func (e DeviceRequested) Object() string { return "client:" + e.ClientID }

// UserCodeRefused says: a user, or the network of an address, has entered too many wrong codes of devices, and this one was not tried.
// Omitted as for DeviceRequested.
type UserCodeRefused struct {
	Username string `json:"-"`
	IP       string `json:"ip"`
	Omitted  int64  `json:"omitted,omitempty"`
}

// Kind implements Event.
func (UserCodeRefused) Kind() string { return "device.refuse_code" }

// Object implements Event.
func (e UserCodeRefused) Object() string { return "user:" + e.Username }

// DeviceApproved says: a user allowed what a device had asked for; IP is the device's.
type DeviceApproved struct {
	APIs     []AskedAPI `json:"apis"`
	ClientID string     `json:"-"`
	Grant    int64      `json:"grant"`
	IP       string     `json:"ip"`
	Request  int64      `json:"request"`
}

// Kind implements Event.
func (DeviceApproved) Kind() string { return "device.approve" }

// Object implements Event.
func (e DeviceApproved) Object() string { return "client:" + e.ClientID }

// DeviceDenied says: a user refused what a device had asked for; IP is the device's.
type DeviceDenied struct {
	ClientID string `json:"-"`
	IP       string `json:"ip"`
	Request  int64  `json:"request"`
}

// Kind implements Event.
func (DeviceDenied) Kind() string { return "device.deny" }

// Object implements Event.
func (e DeviceDenied) Object() string { return "client:" + e.ClientID }
