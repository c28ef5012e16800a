package domain

// Page asks for a part of a list, which is in the order of what names its objects.
type Page struct {
	After  string // those after this name, the nearest; empty: from the beginning
	Before string // those before this name, the nearest, in place of those after one
	Search string // that a name of theirs begins with, whatever the case; empty: all
	Limit  int    // at most so many
}
