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

// builders and restartPolicies are the spec's words by Railway's (railway-api.md, "EnvironmentConfig").
var (
	builders = map[string]v1alpha1.Builder{
		"RAILPACK": v1alpha1.BuilderRailpack, "NIXPACKS": v1alpha1.BuilderNixpacks, "DOCKERFILE": v1alpha1.BuilderDockerfile,
	}
	restartPolicies = map[string]v1alpha1.RestartPolicy{
		"ON_FAILURE": v1alpha1.RestartOnFailure, "ALWAYS": v1alpha1.RestartAlways, "NEVER": v1alpha1.RestartNever,
	}
)

// BuilderOf is Railway's builder in the spec's word, empty for one that the spec does not have.
func BuilderOf(railway string) v1alpha1.Builder { return builders[railway] }

// RestartPolicyOf is Railway's restart policy in the spec's word, empty for one that the spec does not have.
func RestartPolicyOf(railway string) v1alpha1.RestartPolicy { return restartPolicies[railway] }

// railwayWord is the spec's word in Railway's, empty when there is none.
func railwayWord[W ~string](words map[string]W, word W) string {
	for railway, spec := range words {
		if spec == word {
			return railway
		}
	}
	return ""
}

// SpecValue is the value of a setting as people write it in the spec: 2Gi, 5m, OnFailure. A value that the spec could not have is as
// Railway has it, as JSON if it is no text. The field is the last of Railway's keys; settings have names of their own.
func SpecValue(field string, value any) string {
	if written, ok := specValue(field, value); ok {
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
			return string(builders[of]), builders[of] != ""
		case "restartPolicyType":
			return string(restartPolicies[of]), restartPolicies[of] != ""
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
			written, _ = of[0].(string)
			return written, written != ""
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
		count, isNumber := of["numReplicas"].(float64)
		if !ok || len(of) != 1 || !isNumber {
			return "", false
		}
		replicas[region] = count
	}
	raw, err := json.Marshal(replicas)
	return string(raw), err == nil
}
