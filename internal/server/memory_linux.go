package server

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"syscall"
)

// releaseMemory gives back to the system what only starting needed: free memory, and code of the program, which the system
// has in its cache and maps again where it runs.
func releaseMemory() {
	debug.FreeOSMemory()
	program, err := os.Executable()
	if err != nil {
		return
	}
	maps, err := os.Open("/proc/self/maps")
	if err != nil {
		return
	}
	defer maps.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		var from, to uintptr
		if line := lines.Text(); strings.Contains(line, " r-xp ") && strings.HasSuffix(line, " "+program) {
			if _, err := fmt.Sscanf(line, "%x-%x", &from, &to); err == nil {
				_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, from, to-from, syscall.MADV_DONTNEED)
			}
		}
	}
}
