package report

import (
	"fmt"
	"strconv"
	"strings"

	"pausetest/internal/analysis"
	"pausetest/internal/limiter"
)

// limitSection says where the limit is.
func limitSection(r *analysis.Result) section {
	sec := section{ID: "limit", Title: "Where is the limit?"}
	f := r.Limiter
	if f == nil {
		sec.Paragraphs = []string{"The recording does not say: what the processes did was not recorded."}
		return sec
	}
	sec.Paragraphs = []string{clean(f.Statement)}
	for i := range f.Causes {
		if c := &f.Causes[i]; i == 0 || c.Share >= leastTold {
			sec.Facts = append(sec.Facts, fact{causeName(c), wholePercent(c.Share) + " of the time; for: " + reasons(c.For) + "; against: " + reasons(c.Against)})
		}
	}
	for _, t := range []table{levelLimits(f), limitTable(f, worthTelling(f))} {
		if len(t.Rows) > 0 {
			sec.Tables = append(sec.Tables, t)
		}
	}
	for _, missing := range f.Missing {
		sec.List = append(sec.List, "not known: "+clean(missing))
	}
	return sec
}

// leastTold is the part of the time from which on a cause is in the brief reports.
const leastTold = 0.05

// candidatesSection is all that was considered, and all that was seen.
func candidatesSection(r *analysis.Result) section {
	f := r.Limiter
	if f == nil || len(f.Causes) == 0 {
		return section{}
	}
	causes := table{Columns: []column{
		{Name: "candidate"}, {Name: "of the time", Number: true}, {Name: "with one alone", Number: true}, {Name: "for"}, {Name: "against"},
	}, Stack: true}
	for i := range f.Causes {
		c := &f.Causes[i]
		alone := none
		if c.Alone != nil {
			alone = wholePercent(*c.Alone)
		}
		causes.Rows = append(causes.Rows, []string{causeName(c), wholePercent(c.Share), alone, reasons(c.For), reasons(c.Against)})
	}
	all := limitTable(f, func(*limiter.Level, *limiter.ProcessLevel) bool { return true })
	return section{ID: "candidates", Title: "Candidates for the limit, and what was seen", Tables: []table{causes, all}, In: inFull}
}

func causeName(c *limiter.Cause) string {
	name := strings.ReplaceAll(string(c.Kind), "-", " ")
	switch c.Kind {
	case limiter.HostCPU:
		name = "the host's CPUs"
	case limiter.NetworkFS:
		name = "network file system"
	}
	if c.Process != nil {
		name += ": " + clean(c.Process.Name)
	}
	return name
}

func reasons(texts []string) string {
	if len(texts) == 0 {
		return none
	}
	return clean(strings.Join(texts, "; "))
}

// worthTelling picks what a terminal has room for: one stream and all of them, and
// without the processes that mostly wait to be given something.
func worthTelling(f *limiter.Finding) func(*limiter.Level, *limiter.ProcessLevel) bool {
	return func(l *limiter.Level, p *limiter.ProcessLevel) bool {
		return (l.Active == 1 || l.Active == f.Active) && (p.Role != limiter.Between || p.Runs+p.OnDisk+p.ToPipe+p.ToSocket > 0.1)
	}
}

// levelLimits is what the limit is with each number of running streams.
func levelLimits(f *limiter.Finding) table {
	t := table{Columns: []column{{Name: "active"}, {Name: "limit", Elastic: true}, {Name: "of the time", Number: true}}}
	for _, s := range f.Stretches() {
		share := wholePercent(s.MostShare)
		switch least := wholePercent(s.LeastShare); {
		case s.Limit.Kind == limiter.Unknown:
			share = none
		case least != share:
			share = strings.TrimSuffix(least, " %") + " to " + share
		}
		t.Rows = append(t.Rows, []string{s.Active(), clean(s.Limit.Name), share})
	}
	return t
}

// limitTable is what the processes did with each number of running streams: how much
// of a CPU their busiest thread used, and at which part of the looks they did what.
func limitTable(f *limiter.Finding, wanted func(*limiter.Level, *limiter.ProcessLevel) bool) table {
	t := table{Columns: []column{
		{Name: "active", Number: true}, {Name: "process", Elastic: true}, {Name: "CPU", Number: true}, {Name: "runs", Number: true},
		{Name: "disk", Number: true}, {Name: "to pipe", Number: true}, {Name: "to socket", Number: true}, {Name: "to read", Number: true},
		{Name: "writes", Number: true},
	}}
	for i := range f.Levels {
		l := &f.Levels[i]
		for k := range l.Processes {
			p := &l.Processes[k]
			if !wanted(l, p) {
				continue
			}
			name := clean(p.Name)
			if p.Count > 1 {
				name = fmt.Sprintf("%d %s", p.Count, name)
			}
			row := []string{strconv.Itoa(l.Active), name}
			for _, share := range []float64{p.BusiestCPU, p.Runs, p.OnDisk, p.ToPipe, p.ToSocket, p.ToRead} {
				row = append(row, wholePercent(share))
			}
			t.Rows = append(t.Rows, append(row, Rate(p.WrittenRate)))
		}
	}
	return t
}

func wholePercent(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) }
