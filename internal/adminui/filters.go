package adminui

import (
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// byName is what the address calls the search.
const byName = "search"

// asked is a filter of a list, with what the address has in it.
func (v *visit) asked(kind, object, name string) *field {
	return v.field(kind, object, name, v.query(name))
}

// query is what the address says under a name, as text that can be shown.
func (v *visit) query(name string) string {
	return strings.ToValidUTF8(strings.TrimSpace(v.r.URL.Query().Get(name)), "\ufffd")
}

// askedOption is a filter of a list that has one of some options, the first of them at first.
func (v *visit) askedOption(object, name string, options []option) *field {
	f := v.asked("choice", object, name)
	f.Options = options
	if !slices.ContainsFunc(options, func(o option) bool { return o.Value == f.Value }) {
		f.Value = options[0].Value
	}
	return f
}

// askedState is a filter of a list of what may be disabled.
func (v *visit) askedState() *field {
	return v.askedOption("list", "state", []option{{"", v.text("list.any_state")}, {"enabled", v.text("state.enabled")}, {"disabled", v.text("state.disabled")}})
}

// disabled is whether those are disabled that askedState chooses, nil for both.
func disabled(state *field) *bool {
	if state.Value == "" {
		return nil
	}
	is := state.Value == "disabled"
	return &is
}

// Filtered says whether a filter is set beside the search.
func (l listing) Filtered() bool {
	return slices.ContainsFunc(l.Filters, func(f *field) bool {
		return f.Value != "" && (len(f.Options) == 0 || f.Value != f.Options[0].Value)
	})
}

// Clear is the address of the list without filters, empty if none is set.
func (l listing) Clear() string {
	if !l.Filtered() && l.Search == "" {
		return ""
	}
	rest := maps.Clone(l.Kept)
	if rest == nil {
		rest = url.Values{}
	}
	if l.Size != 0 && l.Size != sizes[0] {
		rest.Set("size", strconv.Itoa(l.Size))
	}
	return "?" + rest.Encode()
}
