// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/engine-operator/engine-operator/internal/hints"
	"github.com/engine-operator/engine-operator/internal/metrics"
	"github.com/engine-operator/engine-operator/internal/railway"
)

// metric is one row of the table of metrics.
type metric struct {
	name, kind, help string
	labels           []string
}

// catalogue is a registerer that notes what is registered.
type catalogue struct{ metrics []metric }

// registered returns the operator's metrics, as its parts register them.
func registered() ([]metric, error) {
	c := &catalogue{}
	_, err := metrics.NewObjects(c)
	_, err2 := railway.NewPool(railway.Options{Registerer: c})
	_, err3 := hints.New(hints.Options{Address: "0", Secret: strings.Repeat("x", 64), Hint: func(string) {}, Registerer: c})
	if err := errors.Join(err, err2, err3, metrics.Build(c, "dev")); err != nil {
		return nil, err
	}
	slices.SortFunc(c.metrics, func(a, b metric) int { return strings.Compare(a.name, b.name) })
	return c.metrics, nil
}

// Register implements prometheus.Registerer.
func (c *catalogue) Register(collector prometheus.Collector) error {
	described := make(chan *prometheus.Desc)
	go func() {
		collector.Describe(described)
		close(described)
	}()
	var problems []error
	for desc := range described {
		m, err := parse(desc.String())
		m.kind = kindOf(collector, m.name)
		c.metrics, problems = append(c.metrics, m), append(problems, err)
	}
	return errors.Join(problems...)
}

// MustRegister implements prometheus.Registerer.
func (c *catalogue) MustRegister(collectors ...prometheus.Collector) {
	for _, collector := range collectors {
		if err := c.Register(collector); err != nil {
			panic(err)
		}
	}
}

// Unregister implements prometheus.Registerer.
func (c *catalogue) Unregister(prometheus.Collector) bool { return false }

// described is how the client library prints a description, which has no accessors.
var described = regexp.MustCompile(`^Desc\{fqName: "([^"]+)", help: ("(?:[^"\\]|\\.)*"), unit: "[^"]*", constLabels: \{(.*?)\}, variableLabels: \{(.*?)\}\}$`)

var constLabel = regexp.MustCompile(`(\w+)="(?:[^"\\]|\\.)*"`)

func parse(text string) (metric, error) {
	found := described.FindStringSubmatch(text)
	if found == nil {
		return metric{}, fmt.Errorf("cannot read the description %s", text)
	}
	help, err := strconv.Unquote(found[2])
	m := metric{name: found[1], help: help}
	for _, label := range constLabel.FindAllStringSubmatch(found[3], -1) {
		m.labels = append(m.labels, label[1])
	}
	for label := range strings.SplitSeq(found[4], ",") {
		if label != "" {
			m.labels = append(m.labels, label)
		}
	}
	return m, err
}

// kindOf is the metric's type. A collector of our own makes gauges, and counters whose names say so.
func kindOf(collector prometheus.Collector, name string) string {
	switch collector.(type) {
	case *prometheus.HistogramVec, prometheus.Histogram:
		return "histogram"
	case prometheus.Gauge: // before Counter, whose methods it has, too
		return "gauge"
	case *prometheus.CounterVec, prometheus.Counter:
		return "counter"
	default:
		if strings.HasSuffix(name, "_total") {
			return "counter"
		}
		return "gauge"
	}
}

// metricsTable is the table of metrics in Markdown.
func metricsTable(known []metric) string {
	var table strings.Builder
	table.WriteString("| metric | type | labels | meaning |\n|---|---|---|---|\n")
	for _, m := range known {
		labels := make([]string, 0, len(m.labels))
		for _, label := range m.labels {
			labels = append(labels, "`"+label+"`")
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", m.name, m.kind, strings.Join(labels, ", "), m.help)
	}
	return table.String()
}
