package token_test

import (
	"regexp"
	"testing"

	"github.com/signet-auth/signet/internal/domain"
	"github.com/signet-auth/signet/internal/token"
)

func TestAPairwiseSubjectIsOneOfAUserInASector(t *testing.T) {
	subjects := token.NewSubjects([]byte("a key of an installation"))
	pairwise := func(sector string) *domain.Client {
		return &domain.Client{SubjectType: domain.SubjectTypePairwise, SectorIdentifier: sector}
	}
	of := subjects.Of(pairwise("shop.example"), "usr_a")
	if of != "usr_kmlspp7z3bdmdpdyqwzdjqy2thiy2mhd" { // for ever: clients keep it
		t.Errorf("the subject is %q", of)
	}
	if !regexp.MustCompile(`^usr_[a-z2-7]{32}$`).MatchString(of) {
		t.Errorf("%q does not look like a user's", of)
	}
	for name, other := range map[string]string{
		"another sector": subjects.Of(pairwise("shop.exampl"), "usr_a"),
		"another user":   subjects.Of(pairwise("shop.example"), "usr_b"),
		"shifted":        subjects.Of(pairwise("shop.exampleu"), "sr_a"),
		"another key":    token.NewSubjects([]byte("another")).Of(pairwise("shop.example"), "usr_a"),
		"no pair":        subjects.Of(&domain.Client{SectorIdentifier: "shop.example"}, "usr_a"),
	} {
		if other == of {
			t.Errorf("%s has the same subject", name)
		}
	}
	if again := subjects.Of(pairwise("shop.example"), "usr_a"); again != of {
		t.Errorf("then it is %q", again)
	}
}
