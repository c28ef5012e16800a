package adminui

import (
	"strconv"
	"time"

	"github.com/signet-auth/signet/internal/admin"
)

// verification shows the last verification event of a receiver, and sends another.
func (v *visit) verification(r admin.Receiver) panel {
	p := panel{Title: v.text("receiver.verification"), Empty: v.text("receiver.verification.none"), Hint: v.text("receiver.verification.hint")}
	if v.may("receiver.verify") {
		p.Actions = []action{{Text: v.text("receiver.verify"), Path: address("receivers", r.ClientID, "verify"), Post: true}}
	}
	last := r.Verification
	if last.Seq == 0 {
		return p
	}
	p.Empty = ""
	answer := cell{Badge: badge{v.text("receiver.verification.acknowledged"), "good"}}
	switch {
	case last.IsPending():
		answer.Badge, p.Reload = badge{v.text("receiver.verification.pending"), "warn"}, 2
		if v.Now().Sub(last.SentAt) > time.Minute {
			p.Reload = 30
		}
		if r.Paused {
			p.Hint, p.Reload = v.text("receiver.verification.paused"), 0
		}
	case last.AcknowledgedAt.IsZero():
		answer.Badge = badge{v.text("receiver.verification.refused"), "bad"}
	}
	event := cell{Text: strconv.FormatInt(last.Seq, 10)}
	if v.may("audit.find") {
		event.Path = address("audit", event.Text)
	}
	p.Facts = []fact{v.fact("receiver.verification.answer", answer)}
	if last.State != "" {
		p.Facts = append(p.Facts, v.fact("receiver.verification.state", cell{Code: last.State}))
	}
	p.Facts = append(p.Facts, v.fact("receiver.verification.sent_at", cell{Time: last.SentAt}))
	switch {
	case !last.AcknowledgedAt.IsZero():
		p.Facts = append(p.Facts, v.fact("receiver.verification.acknowledged_at", cell{Time: last.AcknowledgedAt}))
	case !last.RefusedAt.IsZero():
		p.Facts = append(p.Facts, v.fact("receiver.verification.refused_at", cell{Time: last.RefusedAt}), v.fact("receiver.verification.refusal", cell{Text: last.Refusal}))
	}
	p.Facts = append(p.Facts, v.fact("receiver.verification.event", event))
	return p
}

func verifyReceiver(v *visit) error {
	name := v.r.PathValue("name")
	if _, err := v.Admin.VerifyReceiver(v.ctx(), v.caller, name, ""); err != nil {
		return err
	}
	return v.done("receiver.verification_sent", "receivers", name)
}
