// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Engine is the engine's service. It always gets the tier's settings as variables.
type Engine struct {
	Service `json:",inline"`
}

// Companion is another service of the same environment.
type Companion struct {
	Service `json:",inline"`

	// inheritSettings gives this service the tier's settings as variables too. Default: false.
	// +optional
	InheritSettings bool `json:"inheritSettings,omitempty"`
}

// Service declares a Railway service in one environment. What it leaves out stays as it is on Railway.
//
// +kubebuilder:validation:XValidation:rule="!has(self.pullSecretRef) || !has(self.source) || has(self.source.image)",message="pullSecretRef is for images: remove it, or set source.image instead of source.repo"
type Service struct {
	// name of the service on Railway, unique within the project. It is created when missing, adopted when present.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9]([A-Za-z0-9 ._-]*[A-Za-z0-9])?$')",message="a service's name has letters, digits, spaces and . _ - only, and starts and ends with a letter or digit"
	// +required
	Name string `json:"name,omitempty"`

	// source is what runs: an image, or a repository to build.
	// +optional
	Source *Source `json:"source,omitempty"`

	// pullSecretRef names the Secret with the credentials for the registry of a private image, in the same namespace: one of type
	// kubernetes.io/dockerconfigjson, or one with username and password. It stands beside source because credentials belong to the
	// tier and are never promoted. A companion that runs the engine's image uses the engine's, unless it names its own. They are
	// written when the Secret changes and never read back; Railway asks for the Pro plan. Railway: deploy.registryCredentials.
	// +optional
	PullSecretRef *LocalReference `json:"pullSecretRef,omitempty"`

	// build says how a repository becomes an image.
	// +optional
	Build *Build `json:"build,omitempty"`

	// deploy says how the image runs.
	// +optional
	Deploy *Deploy `json:"deploy,omitempty"`

	// domains says under which names the service is reached from outside.
	// +optional
	Domains *Domains `json:"domains,omitempty"`

	// variables of the service. They win over variablesFrom and over the tier's settings, except where the tier fixes a value.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=256
	// +optional
	Variables []Variable `json:"variables,omitempty"`

	// variablesFrom takes every key of a Secret or ConfigMap as a variable. Later entries win over earlier ones.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=16
	// +optional
	VariablesFrom []VariablesSource `json:"variablesFrom,omitempty"`
}

// Source is what a service runs.
//
// +kubebuilder:validation:XValidation:rule="has(self.image) != has(self.repo)",message="set exactly one of image and repo"
// +kubebuilder:validation:XValidation:rule="has(self.repo) || !(has(self.branch) || has(self.commit) || has(self.rootDirectory))",message="branch, commit and rootDirectory go with repo: remove them, or set repo instead of image"
type Source struct {
	// image is an OCI image reference, [host[:port]/]repository[:tag][@sha256:digest], for example
	// ghcr.io/acme/ai-engine:1.4.2. A digest pins the bytes; with a tag beside it people see what it is. Production refuses an
	// image with neither, and the tag latest. Railway: source.image.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.matches('^([a-z0-9]([a-z0-9-]*[a-z0-9])?([.][a-z0-9]([a-z0-9-]*[a-z0-9])?)*(:[0-9]{1,5})?/)?[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*(/[a-z0-9]+(([._]|__|-+)[a-z0-9]+)*)*(:[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(@sha256:[0-9a-f]{64})?$')",message="image must be an OCI reference in lower case and without a scheme, [host[:port]/]repository[:tag][@sha256:<64 hexadecimal digits>], for example ghcr.io/acme/ai-engine:1.4.2"
	// +optional
	Image string `json:"image,omitempty"`

	// repo is a GitHub repository as owner/name. Railway: source.repo.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=200
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$')",message="repo must be owner/name on GitHub, for example acme/ai-engine, and no URL"
	// +optional
	Repo string `json:"repo,omitempty"`

	// branch to build. Railway's default: main. Railway: source.branch.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=250
	// +optional
	Branch string `json:"branch,omitempty"`

	// commit pins the full SHA to build. Railway: source.commitSha.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9a-f]{40}$')",message="commit must be the full SHA of 40 lower-case hexadecimal digits: git rev-parse <commit> prints it"
	// +optional
	Commit string `json:"commit,omitempty"`

	// rootDirectory within the repository. Railway: source.rootDirectory.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +optional
	RootDirectory string `json:"rootDirectory,omitempty"`
}

