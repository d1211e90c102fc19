// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// crdFile has the schema that specs are generated from.
const crdFile = "../../config/crd/bases/railway.engine-operator.dev_engineenvironments.yaml"

// tree is a JSON object.
type tree = map[string]any

// generator makes specs from the CRD's schema: every property of every object has its turn, so a field that is added to the CRD is
// walked without a change here, unless its values need a meaning that the schema does not tell (see meanings).
type generator struct {
	rng    *rand.Rand
	schema tree
	// often is how likely an optional property is there.
	often float64
	// walked collects the paths of the schema that were generated.
	walked map[string]bool
}

// specSchema reads the schema of spec from the CRD.
func specSchema() (tree, error) {
	raw, err := os.ReadFile(crdFile)
	if err != nil {
		return nil, fmt.Errorf("read the CRD: %w", err)
	}
	var crd struct {
		Spec struct {
			Versions []struct {
				Schema struct {
					OpenAPIV3Schema tree `json:"openAPIV3Schema"`
				} `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	if err := yaml.Unmarshal(raw, &crd); err != nil || len(crd.Spec.Versions) == 0 {
		return nil, fmt.Errorf("read the CRD: no versions: %w", err)
	}
	return at(crd.Spec.Versions[0].Schema.OpenAPIV3Schema, "properties", "spec"), nil
}

// at is the object at the keys, nil when there is none.
func at(t tree, keys ...string) tree {
	for _, key := range keys {
		t, _ = t[key].(tree)
	}
	return t
}

// alternatives are the properties of which the API's rules allow one set only, by the end of the object's path.
var alternatives = map[string][][]string{
	".source":            {{"image"}, {"image"}, {"image"}, {"repo", "branch"}, {"repo", "commit", "rootDirectory"}},
	".valueFrom":         {{"secretKeyRef"}, {"configMapKeyRef"}},
	".bodyFrom":          {{"secretKeyRef"}, {"configMapKeyRef"}},
	".variables[]":       {{"value"}, {"value"}, {"valueFrom"}},
	".sharedVariables[]": {{"value"}, {"valueFrom"}},
	".headers[]":         {{"value"}, {"valueFrom"}},
	".variablesFrom[]":   {{"secretRef"}, {"configMapRef"}},
	".http":              {{}, {"body"}, {"bodyFrom"}, {"service"}, {"host"}},
	".load":              {{}, {"body"}, {"service"}},
	".checks[]": {
		{"http", "status"}, {"http", "contains"}, {"http", "expect"}, {"logs", "contains"}, {"logs", "expect"}, {"load", "expect"},
	},
}

// meanings are values whose meaning the schema does not tell, by the end of the path.
var meanings = map[string][]any{
	"spec.tier":               {"Dev"},
	"spec.interval":           {"30s", "31s"},
	"spec.suspend":            {false, false, false, true},
	"spec.writePolicy":        {"Apply", "Apply", "Observe", "Approve"},
	".verification.onFailure": {"Report", "Report", "Rollback"},
	".railway.projectID":      {"set by the walk"},
	".railway.environment":    {"set by the walk"},
	".tokenSecretRef.name":    {"railway"},
	".pullSecretRef.name":     {"registry"},
	"engine.name":             {"engine"},
	"services[].name":         {"worker", "cache", "web"},
	".source.image":           {"ghcr.io/acme/ai-engine:1.4.0", "ghcr.io/acme/ai-engine:1.4.1", "ghcr.io/acme/ai-engine:1.5.0", "redis:7.2", "ghcr.io/acme/ai-engine:2.0.0-crash"},
	".source.repo":            {"acme/ai-engine", "acme/worker"},
	".source.branch":          {"main", "next"},
	".source.commit":          {"0123456789abcdef0123456789abcdef01234567", "89abcdef0123456789abcdef0123456789abcdef"},
	".source.rootDirectory":   {"/", "apps/engine"},
	".build.command":          {"make build", "make all"},
	".build.dockerfilePath":   {"Dockerfile", "deploy/Dockerfile"},
	".watchPatterns[]":        {"src/**", "go.mod", "!docs/**"},
	".startCommand":           {"serve", "serve --port $PORT"},
	".preDeployCommand":       {"migrate", "migrate --all"},
	".deploy.regions{key}":    {"us-west2", "us-east4-eqdc4a", "europe-west4-drams3a"},
	".deploy.regions{}":       {1, 2, 3},
	".healthcheck.path":       {"/health", "/metrics", "/"},
	".healthcheck.timeout":    {"300s", "10s", "2m"},
	".limits.cpu":             {"500m", "2", 4},
	".limits.memory":          {"512Mi", "4Gi", "1G"},
	".cronSchedule":           {"*/15 * * * *", "0 3 * * *"},
	".deploy.overlap":         {"0s", "20s"},
	".deploy.draining":        {"0s", "30s"},
	".progressDeadline":       {"30m", "1h"},
	".settings.pythonVersion": {"3.12", "3.13", "3.13.1"},
	"ariables[].name":         {"A", "B", "C", "D", "E", "F", "RAILWAY_RUN_UID"},
	"ariables[].value":        {"", "1", "two", "line\nline", `"quoted"`, "ünï", "${{shared.S}}", "null", "true", strings.Repeat("long", 300)},
	".sharedVariables[].name": {"S", "T", "U"},
	".variablesFrom[].prefix": {"P_", "Q_"},
	".secretRef.name":         {"values"},
	".configMapRef.name":      {"values"},
	".secretKeyRef.name":      {"values"},
	".secretKeyRef.key":       {"KEY_A", "KEY_B"},
	".configMapKeyRef.name":   {"values"},
	".configMapKeyRef.key":    {"KEY_A", "KEY_B"},
	".promotion.from":         {"dev"},
	".promotion.soak":         {"0s", "1s"},
	".promotion.approval":     {"Automatic"},
	".verification.interval":  {"5s", "10m"},
	".checks[].name":          {"probe", "health", "chat"},
	".checks[].expect":        {"true", "1 == 1"},
	".checks[].inconclusive":  {"false"},
	".checks[].contains":      {"ython", "ok"},
	".checks[].status":        {200},
	".checks[].timeout":       {"1s", "10s"},
	".path":                   {"/", "/health", "/metrics"},
	".host":                   {"probe.example.com"},
	".http.service":           {"engine"},
	".load.service":           {"engine"},
	".logs.service":           {"engine"},
	".logs.filter":            {"@level:info", `"ready" OR python`},
	".body":                   {`{"message":"ping"}`},
	".method":                 {"GET"},
	".headers[].name":         {"X-Tenant-Id", "X-Probe"},
	".headers[].value":        {"550e8400-e29b-41d4-a716-446655440000", ""},
	".load.requests":          {1, 5},
	".load.duration":          {"1s", "2s"},
	".domains.port":           {8000, 8080},
	".budget.monthlyUSD":      {100, 1000},
}

// meaning finds the values for a path by its longest known end.
func meaning(path string) []any {
	best := ""
	for end := range meanings {
		if strings.HasSuffix(path, end) && len(end) > len(best) {
			best = end
		}
	}
	return meanings[best]
}

// value generates a value for the schema.
func (g *generator) value(schema tree, path string) any {
	g.walked[path] = true
	if values := meaning(path); values != nil {
		return values[g.rng.IntN(len(values))]
	}
	if enum, ok := schema["enum"].([]any); ok {
		return enum[g.rng.IntN(len(enum))]
	}
	switch schema["type"] {
	case "object":
		if values := at(schema, "additionalProperties"); values != nil {
			return g.mapOf(values, path)
		}
		return g.object(schema, path)
	case "array":
		return g.list(schema, path)
	case "boolean":
		return g.rng.IntN(2) == 0
	case "integer":
		low, high := bound(schema, "minimum", 0), bound(schema, "maximum", 50)
		return low + g.rng.IntN(min(high-low, 50)+1)
	default:
		return fmt.Sprintf("x%d", g.rng.IntN(10))
	}
}

func bound(schema tree, key string, otherwise int) int {
	switch n := schema[key].(type) {
	case float64:
		return int(n)
	case int64:
		return int(n)
	default:
		return otherwise
	}
}

func (g *generator) mapOf(values tree, path string) tree {
	result := tree{}
	for range 1 + g.rng.IntN(2) {
		result[fmt.Sprint(g.value(tree{"type": "string"}, path+"{key}"))] = g.value(values, path+"{}")
	}
	return result
}

// list generates a list; one that is keyed by a name has each name once.
func (g *generator) list(schema tree, path string) []any {
	list, seen := []any{}, map[string]bool{}
	for range 1 + g.rng.IntN(3) {
		item := g.value(at(schema, "items"), path+"[]")
		key := fmt.Sprint(item)
		if object, ok := item.(tree); ok && object["name"] != nil {
			key = fmt.Sprint(object["name"])
		}
		if !seen[key] {
			seen[key] = true
			list = append(list, item)
		}
	}
	return list
}

func (g *generator) object(schema tree, path string) tree {
	result := tree{}
	wanted, controlled := g.choose(path)
	required, _ := schema["required"].([]any)
	properties := at(schema, "properties")
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		there := g.rng.Float64() < g.often || slices.Contains(required, any(name))
		if controlled[name] {
			there = slices.Contains(wanted, name)
		}
		if there {
			result[name] = g.value(at(properties, name), path+"."+name)
		}
	}
	return result
}

// choose takes one of the object's alternatives. controlled are the properties of all of them.
func (g *generator) choose(path string) (wanted []string, controlled map[string]bool) {
	controlled = map[string]bool{}
	for end, sets := range alternatives {
		if !strings.HasSuffix(path, end) {
			continue
		}
		for _, set := range sets {
			for _, name := range set {
				controlled[name] = true
			}
		}
		wanted = sets[g.rng.IntN(len(sets))]
	}
	if strings.HasSuffix(path, ".source") {
		controlled["branch"], controlled["commit"], controlled["rootDirectory"] = true, true, true
	}
	return wanted, controlled
}

// spec generates a spec for one object of the walk.
func (g *generator) spec(o object) tree {
	spec, _ := g.value(g.schema, "spec").(tree)
	o.fit(spec)
	return spec
}

// change takes some parts of a spec from a new one.
func (g *generator) change(o object, spec tree) tree {
	changed := g.mix(spec, g.spec(o), 0.15)
	o.fit(changed)
	return changed
}

func (g *generator) mix(old, fresh tree, often float64) tree {
	result := tree{}
	names := slices.Sorted(maps.Keys(old))
	for name := range fresh {
		if _, there := old[name]; !there {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		before, wasObject := old[name].(tree)
		after, isObject := fresh[name].(tree)
		switch {
		case wasObject && isObject && name != "source" && name != "regions":
			result[name] = g.mix(before, after, often)
		case g.rng.Float64() < often:
			if value, there := fresh[name]; there {
				result[name] = value
			}
		default:
			if value, there := old[name]; there {
				result[name] = value
			}
		}
	}
	return result
}
