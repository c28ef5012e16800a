package directory_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/event/eventtest"
)

func (w *world) attribute(name string, kind domain.AttributeType) {
	w.t.Helper()
	_, err := w.CreateAttribute(eventtest.Context(w.t), domain.Attribute{Name: name, Type: kind})
	w.check(err)
}

func (w *world) setAttributes(username string, changes map[string]any) (domain.User, error) {
	return w.UpdateUser(eventtest.Context(w.t), username, func(user *domain.User) error {
		user.SetAttributes(changes)
		return nil
	})
}

func TestAttributesAreBoundedAndOfTheirType(t *testing.T) {
	each(t, func(w *world) {
		w.user("alice", "")
		w.attribute("badge", domain.AttributeNumber)
		w.attribute("projects", domain.AttributeStringList)
		long := strings.Repeat("x", 1001)
		for _, tc := range []struct {
			name  string
			value any
			want  string
		}{
			{"none", "x", "none is defined"},
			{"nickname", "", "not empty"},
			{"nickname", 1.0, "give it a text"},
			{"nickname", long, "at most 1000"},
			{"nickname", "a\nb", "on one line"},
			{"nickname", "a\x00", "control characters"},
			{"nickname", "\xff", "control characters"},
			{"badge", "7", "give it a number"},
			{"badge", 1e300, "at most 9007199254740992"},
			{"phone_number_verified", "true", "true or false"},
			{"projects", "x", "a list of 1 to 50"},
			{"projects", []any{}, "a list of 1 to 50"},
			{"projects", []any{"x", 1.0}, "a list of 1 to 50"},
			{"projects", []any{""}, "is empty"},
			{"projects", []any{strings.Repeat("x", 251)}, "at most 250"},
			{"projects", make([]any, 51), "a list of 1 to 50"},
			{"website", "ftp://x.example", "https://"},
			{"picture", "javascript:alert(1)//https://x", "https://"},
			{"birthdate", "31.12.1990", "1990-12-31"},
		} {
			_, err := w.setAttributes("alice", map[string]any{tc.name: tc.value})
			w.refused(err, domain.ErrInvalid, tc.want)
		}
		changes := map[string]any{
			"badge": 7.0, "projects": []any{"a", "b"}, "website": "https://x.example/~a", "birthdate": "0000-12-31",
			"address.formatted": "Road 1\n8000 Zürich", "phone_number": "+41 44",
		}
		user, err := w.setAttributes("alice", changes)
		w.check(err)
		changes["projects"] = []string{"a", "b"}
		if diff := cmp.Diff(changes, user.Attributes); diff != "" {
			w.t.Error(diff)
		}
		for i := range 40 {
			w.attribute(fmt.Sprintf("text%d", i), domain.AttributeString)
			changes[fmt.Sprintf("text%d", i)] = long[1:]
		}
		_, err = w.setAttributes("alice", changes)
		w.refused(err, domain.ErrInvalid, "together they have")
	})
}

func TestAnInstallationHasSoManyAttributesAndKeepsTheStandardOnes(t *testing.T) {
	each(t, func(w *world) {
		for i := range domain.MaxAttributes {
			w.attribute(fmt.Sprintf("a%d", i), domain.AttributeString)
		}
		_, err := w.CreateAttribute(eventtest.Context(w.t), domain.Attribute{Name: "more", Type: domain.AttributeString})
		w.refused(err, domain.ErrInvalid, "delete one")
		w.refused(w.DeleteAttribute(eventtest.Context(w.t), "nickname"), domain.ErrInvalid, "built in")
		w.check(w.DeleteAttribute(eventtest.Context(w.t), "a7"))
		w.attribute("more", domain.AttributeString)
		for _, name := range []string{"", "A", "1a", "a.b", "email", "sub", "address", strings.Repeat("x", 65)} {
			_, err := w.CreateAttribute(eventtest.Context(w.t), domain.Attribute{Name: name, Type: domain.AttributeString})
			w.refused(err, domain.ErrInvalid, "attribute name")
		}
	})
}

func TestAnAttributeThatIsDeletedIsGoneFromTheCache(t *testing.T) {
	each(t, func(w *world) {
		alice := w.user("alice", "")
		w.attribute("badge", domain.AttributeNumber)
		want := func(attributes map[string]any) {
			w.t.Helper()
			w.refresh()
			user, err := w.LookupUser(w.t.Context(), alice.ID)
			w.check(err)
			if diff := cmp.Diff(attributes, user.Attributes); diff != "" {
				w.t.Error(diff)
			}
		}
		want(nil)
		_, err := w.setAttributes("alice", map[string]any{"badge": 7.0, "nickname": "Al"})
		w.check(err)
		want(map[string]any{"badge": 7.0, "nickname": "Al"})
		w.check(w.DeleteAttribute(eventtest.Context(w.t), "badge"))
		want(map[string]any{"nickname": "Al"})
	})
}

func TestTheLogSaysWhichAttributesWereChanged(t *testing.T) {
	each(t, func(w *world) {
		w.user("alice", "")
		_, err := w.setAttributes("alice", map[string]any{"nickname": "Al", "locale": "de"})
		w.check(err)
		_, err = w.setAttributes("alice", map[string]any{"nickname": nil, "locale": "de"})
		w.check(err)
		failed := errors.New("no")
		_, err = w.UpdateUser(eventtest.Context(w.t), "alice", func(*domain.User) error { return failed })
		w.refused(err, failed)
		events, err := w.replica.Log.List(w.t.Context(), 0, 1000)
		w.check(err)
		last := events[len(events)-1]
		if !strings.Contains(last.Details, `"attributes":{"nickname":null}`) || last.Target != "user:alice" {
			w.t.Errorf("%+v", last)
		}
	})
}
