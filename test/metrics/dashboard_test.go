package metrics_test

import (
	"encoding/json"
	"os"
	"testing"

	"pausetest/internal/metrics"
)

// A dashboard is what of Grafana's model these tests look at.
type dashboard struct {
	Title         string
	UID           string
	SchemaVersion int
	Panels        []struct {
		ID         int
		Title      string
		Datasource datasource
		GridPos    struct{ X, Y, W, H int }
		Targets    []struct {
			Datasource datasource
			Expr       string
		}
	}
	Templating struct {
		List []struct{ Name string }
	}
}

type datasource struct{ Type, UID string }

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	if d.Title == "" || d.UID == "" || d.SchemaVersion < 36 || len(d.Panels) == 0 {
		t.Fatalf("no dashboard: %+v", d)
	}
	return d
}

// TestDashboardQueries: every query of the dashboard is PromQL and finds something
// in what a check leaves.
func TestDashboardQueries(t *testing.T) {
	group := testGroup{Interval: "1h"}
	for series, v := range parsed(t, metrics.Render(complete(t), nil)) {
		group.InputSeries = append(group.InputSeries, inputSeries{scrapedFrom("fs3:9100", series), number(v)})
	}
	for _, p := range readDashboard(t).Panels {
		if len(p.Targets) == 0 {
			t.Errorf("%s asks nothing", p.Title)
		}
		for _, target := range p.Targets {
			group.ExprTests = append(group.ExprTests, exprTest{
				// The chosen host is a variable within a pattern; all hosts are this one.
				Expr:     "count(" + os.Expand(target.Expr, func(string) string { return ".+" }) + ") > bool 0",
				EvalTime: "0h", ExpSamples: []exprSample{{"{}", 1}},
			})
		}
	}
	promtoolTest(t, group)
}

// TestDashboardImports: it can be imported beside any data source, and its panels
// don't lie on one another.
func TestDashboardImports(t *testing.T) {
	d := readDashboard(t)
	ids, taken := map[int]bool{}, map[[2]int]string{}
	for _, p := range d.Panels {
		if ids[p.ID] {
			t.Errorf("%s: the id %d is there twice", p.Title, p.ID)
		}
		ids[p.ID] = true
		if p.Datasource != (datasource{"prometheus", "${datasource}"}) {
			t.Errorf("%s: data source %v", p.Title, p.Datasource)
		}
		for _, target := range p.Targets {
			if target.Datasource != p.Datasource {
				t.Errorf("%s: data source %v of a query", p.Title, target.Datasource)
			}
		}
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies at %d, %d, on %q or beyond the edge", p.Title, x, y, other)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
	}
}
