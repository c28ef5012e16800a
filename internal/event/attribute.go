package event

// AttributeCreated says: an attribute of users was defined.
type AttributeCreated struct {
	Attribute   string `json:"-"`
	Description string `json:"description"`
	Type        string `json:"type"`
}

// Kind implements Event.
func (AttributeCreated) Kind() string { return "attribute.create" }

// Object implements Event.
func (e AttributeCreated) Object() string { return "attribute:" + e.Attribute }

// AttributeUpdated says: the description of an attribute was set.
type AttributeUpdated struct {
	Attribute   string `json:"-"`
	Description string `json:"description"`
}

// Kind implements Event.
func (AttributeUpdated) Kind() string { return "attribute.update" }

// Object implements Event.
func (e AttributeUpdated) Object() string { return "attribute:" + e.Attribute }

// AttributeDeleted says: an attribute was deleted, with what users had of it.
type AttributeDeleted struct {
	Attribute string `json:"-"`
}

// Kind implements Event.
func (AttributeDeleted) Kind() string { return "attribute.delete" }

// Object implements Event.
func (e AttributeDeleted) Object() string { return "attribute:" + e.Attribute }
