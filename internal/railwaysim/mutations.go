// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"maps"
	"regexp"
	"strings"
	"time"
)

// mutation resolves a root field of Mutation. The lock is held; it works on the newest world, whatever reads see.
type mutation func(c call, args map[string]any) (any, error)

var mutations = map[string]mutation{}

func init() {
	for _, family := range []map[string]mutation{
		projectMutations, configMutations, variableMutations, serviceMutations, deploymentMutations, networkMutations, storageMutations,
	} {
		maps.Copy(mutations, family)
	}
}

func (c call) w() *world { return c.s.world }

// fresh is the view that a mutation's own answer is made from: it never lags.
func (c call) fresh() view { return view{c.s.world, c.s.now()} }

var validName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9 ._-]*$`)

func (c call) throttle(what, message string) error {
	interval := c.s.options.Seed.Limits.createInterval(what)
	key := what + "/" + c.token.UserID
	if last, ok := c.w().Created[key]; ok && c.s.now().Sub(last) < interval {
		return refused("%s", message)
	}
	c.w().Created[key] = c.s.now()
	return nil
}

var projectMutations = map[string]mutation{
	"projectCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		if err := c.personal(); err != nil {
			return nil, err
		}
		workspaceID := orElse(argText(input, "workspaceId"), c.token.WorkspaceID)
		if workspaceID == "" && len(c.w().Workspaces) == 1 {
			workspaceID = sortedKeys(c.w().Workspaces)[0]
		}
		if c.w().Workspaces[workspaceID] == nil {
			return nil, notAuthorized()
		}
		name := orElse(argText(input, "name"), "project-"+c.s.id()[:8])
		if !validName.MatchString(name) {
			return nil, badInput("Invalid project name")
		}
		if err := c.throttle("project", "You're creating projects too quickly. You can create 1 project per 30 seconds"); err != nil {
			return nil, err
		}
		p := &project{ID: c.s.id(), Name: name, Description: argText(input, "description"), WorkspaceID: workspaceID, CreatedAt: c.s.now()}
		c.w().Projects[p.ID] = p
		c.s.addEnvironment(p, orElse(argText(input, "defaultEnvironmentName"), "production"))
		return c.fresh().project(p), nil
	},
	"projectUpdate": func(c call, args map[string]any) (any, error) {
		p, err := c.project(c.w(), argText(args, "id"))
		if err != nil || c.personal() != nil {
			return nil, notAuthorized()
		}
		input := sub(args, "input")
		p.Name, p.Description = orElse(argText(input, "name"), p.Name), orElse(argText(input, "description"), p.Description)
		if deploys, ok := input["prDeploys"].(bool); ok {
			p.PRDeploys = deploys
		}
		return c.fresh().project(p), nil
	},
	"projectDelete":         deleteProject,
	"projectScheduleDelete": deleteProject,
	"projectTokenCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, err := c.environment(c.w(), argText(input, "environmentId"))
		if err != nil || c.personal() != nil || e.ProjectID != argText(input, "projectId") {
			return nil, notAuthorized()
		}
		t := &token{ID: c.s.id(), Name: argText(input, "name"), Kind: tokenProject, Value: c.s.id(), ProjectID: e.ProjectID, EnvironmentID: e.ID, UserID: c.token.UserID}
		c.w().Tokens[t.Value] = t
		return t.Value, nil
	},
	"projectTokenDelete": func(c call, args map[string]any) (any, error) {
		for value, t := range c.w().Tokens {
			if t.ID == argText(args, "id") && c.personal() == nil {
				delete(c.w().Tokens, value)
				return true, nil
			}
		}
		return nil, notAuthorized()
	},
	"environmentCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		p, err := c.project(c.w(), argText(input, "projectId"))
		if err != nil || c.personal() != nil {
			return nil, notAuthorized()
		}
		name := argText(input, "name")
		if !validName.MatchString(name) {
			return nil, badInput("Invalid environment name")
		}
		existing := c.w().environmentsOf(p.ID)
		for _, e := range existing {
			if e.Name == name {
				return nil, refused("An environment named %q already exists in this project", name)
			}
		}
		if limit := c.s.options.Seed.Limits.Environments; limit > 0 && len(existing) >= limit {
			return nil, planLimit("Your plan allows %d environments per project. Upgrade your plan to create more", limit)
		}
		if err := c.throttle("environment", "Whoa there pal! Only one environment can be created per user every 30s. Try again in a sec"); err != nil {
			return nil, err
		}
		e := c.s.addEnvironment(p, name)
		e.Ephemeral = input["ephemeral"] == true
		if source := argText(input, "sourceEnvironmentId"); source != "" {
			from, err := c.environment(c.w(), source)
			if err != nil {
				return nil, err
			}
			c.s.duplicate(from, e, input["skipInitialDeploys"] == true)
		}
		return c.fresh().environment(e), nil
	},
	"environmentRename": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.w(), argText(args, "id"))
		if err != nil {
			return nil, err
		}
		name := argText(args, "input", "name")
		for _, other := range c.w().environmentsOf(e.ProjectID) {
			if other != e && other.Name == name {
				return nil, refused("An environment named %q already exists in this project", name)
			}
		}
		e.Name, e.UpdatedAt = name, c.s.now()
		return c.fresh().environment(e), nil
	},
	"environmentDelete": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.w(), argText(args, "id"))
		if err != nil || c.personal() != nil {
			return nil, notAuthorized()
		}
		c.s.deleteEnvironment(e)
		return true, nil
	},
}

func deleteProject(c call, args map[string]any) (any, error) {
	p, err := c.project(c.w(), argText(args, "id"))
	if err != nil || c.personal() != nil {
		return nil, notAuthorized()
	}
	for _, e := range c.w().environmentsOf(p.ID) {
		c.s.deleteEnvironment(e)
	}
	now := c.s.now()
	p.DeletedAt = &now
	return true, nil
}

func (s *Sim) addEnvironment(p *project, name string) *environment {
	e := &environment{
		ID: s.id(), Name: name, ProjectID: p.ID, CreatedAt: s.now(), UpdatedAt: s.now(),
		Config: map[string]any{}, Instances: map[string]*instance{},
	}
	s.world.Environments[e.ID] = e
	return e
}

// duplicate copies an environment's services and settings. Sealed variables are not copied (FACTS §5).
func (s *Sim) duplicate(from, to *environment, skipDeploys bool) {
	to.SourceID, to.Config = from.ID, deepCopy(from.Config)
	for id := range from.Instances {
		if from.live(id) {
			to.Instances[id] = &instance{ID: s.id(), CreatedAt: s.now(), UpdatedAt: s.now()}
			dropSealed(sub(to.Config, "services", id, "variables"))
		}
	}
	dropSealed(sub(to.Config, "sharedVariables"))
	for _, id := range sortedKeys(to.Instances) {
		if !skipDeploys {
			s.deploy(to, id, "", "environment", "")
		}
	}
}

func dropSealed(variables map[string]any) {
	maps.DeleteFunc(variables, func(_ string, raw any) bool {
		variable, _ := raw.(map[string]any)
		return variable["isSealed"] == true
	})
}

func (s *Sim) deleteEnvironment(e *environment) {
	now := s.now()
	for id := range e.Instances {
		s.removeInstance(e, id)
	}
	e.DeletedAt = &now
}

// removeInstance takes a service out of an environment: its deployments end, its domains go.
func (s *Sim) removeInstance(e *environment, serviceID string) {
	now := s.now()
	if i := e.Instances[serviceID]; i != nil && i.DeletedAt == nil {
		i.DeletedAt = &now
	}
	for _, d := range s.world.deploymentsOf(e.ID, serviceID) {
		if d.RemovedAt == nil {
			d.RemovedAt = &now
		}
	}
	for _, custom := range []bool{false, true} {
		for _, d := range s.world.domainsOf(e.ID, serviceID, custom) {
			d.DeletedAt = &now
		}
	}
	delete(sub(e.Config, "services"), serviceID)
}

var configMutations = map[string]mutation{
	"environmentPatchCommit": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.w(), argText(args, "environmentId"))
		if err != nil {
			return nil, err
		}
		change, _ := deepCopy(args["patch"]).(map[string]any)
		return c.s.commit(e, change, argText(args, "commitMessage"), c.token.UserID, args["skipDeploys"] == true)
	},
	"environmentStageChanges": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.w(), argText(args, "environmentId"))
		if err != nil {
			return nil, err
		}
		change, _ := deepCopy(args["input"]).(map[string]any)
		c.s.stage(e, change, args["merge"] == true)
		return c.fresh().staged(e), nil
	},
	"environmentPatchCommitStaged": func(c call, args map[string]any) (any, error) {
		e, err := c.environment(c.w(), argText(args, "environmentId"))
		if err != nil {
			return nil, err
		}
		if len(e.Staged) == 0 {
			return nil, refused("No patch to apply")
		}
		change := e.Staged
		e.Staged = nil
		return c.s.commit(e, change, argText(args, "commitMessage"), c.token.UserID, args["skipDeploys"] == true)
	},
}

// stage lays changes into the staging area. Nulls are kept there: they delete when the patch is committed.
func (s *Sim) stage(e *environment, change map[string]any, mergeIn bool) {
	if !mergeIn {
		e.Staged = nil
	}
	e.Staged = layer(e.Staged, change)
	if e.StagedID == "" {
		e.StagedID = s.id()
	}
	e.UpdatedAt = s.now()
}

// layer merges two patches; unlike merge it keeps nulls.
func layer(base, over map[string]any) map[string]any {
	result := maps.Clone(base)
	if result == nil {
		result = map[string]any{}
	}
	for key, value := range over {
		before, isObject := result[key].(map[string]any)
		change, both := value.(map[string]any)
		if isObject && both {
			result[key] = layer(before, change)
			continue
		}
		result[key] = value
	}
	return result
}

// commit applies a patch and starts one deployment per service that it changes (FACTS §4.2). It returns the patch's id.
func (s *Sim) commit(e *environment, change map[string]any, message, by string, skipDeploys bool) (any, error) {
	if err := s.checkPatch(e, change); err != nil {
		return nil, err
	}
	before := map[string]any{}
	for id := range e.Instances {
		if e.live(id) {
			before[id] = s.world.deployable(e, id)
		}
	}
	p := &patch{
		ID: s.id(), EnvironmentID: e.ID, Message: message, AppliedBy: by, Patch: deepCopy(change), CreatedAt: s.now(), Order: s.order(),
	}
	s.world.Patches[p.ID] = p
	s.apply(e, change)
	if !skipDeploys {
		for _, id := range sortedKeys(e.Instances) {
			if e.live(id) && !same(before[id], s.world.deployable(e, id)) {
				s.deploy(e, id, p.ID, "deploy", "")
			}
		}
	}
	return p.ID, nil
}

func (s *Sim) checkPatch(e *environment, change map[string]any) error {
	limit := s.replicaLimit(e)
	for id, raw := range sub(change, "services") {
		replicas := 0
		known := s.world.Services[id]
		if known == nil || known.ProjectID != e.ProjectID || known.DeletedAt != nil {
			return badInput("Service %s not found", id)
		}
		entry, _ := raw.(map[string]any)
		if !e.live(id) && entry["isCreated"] != true && raw != nil {
			return badInput("ServiceInstance not found for service %s", id)
		}
		for region := range sub(entry, "deploy", "multiRegionConfig") {
			if !knownRegion(region) {
				return badInput("Invalid region %s", region)
			}
		}
		merged := merge(sub(e.Config, "services", id), entry)
		for _, raw := range sub(merged, "deploy", "multiRegionConfig") {
			settings, _ := raw.(map[string]any)
			count, _ := settings["numReplicas"].(float64)
			replicas += int(count)
		}
		if replicas > limit {
			return planLimit("Your plan allows %d replicas per service. Upgrade your plan to use more", limit)
		}
	}
	return nil
}

func knownRegion(name string) bool {
	for _, known := range regionNames {
		if name == known {
			return true
		}
	}
	return false
}

// replicaLimit is the plan's (FACTS §6.2), or the seed's.
func (s *Sim) replicaLimit(e *environment) int {
	if limit := s.options.Seed.Limits.Replicas; limit > 0 {
		return limit
	}
	p := s.world.Projects[e.ProjectID]
	switch s.world.Workspaces[p.WorkspaceID].Plan {
	case "Free":
		return 1
	case "Hobby":
		return 6
	default:
		return 42
	}
}

func (s *Sim) apply(e *environment, change map[string]any) {
	e.UpdatedAt = s.now()
	for id, raw := range sub(change, "services") {
		entry, _ := raw.(map[string]any)
		if entry["isCreated"] == true && !e.live(id) {
			e.Instances[id] = &instance{ID: s.id(), CreatedAt: s.now(), UpdatedAt: s.now()}
		}
		s.applyNetworking(e, id, sub(entry, "networking"))
		if i := e.Instances[id]; i != nil {
			i.UpdatedAt = s.now()
		}
	}
	e.Config = merge(e.Config, change)
	for id := range sub(change, "services") {
		if entry := sub(e.Config, "services", id); entry["isDeleted"] == true {
			s.removeInstance(e, id)
		}
	}
}

// applyNetworking changes the ports of domains and adds or drops TCP proxies.
func (s *Sim) applyNetworking(e *environment, serviceID string, networking map[string]any) {
	now := s.now()
	for host, raw := range sub(networking, "serviceDomains") {
		for _, d := range s.world.domainsOf(e.ID, serviceID, false) {
			if d.Host != host {
				continue
			}
			if raw == nil {
				d.DeletedAt = &now
			} else if port, ok := number(sub(networking, "serviceDomains", host)["port"]); ok {
				d.Port = &port
			}
		}
	}
	for port, raw := range sub(networking, "tcpProxies") {
		application, ok := number(jsonNumber(port))
		if !ok {
			continue
		}
		s.setProxy(e, serviceID, application, raw != nil)
	}
}

func (s *Sim) setProxy(e *environment, serviceID string, port int, wanted bool) *proxy {
	now := s.now()
	for _, p := range s.world.Proxies {
		if p.EnvironmentID == e.ID && p.ServiceID == serviceID && p.ApplicationPort == port && p.DeletedAt == nil {
			if !wanted {
				p.DeletedAt = &now
			}
			return p
		}
	}
	if !wanted {
		return nil
	}
	p := &proxy{ID: s.id(), EnvironmentID: e.ID, ServiceID: serviceID, ApplicationPort: port, ProxyPort: 10000 + s.created, CreatedAt: now}
	s.world.Proxies[p.ID] = p
	return p
}

var variableMutations = map[string]mutation{
	"variableUpsert": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		change := map[string]any{argText(input, "name"): map[string]any{"value": argText(input, "value")}}
		return c.s.editVariables(c, input, change, input["skipDeploys"] == true)
	},
	"variableDelete": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		return c.s.editVariables(c, input, map[string]any{argText(input, "name"): nil}, false)
	},
	"variableCollectionUpsert": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		change := map[string]any{}
		given, _ := deepCopy(input["variables"]).(map[string]any)
		e, err := c.environment(c.w(), argText(input, "environmentId"))
		if err != nil {
			return nil, err
		}
		if input["replace"] == true {
			for name := range scopeOf(e, argText(input, "serviceId")) {
				change[name] = nil
			}
		}
		for name, value := range given {
			change[name] = map[string]any{"value": value}
		}
		return c.s.editVariables(c, input, change, input["skipDeploys"] == true)
	},
	"sharedVariableConfigure": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, err := c.environment(c.w(), argText(input, "environmentId"))
		if err != nil {
			return nil, err
		}
		name := argText(input, "name")
		if _, ok := scopeOf(e, "")[name]; !ok {
			return nil, notFound("Variable")
		}
		services := map[string]any{}
		for _, id := range listOf(input["enabledServiceIds"]).([]any) {
			services[id.(string)] = map[string]any{"variables": map[string]any{name: map[string]any{"value": "${{shared." + name + "}}"}}}
		}
		for _, id := range listOf(input["disabledServiceIds"]).([]any) {
			services[id.(string)] = map[string]any{"variables": map[string]any{name: nil}}
		}
		if _, err := c.s.commit(e, map[string]any{"services": services}, "", c.token.UserID, false); err != nil {
			return nil, err
		}
		for _, n := range c.fresh().variables(e) {
			if n["name"] == name && n["serviceId"] == nil {
				return n, nil
			}
		}
		return nil, notFound("Variable")
	},
}

func scopeOf(e *environment, serviceID string) map[string]any {
	if serviceID == "" {
		return sub(e.Config, "sharedVariables")
	}
	return sub(e.Config, "services", serviceID, "variables")
}

// editVariables is what the per-variable mutations do: they apply at once, deploy once per call, and without a service they
// write shared variables (FACTS §4.4).
func (s *Sim) editVariables(c call, input, change map[string]any, skipDeploys bool) (any, error) {
	e, err := c.environment(s.world, argText(input, "environmentId"))
	if err != nil {
		return nil, err
	}
	serviceID := argText(input, "serviceId")
	patch := map[string]any{"sharedVariables": change}
	if serviceID != "" {
		if _, _, err := c.at(s.world, e.ID, serviceID); err != nil {
			return nil, err
		}
		patch = map[string]any{"services": map[string]any{serviceID: map[string]any{"variables": change}}}
	}
	if _, err := s.commit(e, patch, "", c.token.UserID, skipDeploys); err != nil {
		return nil, err
	}
	return true, nil
}

const railwaySuffix = "up.railway.app"

func (s *Sim) newHost(e *environment, name string) string {
	label := strings.Trim(strings.ToLower(regexp.MustCompile(`[^A-Za-z0-9]+`).ReplaceAllString(name+"-"+e.Name, "-")), "-")
	if len(label) > 58 {
		label = label[:58]
	}
	host := label + "." + railwaySuffix
	for _, d := range s.world.Domains {
		if d.Host == host && d.DeletedAt == nil {
			return label + "-" + s.id()[:4] + "." + railwaySuffix
		}
	}
	return host
}

var networkMutations = map[string]mutation{
	"serviceDomainCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, s, err := c.at(c.w(), argText(input, "environmentId"), argText(input, "serviceId"))
		if err != nil {
			return nil, err
		}
		d := &domain{ID: c.s.id(), Host: c.s.newHost(e, s.Name), EnvironmentID: e.ID, ServiceID: s.ID, CreatedAt: c.s.now()}
		if port, ok := number(input["targetPort"]); ok {
			d.Port = &port
		}
		c.w().Domains[d.ID] = d
		return c.fresh().serviceDomain(d), nil
	},
	"serviceDomainUpdate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		d := c.w().Domains[argText(input, "serviceDomainId")]
		if err := c.domain(d, false); err != nil {
			return nil, err
		}
		d.Host = orElse(argText(input, "domain"), d.Host)
		if port, ok := number(input["targetPort"]); ok {
			d.Port = &port
		}
		return true, nil
	},
	"serviceDomainDelete": func(c call, args map[string]any) (any, error) { return c.deleteDomain(argText(args, "id"), false) },
	"customDomainCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, s, err := c.at(c.w(), argText(input, "environmentId"), argText(input, "serviceId"))
		if err != nil {
			return nil, err
		}
		host := argText(input, "domain")
		if !strings.Contains(host, ".") {
			return nil, refused("%s is not a valid domain", host)
		}
		for _, d := range c.w().Domains {
			if d.Host == host && d.DeletedAt == nil {
				return nil, refused("Domain %s is already in use", host)
			}
		}
		d := &domain{ID: c.s.id(), Host: host, EnvironmentID: e.ID, ServiceID: s.ID, Custom: true, CreatedAt: c.s.now()}
		if port, ok := number(input["targetPort"]); ok {
			d.Port = &port
		}
		c.w().Domains[d.ID] = d
		return c.fresh().customDomain(d), nil
	},
	"customDomainUpdate": func(c call, args map[string]any) (any, error) {
		d := c.w().Domains[argText(args, "id")]
		if err := c.domain(d, true); err != nil {
			return nil, err
		}
		d.Port = nil
		if port, ok := number(args["targetPort"]); ok {
			d.Port = &port
		}
		return true, nil
	},
	"customDomainDelete": func(c call, args map[string]any) (any, error) { return c.deleteDomain(argText(args, "id"), true) },
	"tcpProxyCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		e, s, err := c.at(c.w(), argText(input, "environmentId"), argText(input, "serviceId"))
		if err != nil {
			return nil, err
		}
		port, _ := number(input["applicationPort"])
		return c.fresh().proxy(c.s.setProxy(e, s.ID, port, true)), nil
	},
	"tcpProxyDelete": func(c call, args map[string]any) (any, error) {
		p := c.w().Proxies[argText(args, "id")]
		if p == nil || p.DeletedAt != nil {
			return nil, notFound("TCPProxy")
		}
		if _, err := c.environment(c.w(), p.EnvironmentID); err != nil {
			return nil, err
		}
		now := c.s.now()
		p.DeletedAt = &now
		return true, nil
	},
}

func (c call) domain(d *domain, custom bool) error {
	if d == nil || d.Custom != custom || d.DeletedAt != nil {
		return notFound("Domain")
	}
	_, err := c.environment(c.w(), d.EnvironmentID)
	return err
}

func (c call) deleteDomain(id string, custom bool) (any, error) {
	d := c.w().Domains[id]
	if err := c.domain(d, custom); err != nil {
		return nil, err
	}
	now := c.s.now()
	d.DeletedAt = &now
	return true, nil
}

var storageMutations = map[string]mutation{
	"volumeCreate": func(c call, args map[string]any) (any, error) {
		input := sub(args, "input")
		p, err := c.project(c.w(), argText(input, "projectId"))
		if err != nil {
			return nil, err
		}
		x := &volume{ID: c.s.id(), ProjectID: p.ID, CreatedAt: c.s.now(), Instances: map[string]*volumeInstance{}}
		x.Name = "volume-" + x.ID[:4]
		for _, e := range c.w().environmentsOf(p.ID) {
			if only := argText(input, "environmentId"); only == "" || only == e.ID {
				x.Instances[e.ID] = &volumeInstance{ID: c.s.id(), ServiceID: argText(input, "serviceId"), MountPath: argText(input, "mountPath"), Region: argText(input, "region"), CreatedAt: c.s.now()}
			}
		}
		c.w().Volumes[x.ID] = x
		return c.fresh().volume(x), nil
	},
	"volumeUpdate": func(c call, args map[string]any) (any, error) {
		x, err := c.volume(argText(args, "volumeId"))
		if err != nil {
			return nil, err
		}
		x.Name = orElse(argText(args, "input", "name"), x.Name)
		return c.fresh().volume(x), nil
	},
	"volumeDelete": func(c call, args map[string]any) (any, error) {
		x, err := c.volume(argText(args, "volumeId"))
		if err != nil {
			return nil, err
		}
		now := c.s.now()
		x.DeletedAt = &now
		return true, nil
	},
	"volumeInstanceUpdate": func(c call, args map[string]any) (any, error) {
		x, err := c.volume(argText(args, "volumeId"))
		if err != nil {
			return nil, err
		}
		input := sub(args, "input")
		for id, i := range x.Instances {
			if only := argText(args, "environmentId"); only == "" || only == id {
				i.MountPath = orElse(argText(input, "mountPath"), i.MountPath)
				if _, given := input["serviceId"]; given {
					i.ServiceID = argText(input, "serviceId")
				}
			}
		}
		return true, nil
	},
}

func (c call) volume(id string) (*volume, error) {
	x := c.w().Volumes[id]
	if x == nil || x.DeletedAt != nil {
		return nil, notFound("Volume")
	}
	_, err := c.project(c.w(), x.ProjectID)
	return x, err
}

func at(t time.Time) *time.Time { return &t }
