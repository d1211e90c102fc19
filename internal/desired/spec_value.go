// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"encoding/json"
	"math"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// Builders and RestartPolicies are the spec's words by Railway's (railway-api.md, "EnvironmentConfig").
var (
	Builders = map[string]v1alpha1.Builder{
		"RAILPACK": v1alpha1.BuilderRailpack, "NIXPACKS": v1alpha1.BuilderNixpacks, "DOCKERFILE": v1alpha1.BuilderDockerfile,
	}
	RestartPolicies = map[string]v1alpha1.RestartPolicy{
		"ON_FAILURE": v1alpha1.RestartOnFailure, "ALWAYS": v1alpha1.RestartAlways, "NEVER": v1alpha1.RestartNever,
	}
)

// SpecValue is the value of a setting as people write it in the spec: 2Gi, 5m, OnFailure. A value that the spec could not have is as
// Railway has it, as JSON if it is no text. The keys are Railway's; only the last ones count.
func SpecValue(keys []string, value any) string {
	if written, ok := specValue(keys[len(keys)-1], value); ok {
		return written
	}
	if text, isText := value.(string); isText {
		return text
	}
	raw, err := json.Marshal(value)
	if err != nil { // settings come from encoding/json or from fieldList, both of which marshal
		return "(not JSON)"
	}
	return string(raw)
}

func specValue(field string, value any) (written string, ok bool) {
	switch of := value.(type) {
	case string:
		switch field {
		case "builder":
			return string(Builders[of]), Builders[of] != ""
		case "restartPolicyType":
			return string(RestartPolicies[of]), RestartPolicies[of] != ""
		}
	case float64:
		switch field {
		case "memoryBytes":
			return memory(of)
		case "healthcheckTimeout", "overlapSeconds", "drainingSeconds":
			return seconds(of)
		}
	case []any:
		if field == "preDeployCommand" && len(of) == 1 {
			written, ok = of[0].(string)
			return written, ok
		}
	case map[string]any:
		if field == "multiRegionConfig" {
			return regions(of)
		}
	}
	return "", false
}

// wholeAtMost is up to where a float64 holds each whole number.
const wholeAtMost = 1 << 53

func whole(number float64) bool {
	return number == math.Trunc(number) && number >= 0 && number <= wholeAtMost
}

// memory is a quantity, with the suffix that leaves the shorter number.
func memory(bytes float64) (string, bool) {
	if !whole(bytes) {
		return "", false
	}
	binary, decimal := resource.NewQuantity(int64(bytes), resource.BinarySI).String(), resource.NewQuantity(int64(bytes), resource.DecimalSI).String()
	if len(decimal) < len(binary) {
		return decimal, true
	}
	return binary, true
}

// seconds is a duration without parts that are zero.
func seconds(number float64) (string, bool) {
	if !whole(number) || number > wholeAtMost/float64(time.Second) {
		return "", false
	}
	text := (time.Duration(number) * time.Second).String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text, true
}

// regions are the replicas by region.
func regions(all map[string]any) (string, bool) {
	replicas := map[string]any{}
	for region, settings := range all {
		of, ok := settings.(map[string]any)
		if !ok || len(of) != 1 || of["numReplicas"] == nil {
			return "", false
		}
		replicas[region] = of["numReplicas"]
	}
	raw, err := json.Marshal(replicas)
	return string(raw), err == nil
}