// Builder is Railway's way to make an image from a repository.
// +kubebuilder:validation:Enum=Railpack;Nixpacks;Dockerfile
type Builder string

const (
	// BuilderRailpack is Railway's default builder.
	BuilderRailpack Builder = "Railpack"
	// BuilderNixpacks is Railway's older builder.
	BuilderNixpacks Builder = "Nixpacks"
	// BuilderDockerfile builds the repository's Dockerfile.
	BuilderDockerfile Builder = "Dockerfile"
)

// Build says how a repository becomes an image.
type Build struct {
	// builder to use. Railway's default: Railpack. Railway: build.builder.
	// +optional
	Builder Builder `json:"builder,omitempty"`

	// command replaces the builder's build command. Railway: build.buildCommand.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	Command string `json:"command,omitempty"`

	// dockerfilePath is where the Dockerfile lies. Railway's default: Dockerfile. Railway: build.dockerfilePath.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +optional
	DockerfilePath string `json:"dockerfilePath,omitempty"`

	// watchPatterns are gitignore-style patterns; a push that touches none of them deploys nothing. Railway: build.watchPatterns.
	// +listType=atomic
	// +kubebuilder:validation:MaxItems=64
	// +kubebuilder:validation:items:MinLength=1
	// +kubebuilder:validation:items:MaxLength=512
	// +optional
	WatchPatterns []string `json:"watchPatterns,omitempty"`
}

