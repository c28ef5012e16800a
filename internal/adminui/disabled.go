package adminui

import "time"

// disabledFacts say since when something is disabled, and why; there are none if it is not.
func (v *visit) disabledFacts(disabled bool, at time.Time, reason string) []fact {
	if !disabled {
		return nil
	}
	return []fact{v.fact("disable.at", cell{Time: at}), v.fact("disable.why", cell{Text: reason})}
}
