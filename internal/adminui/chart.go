package adminui

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-auth/signet/internal/admin"
	"github.com/signet-auth/signet/internal/statistics"
)

// chart is how often two things happened, one above the other, by steps of time.
type chart struct {
	Title, Words string // for those who do not see it
	Bars         []bar
	Most         int64 // the top
	From, Until  string
	Legend       []mark
	Table        table
	Spans        []link
}

// bar is a part of a column.
type bar struct{ Class, X, Y, Wide, High string }

const (
	chartWide = 1200
	chartHigh = 200
)

// chartSpan is what a chart can show.
type chartSpan struct {
	key    string
	past   time.Duration
	step   time.Duration
	format string
}

var chartSpans = []chartSpan{
	{"hour", time.Hour, time.Minute, "15:04"},
	{"day", 24 * time.Hour, 15 * time.Minute, "2 Jan 15:04"},
	{"fortnight", 14 * 24 * time.Hour, 6 * time.Hour, "2 Jan 15:04"},
}

// column is a step of a chart.
type column struct {
	at              time.Time
	issued, refused int64
}

// chart draws what the statistics say of the span that the address names.
func (v *visit) chart() (chart, error) {
	chosen := chartSpans[max(0, slices.IndexFunc(chartSpans, func(s chartSpan) bool { return s.key == v.r.URL.Query().Get("span") }))]
	until := v.Now().UTC().Truncate(time.Minute)
	from := until.Add(-chosen.past).Truncate(chosen.step)
	sums, err := v.Admin.SumStatistics(v.ctx(), v.caller, from, until, chosen.step)
	if err != nil {
		return chart{}, err
	}
	c := chart{
		Title: v.text("chart.title." + chosen.key), From: from.Format(chosen.format), Until: until.Format(chosen.format) + " UTC",
		Legend: []mark{{"issued", v.text("chart.issued")}, {"refused", v.text("chart.refused")}},
		Table:  table{Columns: []string{v.text("chart.time"), v.text("chart.issued"), v.text("chart.refused")}},
	}
	columns := columnsOf(sums, from, until, chosen.step)
	var issued, refused int64
	for _, col := range columns {
		issued, refused = issued+col.issued, refused+col.refused
		c.Most = max(c.Most, col.issued+col.refused)
		if col.issued+col.refused > 0 {
			c.Table.Rows = append(c.Table.Rows, row{Cells: []cell{{Text: col.at.Format(chosen.format)}, {Text: grouped(col.issued)}, {Text: grouped(col.refused)}}})
		}
	}
	c.draw(columns)
	c.Words = v.text("chart.words", grouped(issued), grouped(refused), grouped(c.Most))
	for _, s := range chartSpans {
		c.Spans = append(c.Spans, link{Text: v.text("chart.span." + s.key), Path: root + "/?span=" + s.key, Current: s.key == chosen.key})
	}
	return c, nil
}

// columnsOf are all steps, those in which nothing happened included.
func columnsOf(sums []admin.Statistic, from, until time.Time, step time.Duration) []column {
	var columns []column
	for at := from; at.Before(until); at = at.Add(step) {
		columns = append(columns, column{at: at})
	}
	for _, sum := range sums {
		i := int(sum.At.Sub(from) / step)
		if i < 0 || i >= len(columns) {
			continue
		}
		switch {
		case strings.HasPrefix(sum.Kind, statistics.Issued):
			columns[i].issued += sum.Count
		case strings.HasPrefix(sum.Kind, statistics.Refused):
			columns[i].refused += sum.Count
		}
	}
	return columns
}

func (c *chart) draw(columns []column) {
	wide := float64(chartWide) / float64(max(1, len(columns)))
	high := func(n int64) float64 { return float64(n) * chartHigh / float64(max(1, c.Most)) }
	for i, col := range columns {
		x, top := float64(i)*wide, float64(chartHigh)
		for _, part := range []struct {
			class string
			n     int64
		}{{"issued", col.issued}, {"refused", col.refused}} {
			if part.n > 0 {
				top -= high(part.n)
				c.Bars = append(c.Bars, bar{part.class, tenths(x + wide*0.1), tenths(top), tenths(wide * 0.8), tenths(high(part.n))})
			}
		}
	}
}

// tenths writes a length of the drawing.
func tenths(x float64) string { return strconv.FormatFloat(x, 'f', 1, 64) }