// Deploy says how a service runs.
//
// +kubebuilder:validation:XValidation:rule="!has(self.cronSchedule) || !has(self.regions) || (self.regions.size() == 1 && self.regions.all(r, self.regions[r] == 1))",message="a cron service runs with one replica in one region: set regions to one region with 1 replica"
type Deploy struct {
	// startCommand replaces the image's command. Railway: deploy.startCommand.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	StartCommand string `json:"startCommand,omitempty"`

	// preDeployCommand runs in a container of its own before each deployment; a non-zero exit stops the deployment, so it is
	// the place for migrations. Railway: deploy.preDeployCommand.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=4096
	// +optional
	PreDeployCommand string `json:"preDeployCommand,omitempty"`

	// regions maps Railway regions to their number of replicas, for example {us-west2: 3}. Regions left out are given up.
	// Railway: deploy.multiRegionConfig.
	// +kubebuilder:validation:MinProperties=1
	// +kubebuilder:validation:MaxProperties=8
	// +kubebuilder:validation:XValidation:rule="self.all(r, r.matches('^[a-z]+(-[a-z]+)+[0-9]+(-[a-z0-9]+)?$'))",message="not a Railway region: use names such as us-west2, us-east4-eqdc4a, europe-west4-drams3a or asia-southeast1-eqsg3a"
	// +kubebuilder:validation:XValidation:rule="self.all(r, self[r] >= 1)",message="a region has at least 1 replica: remove the region to give it up"
	// +kubebuilder:validation:XValidation:rule="self.all(r, self[r] <= 50) && self.map(r, self[r]).sum() <= 50",message="a service has at most 50 replicas over all its regions: lower their numbers"
	// +optional
	Regions map[string]int32 `json:"regions,omitempty"`

	// healthcheck is asked once per deployment, before traffic moves to it.
	// +optional
	Healthcheck *Healthcheck `json:"healthcheck,omitempty"`

	// restart says what happens when the process ends.
	// +optional
	Restart *Restart `json:"restart,omitempty"`

	// limits of one replica.
	// +optional
	Limits *Limits `json:"limits,omitempty"`

	// serverless lets the service sleep after 10 minutes without outbound traffic. Railway: deploy.sleepApplication.
	// +optional
	Serverless *bool `json:"serverless,omitempty"`

	// cronSchedule makes the service a job: five fields in numbers, UTC, at least 5 minutes apart
	// (railway-api.md, "Service settings"). Railway has the last word: admission cannot see that */7 ends 4 minutes
	// before the hour. Railway: deploy.cronSchedule.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=100
	// +kubebuilder:validation:XValidation:rule="self.matches('^([*]|[0-5]?[0-9](-[0-5]?[0-9])?)(/[1-9][0-9]?)?(,([*]|[0-5]?[0-9](-[0-5]?[0-9])?)(/[1-9][0-9]?)?)* ([*]|([01]?[0-9]|2[0-3])(-([01]?[0-9]|2[0-3]))?)(/[1-9][0-9]?)?(,([*]|([01]?[0-9]|2[0-3])(-([01]?[0-9]|2[0-3]))?)(/[1-9][0-9]?)?)* ([*]|(0?[1-9]|[12][0-9]|3[01])(-(0?[1-9]|[12][0-9]|3[01]))?)(/[1-9][0-9]?)?(,([*]|(0?[1-9]|[12][0-9]|3[01])(-(0?[1-9]|[12][0-9]|3[01]))?)(/[1-9][0-9]?)?)* ([*]|(0?[1-9]|1[0-2])(-(0?[1-9]|1[0-2]))?)(/[1-9][0-9]?)?(,([*]|(0?[1-9]|1[0-2])(-(0?[1-9]|1[0-2]))?)(/[1-9][0-9]?)?)* ([*]|[0-6](-[0-6])?)(/[1-9][0-9]?)?(,([*]|[0-6](-[0-6])?)(/[1-9][0-9]?)?)*$')",message="cronSchedule has five fields in UTC, minute (0-59), hour (0-23), day of month (1-31), month (1-12) and day of week (0-6, 0 is Sunday), each *, a number, a range or a list, with /step where wanted; for example 0 3 * * *"
	// +kubebuilder:validation:XValidation:rule="!self.matches('^([^ ,]*,)*(([*]|[0-9]+-[0-9]+)(/[1-4])?|[0-9]+/[1-4])(,| )') && (!self.matches('^[0-9]{1,2}(,[0-9]{1,2})+ ') || [self.split(' ')[0].split(',').map(m, int(m))].all(l, l.size() <= 12 && [1,2,3,4,5,6,7,8,9,10,11].all(i, i >= l.size() || l[i] - l[i - 1] >= 5)))",message="cronSchedule runs at most every 5 minutes: in its first field use */5 or more, or minutes in ascending order and at least 5 apart"
	// +optional
	CronSchedule string `json:"cronSchedule,omitempty"`

	// overlap is how long the old deployment keeps running beside the new one. Railway's default: 0s. Railway: deploy.overlapSeconds.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+(m|s|h))+$') && duration(self) <= duration('1h')",message="overlap must be at most 1h, in whole seconds, for example 20s"
	// +optional
	Overlap *metav1.Duration `json:"overlap,omitempty"`

	// draining is how long an old deployment gets to finish after SIGTERM. Railway's default: 0s. Railway: deploy.drainingSeconds.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+(m|s|h))+$') && duration(self) <= duration('1h')",message="draining must be at most 1h, in whole seconds, for example 30s"
	// +optional
	Draining *metav1.Duration `json:"draining,omitempty"`

	// progressDeadline is how long a deployment may take until it counts as failed. The operator watches on; nothing is
	// stopped on Railway. Default: 30m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+(m|s|h))+$') && duration(self) >= duration('10s') && duration(self) <= duration('24h')",message="progressDeadline must be between 10s and 24h, in whole seconds, for example 30m"
	// +optional
	ProgressDeadline *metav1.Duration `json:"progressDeadline,omitempty"`
}

