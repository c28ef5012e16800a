package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/signet-auth/signet/internal/adminapi"
)

func TestTheOperationsAreThoseOfTheDocument(t *testing.T) {
	document, err := adminapi.Description()
	if err != nil {
		t.Fatal(err)
	}
	want, err := generate(document)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../" + file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("internal/adminclient/operations.go is not of this OpenAPI document: run go generate ./internal/adminclient")
	}
}
