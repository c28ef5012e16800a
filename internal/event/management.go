package event

// ManagementRefused says: a caller lacked the permission for a management operation. Omitted is how many such events were left out
// since the last.
type ManagementRefused struct {
	Operation  string `json:"-"`
	Omitted    int64  `json:"omitted,omitempty"`
	Permission string `json:"permission"`
}

// Kind implements Event.
func (ManagementRefused) Kind() string { return "management.refuse" }

// Object implements Event.
func (e ManagementRefused) Object() string { return "operation:" + e.Operation }
