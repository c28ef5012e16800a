package event

// MasterKeyAdded says: the secret of the installation was sealed with another master key too, named by its id.
type MasterKeyAdded struct {
	Key string `json:"-"`
}

// Kind implements Event.
func (MasterKeyAdded) Kind() string { return "master-key.add" }

// Object implements Event.
func (e MasterKeyAdded) Object() string { return "master-key:" + e.Key }

// MasterKeysRetired says: all master keys but one open the installation's secret no more.
type MasterKeysRetired struct {
	Kept    string   `json:"-"`
	Retired []string `json:"retired"`
}

// Kind implements Event.
func (MasterKeysRetired) Kind() string { return "master-key.retire" }

// Object implements Event.
func (e MasterKeysRetired) Object() string { return "master-key:" + e.Kept }
