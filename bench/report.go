package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// report prints a table, and by number of connections how many times as much Signet does per second as oidc-provider, and on
// SQLite as on Postgres.
func report(out io.Writer, measured servers) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\nserver\tload\tconnections\tper second\tp50\tp99\tmax\tmemory\tfailed\t")
	for _, r := range slices.Concat(measured.yardstick, measured.signet, measured.embedded) {
		fmt.Fprintf(w, "%s\t%s\t%d\t%.0f\t%s\t%s\t%s\t%d MiB\t%d\t\n", r.target, r.load, r.connections, r.perSecond(),
			milliseconds(r.P50), milliseconds(r.P99), milliseconds(r.Max), r.memory>>20, r.Refused+r.Broken)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(out)
	compare(out, "oidc-provider", measured.signet, measured.yardstick)
	compare(out, "signet on Postgres", measured.embedded, measured.signet)
	return nil
}

// compare prints, for each load, how many times as much per second the one does as the other; both are in the same order.
func compare(out io.Writer, name string, results, others []result) {
	for i, r := range results {
		fmt.Fprintf(out, "%d connections: %s does %.2f times as many %s per second as %s\n",
			r.connections, r.target, r.perSecond()/others[i].perSecond(), r.load, name)
	}
}

func milliseconds(microseconds int64) string {
	return fmt.Sprintf("%.1f ms", (time.Duration(microseconds)*time.Microsecond).Seconds()*1e3)
}
