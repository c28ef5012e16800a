package authn_test

import (
	"os/user"
	"testing"

	"github.com/signet-auth/signet/internal/authn"
	"github.com/signet-auth/signet/internal/event"
)

func TestTheOperatingSystemsUserMayDoEverything(t *testing.T) {
	current, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	caller, err := authn.OperatingSystemUser()
	if err != nil {
		t.Fatal(err)
	}
	if want := event.Actor("os:" + current.Username); caller.Actor() != want || caller.Via() != authn.ViaCLI || caller.IsZero() {
		t.Errorf("caller %+v, want the actor %s at the command line", caller, want)
	}
	if !caller.May("keys:revoke") {
		t.Error("may not revoke keys")
	}
	if caller.Subject() != "" || caller.Client() != "" {
		t.Errorf("subject %q and client %q, want neither", caller.Subject(), caller.Client())
	}
}

func TestTheZeroCallerMayDoNothing(t *testing.T) {
	var nobody authn.Caller
	if !nobody.IsZero() || nobody.May("tokens:read") || nobody.May("") || nobody.Actor() != "" {
		t.Errorf("zero caller %+v", nobody)
	}
}
