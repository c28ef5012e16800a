package adminui

// managed is the badge of an object that comes from a set of files; the zero badge for none.
func (v *visit) managed(set string) badge {
	if set == "" {
		return badge{}
	}
	return badge{Text: v.text("managed", set), Tone: "warn"}
}

// undone warns that a change of an object that comes from a set of files does not last; empty if it comes from none.
func (v *visit) undone(set string) string {
	if set == "" {
		return ""
	}
	return v.text("managed.lead", set)
}
