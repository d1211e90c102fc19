// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// What can be declared: the same bounds as admission has, in api/v1alpha1.
var (
	environmentName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9 ._-]{0,28}[A-Za-z0-9])?$`)
	serviceName     = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9])?$`)
	imageName       = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?/)?` +
		`[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$`)
	repoName   = regexp.MustCompile(`^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$`)
	commitSHA  = regexp.MustCompile(`^[0-9a-f]{40}$`)
	regionName = regexp.MustCompile(`^[a-z]+(-[a-z]+)+[0-9]+(-[a-z0-9]+)?$`)
)

// config is one service's config while it is written down: what was read is ticked off, and the rest is told.
type config struct {
	model.Tree
	work    *work
	service string
	read    map[string]bool
}

func (c *config) get(keys ...string) any {
	c.read[strings.Join(keys, ".")] = true
	value, _ := c.Get(keys...)
	return value
}

// leave notes that a setting could not be expressed, by its name in the spec, where it has one, and on Railway. value may tell the
// value as well.
func (c *config) leave(name, value string) {
	path := desired.SpecPath(c.service + "." + name)
	renamed := path != c.service+"."+name
	if value != "" {
		path += " (" + value + ")"
	}
	if renamed {
		path += ", " + name + " on Railway,"
	}
	c.work.leave("%s stays as it is: it cannot be declared", path)
}

// text reads a text that is not longer than so many bytes and, with a pattern, matches it.
func (c *config) text(atMost int, pattern *regexp.Regexp, keys ...string) string {
	value := c.get(keys...)
	text, isText := value.(string)
	if value == nil || text == "" && isText {
		return ""
	}
	if !isText || len(text) > atMost || pattern != nil && !pattern.MatchString(text) {
		c.leave(strings.Join(keys, "."), "")
		return ""
	}
	return text
}

// number reads a whole number within bounds; ok is false when there is none.
func (c *config) number(least, most float64, keys ...string) (number float64, ok bool) {
	value := c.get(keys...)
	if value == nil {
		return 0, false
	}
	number, ok = value.(float64)
	if !ok || number != math.Trunc(number) || number < least || number > most {
		c.leave(strings.Join(keys, "."), "")
		return 0, false
	}
	return number, true
}

// seconds reads a span of time.
func (c *config) seconds(least, most float64, keys ...string) *metav1.Duration {
	number, ok := c.number(least, most, keys...)
	if !ok {
		return nil
	}
	return &metav1.Duration{Duration: time.Duration(number) * time.Second}
}

// service writes down one service.
func (w *work) service(instance model.ServiceInstance) v1alpha1.Service {
	c := &config{Tree: w.environment.Config.Sub("services", instance.ServiceID), work: w, service: instance.Name, read: map[string]bool{}}
	s := v1alpha1.Service{Name: instance.Name, Source: c.source(instance)}
	w.deployments(instance, s.Source)
	if instance.ConfigFile != "" {
		w.leave("%s: %s in the repository owns its build and deploy settings", instance.Name, instance.ConfigFile)
		c.read["build"], c.read["deploy"] = true, true
	} else {
		s.Build, s.Deploy = c.build(), c.deploy()
	}
	s.Domains = c.domains(instance)
	s.Variables = w.variables(instance.Name, instance.ServiceID, c.Sub("variables"), instance.Name+".variables.")
	c.read["variables"], c.read["isCreated"], c.read["isDeleted"] = true, true, true
	c.rest()
	return s
}

// deployments tells of a service whose config is as declared, so that no commit deploys it, and that the operator would deploy.
func (w *work) deployments(instance model.ServiceInstance, source *v1alpha1.Source) {
	latest := instance.Latest
	switch {
	case source == nil:
	case latest == nil && len(instance.Active) == 0:
		w.Changes[instance.Name+".deployment"] = "it has a source and was never deployed"
	case latest != nil && strings.Contains(source.Image, "@") && latest.Meta.Digest() != "" && !strings.HasSuffix(source.Image, latest.Meta.Digest()):
		w.Changes[instance.Name+".deployment"] = "another digest runs than its source names"
	}
}

// source reads what the service runs. Production declares no image whose tag moves. A commit is declared where it is what runs and no
// push deploys past it.
func (c *config) source(instance model.ServiceInstance) *v1alpha1.Source {
	s := &v1alpha1.Source{Image: c.text(512, imageName, "source", "image"), Repo: c.text(200, repoName, "source", "repo")}
	branch, root := c.text(250, nil, "source", "branch"), c.text(512, nil, "source", "rootDirectory")
	commit := c.text(40, commitSHA, "source", "commitSha")
	switch {
	case s.Image != "" && s.Repo != "":
		c.work.leave("%s.source names an image and a repository: declare one of them", c.service)
		return nil
	case s.Image != "":
		_, tag, _ := strings.Cut(s.Image[strings.LastIndexByte(s.Image, '/')+1:], ":")
		moves := !strings.Contains(s.Image, "@") && (tag == "" || tag == "latest")
		if moves && c.work.Tier.Spec.Tier == v1alpha1.TierProduction {
			c.work.Changes[c.service+".source.image"] = "Production declares no image without a tag, and none with the tag latest: put the version that runs"
		}
		return s
	case s.Repo != "":
		s.Branch, s.RootDirectory = branch, root
		if commit != "" && len(instance.Triggers) == 0 && instance.Latest != nil && instance.Latest.Meta.CommitHash == commit {
			s.Commit = commit
		} else if commit != "" {
			c.work.leave("%s.source.commit stays as it is: something else runs, or pushes deploy past it", c.service)
		}
		return s
	}
	return nil
}

func (c *config) build() *v1alpha1.Build {
	b := &v1alpha1.Build{
		Builder: desired.BuilderOf(c.text(32, nil, "build", "builder")),
		Command: c.text(4096, nil, "build", "buildCommand"), DockerfilePath: c.text(512, nil, "build", "dockerfilePath"),
	}
	if name, set := c.Get("build", "builder"); set && b.Builder == "" {
		c.leave("build.builder", fmt.Sprint(name))
	}
	patterns, _ := c.get("build", "watchPatterns").([]any)
	for _, pattern := range patterns {
		text, isText := pattern.(string)
		if !isText || text == "" || len(text) > 512 || len(patterns) > 64 {
			c.leave("build.watchPatterns", "")
			b.WatchPatterns = nil
			break
		}
		b.WatchPatterns = append(b.WatchPatterns, text)
	}
	if b.Builder == "" && b.Command == "" && b.DockerfilePath == "" && b.WatchPatterns == nil {
		return nil
	}
	return b
}

func (c *config) deploy() *v1alpha1.Deploy {
	d := &v1alpha1.Deploy{
		StartCommand: c.text(4096, nil, "deploy", "startCommand"), PreDeployCommand: c.preDeploy(),
		Healthcheck: c.healthcheck(), Restart: c.restart(), Limits: c.limits(),
		CronSchedule: c.text(100, cron, "deploy", "cronSchedule"),
		Overlap:      c.seconds(0, 3600, "deploy", "overlapSeconds"), Draining: c.seconds(0, 3600, "deploy", "drainingSeconds"),
		Regions: c.regions(),
	}
	if sleeps, ok := c.get("deploy", "sleepApplication").(bool); ok {
		d.Serverless = &sleeps
	}
	if d.CronSchedule != "" && len(d.Regions) > 0 && (len(d.Regions) > 1 || total(d.Regions) > 1) {
		c.leave("deploy.multiRegionConfig", "")
		d.Regions = nil
	}
	if _, set := c.Get("deploy", "registryCredentials"); set {
		c.read["deploy.registryCredentials"] = true
		c.work.leave("%s: Railway never shows the credentials of a private image: they stay; to manage them set pullSecretRef", c.service)
	}
	if reflect.ValueOf(*d).IsZero() {
		return nil
	}
	return d
}

// cron is a schedule that surely can be declared: at one minute of the hour. Others are left as they are.
var cron = regexp.MustCompile(`^[0-5]?[0-9] ([*]|[01]?[0-9]|2[0-3]) ([*]|0?[1-9]|[12][0-9]|3[01]) ([*]|0?[1-9]|1[0-2]) ([*]|[0-6])$`)

func (c *config) preDeploy() string {
	value := c.get("deploy", "preDeployCommand")
	if all, isList := value.([]any); isList && len(all) == 1 { // a string or a list of one (railway-api.md, "EnvironmentConfig")
		value = all[0]
	}
	text, isText := value.(string)
	if all, isList := value.([]any); value != nil && (!isText || len(text) > 4096) && (!isList || len(all) > 0) {
		c.leave("deploy.preDeployCommand", "")
		return ""
	}
	return text
}

func (c *config) healthcheck() *v1alpha1.Healthcheck {
	path, timeout := c.text(512, nil, "deploy", "healthcheckPath"), c.seconds(1, 3600, "deploy", "healthcheckTimeout")
	switch {
	case path == "" && timeout != nil:
		c.leave("deploy.healthcheckTimeout", "")
		return nil
	case path == "":
		return nil
	case !strings.HasPrefix(path, "/"):
		c.leave("deploy.healthcheckPath", "")
		return nil
	}
	return &v1alpha1.Healthcheck{Path: path, Timeout: timeout}
}

func (c *config) restart() *v1alpha1.Restart {
	r := &v1alpha1.Restart{Policy: desired.RestartPolicyOf(c.text(32, nil, "deploy", "restartPolicyType"))}
	if name, set := c.Get("deploy", "restartPolicyType"); set && r.Policy == "" {
		c.leave("deploy.restartPolicyType", fmt.Sprint(name))
	}
	if retries, ok := c.number(0, 10000, "deploy", "restartPolicyMaxRetries"); ok {
		number := int32(retries)
		r.MaxRetries = &number
	}
	if r.Policy == "" && r.MaxRetries == nil {
		return nil
	}
	return r
}

func (c *config) limits() *v1alpha1.Limits {
	l := &v1alpha1.Limits{}
	if cpu, ok := c.get("deploy", "limitOverride", "containers", "cpu").(float64); ok {
		milli := math.Round(cpu * 1000)
		if milli/1000 != cpu || milli < 1 || milli > 1_000_000 {
			c.leave("deploy.limitOverride.containers.cpu", "")
		} else {
			l.CPU = resource.NewMilliQuantity(int64(milli), resource.DecimalSI)
		}
	}
	if memory, ok := c.number(1<<20, 1<<40, "deploy", "limitOverride", "containers", "memoryBytes"); ok {
		l.Memory = resource.NewQuantity(int64(memory), resource.BinarySI)
	}
	if l.CPU == nil && l.Memory == nil {
		return nil
	}
	return l
}

// regions reads the replicas by region, in today's form or the older one of a single region.
func (c *config) regions() map[string]int32 {
	all, _ := c.get("deploy", "multiRegionConfig").(map[string]any)
	c.read["deploy.region"], c.read["deploy.numReplicas"] = true, true
	regions, bad := map[string]int32{}, false
	take := func(region string, count any) {
		replicas, ok := replicasOf(count)
		if !ok || !regionName.MatchString(region) {
			bad = true
			return
		}
		regions[region] = replicas
	}
	for region, entry := range all {
		if entry != nil {
			settings, _ := entry.(map[string]any)
			take(region, settings["numReplicas"])
		}
	}
	if region, set := c.Get("deploy", "region"); set && len(regions) == 0 && !bad {
		name, _ := region.(string)
		count, _ := c.Get("deploy", "numReplicas")
		take(name, count)
	}
	if bad || len(regions) > 8 || total(regions) > 50 {
		c.leave("deploy.multiRegionConfig", "")
		return nil
	}
	if len(regions) == 0 {
		return nil
	}
	return regions
}

// replicasOf reads a number of replicas that can be declared; none says one.
func replicasOf(count any) (int32, bool) {
	if count == nil {
		return 1, true
	}
	replicas, isNumber := count.(float64)
	if !isNumber || replicas < 1 || replicas > 50 || replicas != math.Trunc(replicas) {
		return 0, false
	}
	return int32(replicas), true
}

func total(regions map[string]int32) (sum int32) {
	for _, replicas := range regions {
		sum += replicas
	}
	return sum
}

// domains asks for the generated domain that is there.
func (c *config) domains(instance model.ServiceInstance) *v1alpha1.Domains {
	c.read["networking"] = true
	for _, domain := range instance.CustomDomains {
		c.work.leave("%s: the custom domain %s stays as it is: the operator does not manage it", c.service, domain.Host)
	}
	if proxies := c.Sub("networking", "tcpProxies"); len(proxies) > 0 {
		c.work.leave("%s: its TCP proxies stay as they are: the operator does not manage them", c.service)
	}
	if len(instance.RailwayDomains) == 0 {
		return nil
	}
	d := &v1alpha1.Domains{Railway: true}
	if port := instance.RailwayDomains[0].Port; port > 0 && port <= 65535 {
		number := int32(port)
		d.Port = &number
	}
	return d
}

// everywhere is what Railway itself writes into the config of each new service. Nobody chose it.
var everywhere = map[string]any{
	"build.buildEnvironment": "V3", "deploy.runtime": "V2", "deploy.useLegacyStacker": false, "deploy.ipv6EgressEnabled": false,
}

// rest tells what nothing above has read.
func (c *config) rest() {
	var left []string
	c.Leaves(func(keys []string, value any) {
		for n := range keys {
			if c.read[strings.Join(keys[:n+1], ".")] {
				return
			}
		}
		if empty, isObject := value.(map[string]any); value == nil || isObject && len(empty) == 0 {
			return
		}
		if name := strings.Join(keys, "."); everywhere[name] == nil || everywhere[name] != value {
			left = append(left, name)
		}
	})
	slices.Sort(left)
	for _, name := range left {
		c.leave(name, "")
	}
}
