package event

// MetadataRefused says: the metadata document of a client was not taken; before this, as many were left out of the log as Omitted says.
type MetadataRefused struct {
	ClientID string `json:"-"`
	Omitted  int64  `json:"omitted,omitempty"`
	Reason   string `json:"reason"`
}

// Kind implements Event.
func (MetadataRefused) Kind() string { return "client.refuse_metadata" }

// Object implements Event.
func (e MetadataRefused) Object() string { return "client:" + e.ClientID }
