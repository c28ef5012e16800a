package event

// FilesApplied says: the objects of a set of files were made what the files say. What was changed has events of its own, after this one
// or before it in the same transaction.
type FilesApplied struct {
	Adopted            []string            `json:"adopted,omitempty"`             // as "kind name": of other sets or none before, changed or not
	AdoptedAssignments []AdoptedAssignment `json:"adopted_assignments,omitempty"` // the same of assignments
	Changed            int                 `json:"changed"`
	Created            int                 `json:"created"`
	Deleted            int                 `json:"deleted"`
	Set                string              `json:"-"`
}

// AdoptedAssignment names the subject in a member of its own, as RoleAssigned does, by which it is found to be erased.
type AdoptedAssignment struct {
	Role    string `json:"role"`
	Subject string `json:"subject"`
}

// Kind implements Event.
func (FilesApplied) Kind() string { return "file.apply" }

// Object implements Event.
func (e FilesApplied) Object() string { return "set:" + e.Set }
