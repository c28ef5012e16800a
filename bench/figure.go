package main

import (
	"fmt"
	"io"
)

// table prints measured figures beside their targets, one in a line.
type table struct{ out io.Writer }

// atLeast prints a figure that passes if it is not below a target.
func (s table) atLeast(target, value float64, unit, what string) {
	s.line(value, unit, fmt.Sprintf("at least %s", quantity(target, unit)), verdict(value >= target), what)
}

// atMost prints a figure that passes if it is not above a target.
func (s table) atMost(target, value float64, unit, what string) {
	s.line(value, unit, fmt.Sprintf("at most %s", quantity(target, unit)), verdict(value <= target), what)
}

// note prints a figure that has no target.
func (s table) note(value float64, unit, what string) { s.line(value, unit, "", "", what) }

func (s table) line(value float64, unit, target, verdict, what string) {
	fmt.Fprintf(s.out, "%-5s  %14s  %-20s  %s\n", verdict, quantity(value, unit), target, what)
}

func verdict(pass bool) string {
	if pass {
		return "pass"
	}
	return "below"
}

// quantity writes small numbers with two digits after the point, large ones with none.
func quantity(value float64, unit string) string {
	if value != float64(int64(value)) && value < 100 {
		return fmt.Sprintf("%.2f %s", value, unit)
	}
	return fmt.Sprintf("%.0f %s", value, unit)
}
