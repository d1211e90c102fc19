// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

// object is one EngineEnvironment of the walk.
type object struct {
	name, tier string
	// environment is the name of its Railway environment; empty for the Local tier.
	environment string
	// promotes says that it may take its source from dev.
	promotes bool
}

// objects are those that a walk plays with: a chain of tiers in one project, and one tier without Railway.
var objects = []object{
	{name: "dev", tier: "Dev", environment: "dev"},
	{name: "preview", tier: "Preview", environment: "preview", promotes: true},
	{name: "production", tier: "Production", environment: "production", promotes: true},
	{name: "local", tier: "Local"},
}

func objectNamed(name string) object {
	for _, o := range objects {
		if o.name == name {
			return o
		}
	}
	return object{}
}

// fit makes a generated spec one that admission takes: it holds the rules between fields that the schema tells in CEL only.
func (o object) fit(spec tree) {
	spec["tier"] = o.tier
	spec["railway"] = tree{"projectID": projectMark, "environment": o.environment, "tokenSecretRef": tree{"name": "railway"}}
	if spec["interval"] == nil {
		spec["interval"] = "30s" // the default is longer than a walk
	}
	engine := at(spec, "engine")
	if !o.promotes {
		delete(spec, "promotion")
	}
	if spec["promotion"] != nil {
		delete(engine, "source")
	}
	services := append([]any{engine}, list(spec["services"])...)
	for i, raw := range services {
		service, _ := raw.(tree)
		if service["source"] == nil && spec["promotion"] == nil {
			service["source"] = tree{"image": "ghcr.io/acme/ai-engine:1.4.0"}
		}
		if at(service, "source")["repo"] != nil {
			delete(service, "pullSecretRef")
		}
		if deploy := at(service, "deploy"); deploy["cronSchedule"] != nil {
			delete(deploy, "regions")
		}
		o.fitTier(spec, service, i > 0)
	}
	if o.tier == "Local" {
		for _, name := range []string{"railway", "promotion", "verification", "budget", "writePolicy"} {
			delete(spec, name)
		}
	}
}

// fitTier holds what the Local and the Production tier ask for.
func (o object) fitTier(spec, service tree, companion bool) {
	switch o.tier {
	case "Local":
		delete(service, "pullSecretRef")
	case "Production":
		settings := at(spec, "settings")
		delete(settings, "securityMiddleware")
		delete(settings, "debug")
		delete(at(settings, "logging"), "format")
		delete(at(settings, "rateLimit"), "enabled")
		delete(at(spec, "verification"), "disabledChecks")
	}
	if companion && at(service, "domains")["port"] != nil {
		at(service, "domains")["railway"] = true
	}
}

// list is a JSON array, empty when there is none.
func list(value any) []any {
	l, _ := value.([]any)
	return l
}

// text is a JSON string, empty when there is none.
func text(value any) string {
	s, _ := value.(string)
	return s
}
