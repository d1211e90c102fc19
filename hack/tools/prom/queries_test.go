// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package prom_test holds every query that we ship against Prometheus' own parser and against the metrics that there are. It is a
// module of its own, so that Prometheus is no dependency of the operator (make alerts).
package prom_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
	"sigs.k8s.io/yaml"
)

const root = "../../.."

// rows are the metrics and labels in the table of docs/monitoring.md, which is generated from the registry.
var rows = regexp.MustCompile("(?m)^\\| `(engine_operator_\\w+)` \\| (\\w+) \\| ([^|]*) \\|")

// others are metrics of controller-runtime, of the Go runtime and of the process.
var others = []string{
	"controller_runtime_reconcile_total", "controller_runtime_reconcile_errors_total", "controller_runtime_reconcile_time_seconds_bucket",
	"workqueue_depth", "process_resident_memory_bytes", "process_cpu_seconds_total", "go_memstats_heap_inuse_bytes",
}

// known maps each metric's name to its labels.
func known(t *testing.T) map[string][]string {
	t.Helper()
	metrics := map[string][]string{}
	for _, row := range rows.FindAllStringSubmatch(read(t, "docs/monitoring.md"), -1) {
		list := strings.Split(strings.ReplaceAll(row[3], "`", ""), ", ")
		if row[2] != "histogram" {
			metrics[row[1]] = list
			continue
		}
		for suffix, more := range map[string][]string{"_bucket": {"le"}, "_sum": nil, "_count": nil} {
			metrics[row[1]+suffix] = append(slices.Clone(list), more...)
		}
	}
	if len(metrics) == 0 {
		t.Fatal("docs/monitoring.md has no table of metrics")
	}
	return metrics
}

// TestDashboards parses each query and variable of each dashboard.
func TestDashboards(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(root, "config/grafana/*.json"))
	if err != nil || len(files) < 2 {
		t.Fatalf("dashboards: %v %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			var dashboard struct {
				Panels []struct {
					Title, Type string
					Targets     []struct{ Expr string }
				}
				Templating struct {
					List []struct{ Type, Definition string }
				}
			}
			if err := json.Unmarshal([]byte(read(t, strings.TrimPrefix(file, root+"/"))), &dashboard); err != nil {
				t.Fatal(err)
			}
			for _, panel := range dashboard.Panels {
				if panel.Type != "row" && len(panel.Targets) == 0 {
					t.Errorf("panel %q asks nothing", panel.Title)
				}
				for _, target := range panel.Targets {
					check(t, panel.Title, target.Expr)
				}
			}
			values := regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
			for _, variable := range dashboard.Templating.List {
				if found := values.FindStringSubmatch(variable.Definition); found != nil {
					check(t, variable.Definition, "sum by ("+found[2]+") ("+found[1]+")")
				} else if variable.Type == "query" {
					t.Errorf("variable %q is no label_values(…)", variable.Definition)
				}
			}
		})
	}
}

// TestAlerts parses each alert's expression.
func TestAlerts(t *testing.T) {
	var rule struct {
		Spec struct {
			Groups []struct {
				Rules []struct{ Alert, Expr string }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(read(t, "config/prometheus/rules.yaml")), &rule); err != nil {
		t.Fatal(err)
	}
	if len(rule.Spec.Groups) == 0 {
		t.Fatal("no rules")
	}
	for _, group := range rule.Spec.Groups {
		for _, rule := range group.Rules {
			check(t, rule.Alert, rule.Expr)
		}
	}
}

// TestDocumentedQueries parses the examples of docs/monitoring.md.
func TestDocumentedQueries(t *testing.T) {
	_, section, found := strings.Cut(read(t, "docs/monitoring.md"), "\n## Queries\n")
	section, _, _ = strings.Cut(section, "\n## ")
	queries := regexp.MustCompile("(?m)^\\| ([^|`]+) \\| `([^`]+)` \\|$").FindAllStringSubmatch(section, -1)
	if !found || len(queries) == 0 {
		t.Fatal("docs/monitoring.md has no queries")
	}
	for _, query := range queries {
		check(t, query[1], query[2])
	}
}

// check parses a query and holds each metric and label that it names against those that there are.
func check(t *testing.T, where, query string) {
	t.Helper()
	query = strings.NewReplacer("$__rate_interval", "5m", "$__range", "1h").Replace(query)
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		t.Errorf("%s: %v\n%s", where, err, query)
		return
	}
	metrics := known(t)
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok || slices.Contains(others, selector.Name) {
			return nil
		}
		has, ok := metrics[selector.Name]
		if !ok {
			t.Errorf("%s: there is no metric %q", where, selector.Name)
			return nil
		}
		for _, matcher := range selector.LabelMatchers {
			if matcher.Name != labels.MetricName && !slices.Contains(has, matcher.Name) {
				t.Errorf("%s: %s has no label %q", where, selector.Name, matcher.Name)
			}
		}
		return nil
	})
}

func read(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