// Healthcheck is asked by Railway once per deployment.
type Healthcheck struct {
	// path that must answer 200 on the service's PORT. Railway: deploy.healthcheckPath.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=512
	// +kubebuilder:validation:XValidation:rule="self.startsWith('/')",message="healthcheck.path starts with /, for example /health"
	// +required
	Path string `json:"path,omitempty"`

	// timeout until the deployment fails. Railway's default: 300s. Railway: deploy.healthcheckTimeout.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+(m|s|h))+$') && duration(self) >= duration('1s') && duration(self) <= duration('1h')",message="healthcheck.timeout must be between 1s and 1h, in whole seconds, for example 300s"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`
}

// RestartPolicy says when Railway restarts a process that ended.
// +kubebuilder:validation:Enum=OnFailure;Always;Never
type RestartPolicy string

const (
	// RestartOnFailure restarts after a non-zero exit.
	RestartOnFailure RestartPolicy = "OnFailure"
	// RestartAlways restarts whenever the process ends.
	RestartAlways RestartPolicy = "Always"
	// RestartNever leaves an ended process alone.
	RestartNever RestartPolicy = "Never"
)

// Restart says what happens when the process ends.
type Restart struct {
	// policy of restarts. Railway's default: OnFailure. Railway: deploy.restartPolicyType.
	// +optional
	Policy RestartPolicy `json:"policy,omitempty"`

	// maxRetries before the deployment counts as crashed. Railway's default: 10. Railway: deploy.restartPolicyMaxRetries.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=10000
	// +optional
	MaxRetries *int32 `json:"maxRetries,omitempty"`
}

// The rules of limits look at the exponent first: Kubernetes reckons with as many digits as it says, which takes an API server hours and
// gigabytes.

// Limits of one replica. Railway: deploy.limitOverride.
type Limits struct {
	// cpu in cores, for example 2, 500m or "1.5", a fraction in quotes. Between 1m and 1000, which is what Railway's Pro plan gives
	// a service with all its replicas (railway-api.md, "Service settings"); plans have lower limits per replica, which Railway
	// checks.
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:XValidation:rule="!string(self).matches('[eE][+-]?0*[1-9][0-9]{2}') && isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1m')) >= 0 && quantity(string(self)).compareTo(quantity('1000')) <= 0",message="limits.cpu must be a quantity between 1m and 1000 cores, for example 2 or 500m; without it Railway's limit stays"
	// +optional
	CPU *resource.Quantity `json:"cpu,omitempty"`

	// memory in bytes, for example 4Gi. Between 1Mi and 1Ti, which is what Railway's Pro plan gives a service with all its
	// replicas (railway-api.md, "Service settings"); plans have lower limits per replica, which Railway checks.
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XIntOrString
	// +kubebuilder:validation:Schemaless
	// +kubebuilder:validation:XValidation:rule="!string(self).matches('[eE][+-]?0*[1-9][0-9]{2}') && isQuantity(string(self)) && quantity(string(self)).compareTo(quantity('1Mi')) >= 0 && quantity(string(self)).compareTo(quantity('1Ti')) <= 0",message="limits.memory must be a quantity between 1Mi and 1Ti, for example 4Gi or 512Mi (the units are Ki, Mi, Gi, Ti or k, M, G, T, without a B); without it Railway's limit stays"
	// +optional
	Memory *resource.Quantity `json:"memory,omitempty"`
}

// Domains says under which names a service is reached from outside.
type Domains struct {
	// railway asks for a generated *.up.railway.app domain. One that exists is kept; false leaves existing domains alone.
	// +optional
	Railway bool `json:"railway,omitempty"`

	// port the domain leads to. Railway's default: the port the process listens on.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	// +optional
	Port *int32 `json:"port,omitempty"`
}
