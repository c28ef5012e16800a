package cli

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/domain"
)

// claims makes the flag of claim mappings, CLAIM=EXPRESSION, that may be repeated.
func claims(flags *pflag.FlagSet, into *[]admin.ClaimMapping, where string) {
	flags.Func("claim", "give a claim of "+where+" the value of a CEL expression, `CLAIM=EXPRESSION`; may be repeated", func(text string) error {
		claim, expression, divided := strings.Cut(text, "=")
		if !divided || claim == "" || expression == "" {
			return errors.New("write CLAIM=EXPRESSION")
		}
		*into = append(*into, admin.ClaimMapping{Claim: claim, Expression: expression})
		return nil
	})
}

func removeClaims(flags *pflag.FlagSet, into *[]string) {
	flags.StringArrayVar(into, "remove-claim", nil, "leave the `CLAIM` out again; may be repeated")
}

// editClaims removes mappings and adds others; one of a claim that is there replaces its expression.
func editClaims(mappings []admin.ClaimMapping, remove []string, add []admin.ClaimMapping) ([]admin.ClaimMapping, error) {
	edited := slices.Clone(mappings)
	find := func(claim string) int {
		return slices.IndexFunc(edited, func(m admin.ClaimMapping) bool { return m.Claim == claim })
	}
	for _, claim := range remove {
		i := find(claim)
		if i < 0 {
			return nil, fmt.Errorf("claim %q: %w", claim, domain.ErrNotFound)
		}
		edited = slices.Delete(edited, i, i+1)
	}
	for _, m := range add {
		if i := find(m.Claim); i >= 0 {
			edited[i] = m
		} else {
			edited = append(edited, m)
		}
	}
	return edited, nil
}

func showClaims(w io.Writer, mappings []admin.ClaimMapping) {
	for _, m := range mappings {
		details(w, "claim "+m.Claim, strings.ReplaceAll(m.Expression, "\n", " "))
	}
}
