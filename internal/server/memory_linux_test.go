package server

import (
	"os"
	"regexp"
	"strconv"
	"testing"
)

func TestWhatOnlyStartingNeededIsGivenBack(t *testing.T) {
	before := programMemory(t)
	releaseMemory()
	if after := programMemory(t); after >= before {
		t.Errorf("%d kB of the program are resident, %d before", after, before)
	}
}

// programMemory is how much of files is resident, in kB: of the program.
func programMemory(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	found := regexp.MustCompile(`RssFile:\s+(\d+) kB`).FindSubmatch(status)
	if found == nil {
		t.Fatalf("no RssFile in %s", status)
	}
	kilobytes, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes
}
