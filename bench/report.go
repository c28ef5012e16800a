package main

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"
)

// report prints a table and the ratio of tokens per second, by number of connections.
func report(out io.Writer, signet, yardstick []result) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nserver\tload\tconnections\tper second\tp50\tp99\tmax\tmemory\tfailed\t")
	for _, r := range append(yardstick, signet...) {
		fmt.Fprintf(w, "%s\t%s\t%d\t%.0f\t%s\t%s\t%s\t%d MiB\t%d\t\n", r.target, r.load, r.connections, r.perSecond(),
			milliseconds(r.P50), milliseconds(r.P99), milliseconds(r.Max), r.memory>>20, r.Refused+r.Broken)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	for _, y := range yardstick {
		for _, s := range signet {
			if s.load == y.load && s.connections == y.connections {
				fmt.Fprintf(out, "%d connections: signet issues %.2f times as many tokens per second as oidc-provider\n",
					s.connections, s.perSecond()/y.perSecond())
			}
		}
	}
	return nil
}

func milliseconds(microseconds int64) string {
	return fmt.Sprintf("%.1f ms", (time.Duration(microseconds)*time.Microsecond).Seconds()*1e3)
}
