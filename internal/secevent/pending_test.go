package secevent

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
)

func TestItemsOfOneEventHaveDifferentKeys(t *testing.T) {
	items := map[string]item{}
	for _, i := range []struct{ format, subject, session, client, audience string }{
		{format: "f"},
		{format: "f", subject: "x"},
		{format: "f", session: "x"},
		{format: "f", client: "x"},
		{format: "f", audience: "x"},
		{format: "f", subject: "y"},
		{format: "g", subject: "y"},
		{format: "g", subject: "y", session: "x"},
	} {
		made := newItem(domain.OutboxEntry{Seq: 1, Format: i.format, Subject: i.subject, Session: i.session, Client: i.client}, i.audience)
		if other, taken := items[made.key]; taken {
			t.Errorf("%+v has the key of %+v", i, other)
		}
		items[made.key] = made
	}
}

func TestProgressKeepsWhatIsAcknowledgedOutOfOrder(t *testing.T) {
	items := []item{at(3, "3.a"), at(5, "5.a"), at(5, "5.b"), at(9, "9.a")}
	w := pending{items: items, through: 12}
	for _, step := range []struct {
		done int
		want domain.Progress
	}{
		{2, domain.Progress{Acked: 2, Beyond: []string{"5.b"}}},
		{0, domain.Progress{Acked: 4, Beyond: []string{"5.b"}}},
		{3, domain.Progress{Acked: 4, Beyond: []string{"5.b", "9.a"}}},
		{1, domain.Progress{Acked: 12}},
	} {
		w.receiver.Progress = w.progress(items[step.done])
		if diff := cmp.Diff(step.want, w.receiver.Progress); diff != "" {
			t.Errorf("after %s (-want +got)\n%s", items[step.done].key, diff)
		}
	}
}

func at(seq int64, key string) item { return item{key: key, cause: domain.OutboxEntry{Seq: seq}} }
