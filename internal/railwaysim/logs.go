// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// logLine is a line of a log.
type logLine struct {
	at                time.Time
	message, severity string
	// attributes are what Railway parsed from a structured line; the level is always among them
	// (railway-api.md, "Logs").
	attributes [][2]string
}

// logLimits are the lines that a query returns by default and at most (railway-api.md, "Logs").
const (
	logDefault = 100
	logAtLarge = 5000
)

var logQueries = map[string]query{
	"buildLogs": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.view.w, argText(args, "deploymentId"))
		if err != nil {
			return nil, err
		}
		return selectLogs(c.view.now, d, d.buildLog(), args)
	},
	"deploymentLogs": func(c call, args map[string]any) (any, error) {
		d, err := c.deployment(c.view.w, argText(args, "deploymentId"))
		if err != nil {
			return nil, err
		}
		return selectLogs(c.view.now, d, d.deployLog(), args)
	},
	"environmentLogs": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.view.w, argText(args, "environmentId"))
		if err != nil {
			return nil, err
		}
		list := []any{}
		for _, d := range slices.Backward(c.view.w.deploymentsOf(e.ID, "")) {
			selected, err := selectLogs(c.view.now, d, d.deployLog(), map[string]any{"filter": args["filter"], "limit": logAtLarge})
			if err != nil {
				return nil, err
			}
			list = append(list, selected...)
		}
		limit := logDefault
		if n, ok := number(args["beforeLimit"]); ok {
			limit = min(n, logAtLarge)
		}
		return list[max(0, len(list)-limit):], nil
	},
}

// selectLogs returns the last lines that were written by now, match the filter and lie between the dates.
func selectLogs(now time.Time, d *deployment, lines []logLine, args map[string]any) ([]any, error) {
	matches, err := parseLogFilter(argText(args, "filter"))
	if err != nil {
		return nil, badInput("%s", err)
	}
	since, until := dateOf(args["startDate"], time.Time{}), dateOf(args["endDate"], now)
	list := []any{}
	for _, line := range lines {
		if line.at.After(now) || line.at.Before(since) || line.at.After(until) || !matches(d, line) {
			continue
		}
		list = append(list, line.node(d))
	}
	limit := logDefault
	if n, ok := number(args["limit"]); ok {
		limit = min(n, logAtLarge)
	}
	return list[max(0, len(list)-limit):], nil
}

func dateOf(value any, fallback time.Time) time.Time {
	text, _ := value.(string)
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return fallback
	}
	return at
}

func (l logLine) node(d *deployment) node {
	attributes := []any{}
	for _, pair := range l.attributes {
		attributes = append(attributes, node{"key": pair[0], "value": pair[1]})
	}
	return node{"timestamp": stamp(l.at), "message": l.message, "severity": l.severity, "attributes": attributes, "tags": node{
		"deploymentId": d.ID, "environmentId": d.EnvironmentID, "serviceId": d.ServiceID, "deploymentInstanceId": nil, "pluginId": nil,
		"projectId": nil, "snapshotId": nil,
	}}
}

// plain makes lines of text, each a millisecond after the one before.
func plain(from time.Time, texts []string) []logLine {
	lines := make([]logLine, 0, len(texts))
	for i, text := range texts {
		severity := "info"
		if strings.Contains(strings.ToLower(text), "error") {
			severity = "error"
		}
		lines = append(lines, logLine{
			at: from.Add(time.Duration(i) * time.Millisecond), message: text, severity: severity,
			attributes: [][2]string{{"level", severity}},
		})
	}
	return lines
}

// buildLog is what building the deployment wrote.
func (d *deployment) buildLog() []logLine {
	texts := []string{"Using " + text(d.Config, "build", "builder") + " for " + orElse(d.Repo, d.Image), "python " + d.python()}
	switch d.Behaviour {
	case "missing":
		texts = append(texts, "ERROR: failed to resolve image "+d.Image+": manifest unknown")
	case pullDenied:
		texts = append(texts, "ERROR: failed to resolve image "+d.Image+": "+deniedText)
	case "fail-build":
		texts = append(texts, "pip install -r requirements.txt", "ERROR: No matching distribution found for enginelib==99.0")
	default:
		texts = append(texts, "Build time: 12.30 seconds")
	}
	return plain(d.reaches("BUILDING"), texts)
}

// deployLog is what the engine writes from its start on.
func (d *deployment) deployLog() []logLine {
	start := d.reaches("DEPLOYING")
	if start.IsZero() {
		return nil
	}
	middleware := "disabled"
	if d.middleware() {
		middleware = "enabled"
	}
	texts := []string{
		"Starting engine with Python " + d.python(),
		"Security middleware " + middleware,
		"Listening on port " + orElse(d.Variables["PORT"], "8000"),
	}
	switch d.Behaviour {
	case leaky, leakyCrash:
		texts = append(texts, d.leaks()...)
	case "crash":
		texts = append(texts, "Traceback (most recent call last):", "RuntimeError: engine died: no model to serve")
	case "unhealthy":
		texts = append(texts, "GET "+orElse(text(d.Config, "deploy", "healthcheckPath"), "/")+" 503")
	}
	lines := plain(start, texts)
	switch d.Behaviour {
	case dying:
		lines = append(lines, plain(d.reaches("CRASHED"), []string{"MemoryError: engine died: out of memory"})...)
	case chatty:
		lines = append(lines, plain(d.reaches("SUCCESS").Add(burstAfter*d.Step), d.burst())...)
	}
	if d.Variables["LOG_FORMAT"] == "json" && d.Behaviour != plainLogs {
		// Railway takes a JSON line apart: the message, and the rest as attributes (railway-api.md, "Logs")
		for i, line := range lines {
			lines[i].attributes = append(line.attributes, [2]string{"timestamp", strconv.Quote(stamp(line.at))}, [2]string{"logger", `"engine"`})
		}
	}
	return lines
}

// burstAfter is how many steps a chatty engine is silent before its burst.
const burstAfter = 20

// burst is what a chatty engine writes at once: as many lines as its variable LOG_LINES says, a thousand by default.
func (d *deployment) burst() []string {
	count, err := strconv.Atoi(d.Variables["LOG_LINES"])
	if err != nil {
		count = 1000
	}
	lines := make([]string, count)
	for i := range lines {
		lines[i] = "line " + strconv.Itoa(i+1)
	}
	return lines
}

// reaches is when the deployment gets to the status of its own accord; zero when it never does.
func (d *deployment) reaches(status string) time.Time {
	for _, s := range d.stages() {
		if s.status == status {
			return d.CreatedAt.Add(time.Duration(s.after) * d.Step)
		}
	}
	return time.Time{}
}
