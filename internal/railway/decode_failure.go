// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"cmp"
	"slices"
	"time"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

func decodeFailure(r *gql.ReadFailureResponse) model.Failure {
	edges := slices.Clone(r.DeploymentEvents.Edges)
	slices.SortStableFunc(edges, func(a, b event) int { return a.Node.CreatedAt.Compare(b.Node.CreatedAt) })
	failure := model.Failure{BuildLogs: decodeLog(r.BuildLogs), DeployLogs: decodeLog(r.DeploymentLogs)}
	for _, edge := range edges {
		step := model.Step{Name: edge.Node.Step, Completed: edge.Node.CompletedAt != nil}
		if payload := edge.Node.Payload; payload != nil {
			step.Error = sanitise(cmp.Or(text(payload.Error), text(payload.Reason)), nil)
		}
		failure.Steps = append(failure.Steps, step)
	}
	return failure
}

// maxLine bounds one line of a log, in bytes.
const maxLine = 1024

// event is genqlient's name for an edge of deploymentEvents.
type event = gql.ReadFailureDeploymentEventsQueryDeploymentEventsConnectionEdgesQueryDeploymentEventsConnectionEdge

// decodeLog returns the last lines, oldest first. Railway may return one line more than asked for
// (railway-api.md, "Logs").
func decodeLog(lines []gql.LogLine) []model.LogLine {
	var log []model.LogLine
	for _, line := range lines {
		at, _ := time.Parse(time.RFC3339Nano, line.Timestamp)
		log = append(log, model.LogLine{Time: at, Severity: text(line.Severity), Message: truncate(line.Message, maxLine)})
	}
	slices.SortStableFunc(log, func(a, b model.LogLine) int { return a.Time.Compare(b.Time) })
	return log[max(0, len(log)-logLines):]
}

// decodeStructured is decodeLog for lines that Railway took apart.
func decodeStructured(lines []gql.StructuredLine, limit int) []model.LogLine {
	log := make([]model.LogLine, 0, len(lines))
	for _, line := range lines {
		at, _ := time.Parse(time.RFC3339Nano, line.Timestamp)
		attributes := make(map[string]string, len(line.Attributes))
		for _, a := range line.Attributes {
			attributes[a.Key] = a.Value
		}
		log = append(log, model.LogLine{
			Time: at, Severity: text(line.Severity), Message: truncate(line.Message, maxLine), Attributes: attributes,
		})
	}
	slices.SortStableFunc(log, func(a, b model.LogLine) int { return a.Time.Compare(b.Time) })
	return log[max(0, len(log)-limit):]
}
