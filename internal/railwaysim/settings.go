// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import "strings"

// Settings by serviceInstanceUpdate: they apply at once and deploy nothing (railway-api.md, "Mutations of one field").

var settingMutations = map[string]mutation{
	"serviceInstanceUpdate": updateInstance,
	"serviceInstanceLimitsUpdate": func(c call, args map[string]any) (any, error) {
		input, _ := deepCopy(args["input"]).(map[string]any)
		e, s, err := c.at(c.w(), argText(input, "environmentId"), argText(input, "serviceId"))
		if err != nil {
			return nil, err
		}
		containers := map[string]any{}
		if cpu, ok := input["vCPUs"].(float64); ok {
			containers["cpu"] = cpu
		}
		if memory, ok := input["memoryGB"].(float64); ok {
			containers["memoryBytes"] = memory * 1e9
		}
		c.s.configure(e, s.ID, map[string]any{"deploy": map[string]any{"limitOverride": map[string]any{"containers": containers}}})
		return true, nil
	},
}

func updateInstance(c call, args map[string]any) (any, error) {
	s, err := c.service(c.w(), argText(args, "serviceId"))
	if err != nil {
		return nil, err
	}
	only := argText(args, "environmentId")
	if only != "" {
		if _, _, err := c.at(c.w(), only, s.ID); err != nil {
			return nil, err
		}
	}
	if c.token.Kind == tokenProject && only != c.token.EnvironmentID {
		return nil, notAuthorized()
	}
	input, _ := deepCopy(args["input"]).(map[string]any)
	places := c.w().affected(s.ProjectID, only)
	if err := c.checkSettings(s, places, input); err != nil {
		return nil, err
	}
	for _, e := range places {
		if e.live(s.ID) {
			c.s.configure(e, s.ID, instanceChange(c.w().region(), input))
		}
	}
	return true, nil
}

// checkSettings refuses what Railway has been seen to refuse.
func (c call) checkSettings(s *service, places []*environment, input map[string]any) error {
	if err := checkPreDeploy(input["preDeployCommand"]); err != nil {
		return err
	}
	if err := c.s.checkCredentials(c.w().Projects[s.ProjectID], input["registryCredentials"]); err != nil {
		return err
	}
	if input["healthcheckPath"] == nil && input["healthcheckTimeout"] == nil {
		return nil
	}
	if strings.Contains(argText(input, "healthcheckPath"), "-") {
		// any path with a hyphen (railway-api.md, "Mutations of one field")
		return refused("Problem processing request")
	}
	for _, e := range places {
		if e.live(s.ID) && len(c.w().deploymentsOf(e.ID, s.ID)) == 0 {
			// before the first deployment (railway-api.md, "Mutations of one field")
			return refused("Problem processing request")
		}
	}
	return nil
}

// checkPreDeploy refuses more than one pre-deploy command (railway-api.md, "EnvironmentConfig").
func checkPreDeploy(value any) error {
	if commands, _ := value.([]any); len(commands) > 1 {
		return badInput("Only one pre-deploy command is supported")
	}
	return nil
}

// instanceFields says where serviceInstanceUpdate's inputs stand in the config.
var instanceFields = map[string][]string{
	"buildCommand": {"build"}, "builder": {"build"}, "dockerfilePath": {"build"}, "nixpacksPlan": {"build"}, "watchPatterns": {"build"},
	"cronSchedule": {"deploy"}, "drainingSeconds": {"deploy"}, "healthcheckPath": {"deploy"}, "healthcheckTimeout": {"deploy"},
	"ipv6EgressEnabled": {"deploy"}, "multiRegionConfig": {"deploy"}, "overlapSeconds": {"deploy"}, "preDeployCommand": {"deploy"},
	"registryCredentials": {"deploy"}, "restartPolicyMaxRetries": {"deploy"}, "restartPolicyType": {"deploy"},
	"sleepApplication": {"deploy"}, "startCommand": {"deploy"}, "rootDirectory": {"source"},
}

// instanceChange turns serviceInstanceUpdate's input into a config change: null is no change but for cronSchedule, which it clears
// (railway-api.md, "Mutations of one field"), "" clears, and numReplicas or region set the one region
// (railway-api.md, "Mutations of one field").
func instanceChange(defaultRegion string, input map[string]any) map[string]any {
	change := map[string]any{}
	for name, value := range input {
		place, known := instanceFields[name]
		if !known || value == nil && name != "cronSchedule" {
			continue
		}
		if value == "" {
			value = nil
		}
		section(change, place[0])[name] = value
	}
	if file := argText(input, "railwayConfigFile"); file != "" {
		change["configFile"] = file
	}
	if source := sourceOf(map[string]any{"source": input["source"]}); source != nil {
		change["source"] = layer(sub(change, "source"), source)
	}
	count, hasCount := number(input["numReplicas"])
	region := argText(input, "region")
	if (hasCount || region != "") && input["multiRegionConfig"] == nil {
		one := map[string]any{"numReplicas": float64(max(count, 1))}
		section(change, "deploy")["multiRegionConfig"] = map[string]any{orElse(region, defaultRegion): one}
	}
	return change
}

// section is the object under the key, which is made when it is missing.
func section(tree map[string]any, key string) map[string]any {
	if sub(tree, key) == nil {
		tree[key] = map[string]any{}
	}
	return sub(tree, key)
}
