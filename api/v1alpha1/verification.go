// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// Verification says how it is proved that the engine does its work. The tier brings checks of its own (see the tier table);
// those of the spec are added to them.
type Verification struct {
	// interval between two runs of the checks. They also run after each rollout, and when a pass is forced by annotation.
	// Between 5s and 24h. Default: 10m.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=32
	// +kubebuilder:validation:XValidation:rule="self.matches('^([0-9]+(m|s|h))+$') && duration(self) >= duration('5s') && duration(self) <= duration('24h')",message="verification.interval must be between 5s and 24h, in whole seconds, for example 10m"
	// +optional
	Interval *metav1.Duration `json:"interval,omitempty"`

	// checks to run besides the tier's own. One with the name of a tier's check replaces it.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Checks []Check `json:"checks,omitempty"`

	// disabledChecks names checks of the tier that do not run: health, metrics, python-version, structured-logs or middleware.
	// +listType=set
	// +kubebuilder:validation:MaxItems=8
	// +optional
	DisabledChecks []TierCheckName `json:"disabledChecks,omitempty"`

	// onFailure says what happens when a new revision fails its checks or its deployment. Default: Report.
	// +optional
	OnFailure FailurePolicy `json:"onFailure,omitempty"`
}

// TierCheckName is the name of a check that tiers bring.
// +kubebuilder:validation:Enum=health;metrics;python-version;structured-logs;middleware
type TierCheckName string

// The checks that tiers bring.
const (
	CheckHealth         TierCheckName = "health"
	CheckMetrics        TierCheckName = "metrics"
	CheckPythonVersion  TierCheckName = "python-version"
	CheckStructuredLogs TierCheckName = "structured-logs"
	CheckMiddleware     TierCheckName = "middleware"
)

// CheckRevision is the check that what was declared is what runs. It always runs.
const CheckRevision = "revision"

// FailurePolicy says what happens when a new revision fails.
// +kubebuilder:validation:Enum=Report;Rollback
type FailurePolicy string

const (
	// FailureReport says so in the status.
	FailureReport FailurePolicy = "Report"
	// FailureRollback puts the last verified revision back and holds it until the spec changes or a person says resume.
	FailureRollback FailurePolicy = "Rollback"
)

// Blame says what a failing check tells about.
// +kubebuilder:validation:Enum=Revision;Environment
type Blame string

const (
	// BlameRevision: what was deployed is at fault. Such a failure rejects the revision, and rolls back where that is asked for.
	BlameRevision Blame = "Revision"
	// BlameEnvironment: something else is at fault, for example a provider or its key. The tier is NO-GO; the revision stays.
	BlameEnvironment Blame = "Environment"
)

// Check is one thing that must hold.
//
// +kubebuilder:validation:XValidation:rule="[has(self.http), has(self.logs), has(self.load)].exists_one(k, k)",message="set exactly one of http, logs and load"
// +kubebuilder:validation:XValidation:rule="has(self.expect) || has(self.status) || has(self.contains)",message="say what must hold: set expect, status or contains"
// +kubebuilder:validation:XValidation:rule="!has(self.status) || has(self.http)",message="status goes with http: use expect for other kinds"
// +kubebuilder:validation:XValidation:rule="!has(self.contains) || !has(self.load)",message="contains goes with http and logs: use expect for load"
type Check struct {
	// name of the check: lower-case letters, digits and -, starting and ending with a letter or digit.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9-]*[a-z0-9])?$')",message="a check's name has lower-case letters, digits and - only, and starts and ends with a letter or digit, for example model-answers"
	// +kubebuilder:validation:XValidation:rule="self != 'revision'",message="the revision check is the operator's own: choose another name"
	// +required
	Name string `json:"name,omitempty"`

	// http sends one request.
	// +optional
	HTTP *HTTPCheck `json:"http,omitempty"`

	// logs reads the lines of the running deployment.
	// +optional
	Logs *LogsCheck `json:"logs,omitempty"`

	// load sends many requests.
	// +optional
	Load *LoadCheck `json:"load,omitempty"`

	// expect is a CEL expression that must be true. Variables by kind: http: status (int), headers (map of lower-case name to
	// value), body (string), json (the body, when it is JSON), durationMs (int). logs: logs (list of objects with message,
	// severity and attributes). load: requests, p50Ms, p95Ms, p99Ms (int), errorRate (0 to 1), codes (map of status, as text,
	// to count). What an expression may cost is bounded; one that costs more leaves the check undecided.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Expect string `json:"expect,omitempty"`

	// blames says what is at fault when the check fails: the Revision, which is then rejected and rolled back where onFailure
	// asks for that, or the Environment, for example a provider that does not answer. Default: Revision.
	// +optional
	Blames Blame `json:"blames,omitempty"`

	// inconclusive is a CEL expression over the same variables as expect. When it is true the run says nothing, and what is
	// known of the check stays. For example: status == 429 || json.error == "insufficient_quota".
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Inconclusive string `json:"inconclusive,omitempty"`

	// status is short for expect: status == <status>.
	// +kubebuilder:validation:Minimum=100
	// +kubebuilder:validation:Maximum=599
	// +optional
	Status *int32 `json:"status,omitempty"`

	// contains is short for an expect that the body, or one of the log lines, contains this text.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Contains string `json:"contains,omitempty"`

	// timeout of one attempt; for load, of each request. Between 1s and 60s, in seconds. Default: 10s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]+s$') && duration(self) >= duration('1s') && duration(self) <= duration('60s')",message="a check's timeout must be between 1s and 60s, in seconds, for example 10s"
	// +optional
	Timeout *metav1.Duration `json:"timeout,omitempty"`

	// retries of a failed attempt within one run; load is never retried. Default: 2.
	// +kubebuilder:validation:Minimum=0
	// +kubebuilder:validation:Maximum=5
	// +optional
	Retries *int32 `json:"retries,omitempty"`

	// failureThreshold is how many runs in a row must fail until a check that has passed counts as failed. Default: 2.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=10
	// +optional
	FailureThreshold *int32 `json:"failureThreshold,omitempty"`
}

// HTTPMethod is an HTTP method.
// +kubebuilder:validation:Enum=GET;HEAD;POST;PUT;PATCH;DELETE;OPTIONS
type HTTPMethod string

// HTTPCheck is one request.
//
// +kubebuilder:validation:XValidation:rule="!has(self.body) || !has(self.bodyFrom)",message="set at most one of body and bodyFrom"
// +kubebuilder:validation:XValidation:rule="!has(self.service) || !has(self.host)",message="set at most one of service and host"
type HTTPCheck struct {
	// service whose generated domain is asked. Default: the engine.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Service string `json:"service,omitempty"`

	// host to ask instead of a service's generated domain: a custom domain of a declared service, once Railway has verified it,
	// or a host that the operator's administrator allows (--probe-allow-hosts). It is a name in lower case, for example api.acme.example.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	// +kubebuilder:validation:XValidation:rule="self.matches('^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$')",message="host is a name in lower case, without scheme, port and path, for example api.acme.example"
	// +optional
	Host string `json:"host,omitempty"`

	// method of the request. Default: GET.
	// +optional
	Method HTTPMethod `json:"method,omitempty"`

	// path with the query, if any, for example /health?full=1. Requests always go over HTTPS.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=1024
	// +kubebuilder:validation:XValidation:rule="self.matches(r'^/[^\\s]*$')",message="path starts with / and has no blanks (write %20 for one), for example /health?full=1"
	// +required
	Path string `json:"path,omitempty"`

	// headers of the request.
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	// +optional
	Headers []Header `json:"headers,omitempty"`

	// body of the request, in clear.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=16384
	// +optional
	Body string `json:"body,omitempty"`

	// bodyFrom takes the body from a Secret or ConfigMap.
	// +optional
	BodyFrom *ValueSource `json:"bodyFrom,omitempty"`
}

// Header is a header of a request.
//
// +kubebuilder:validation:XValidation:rule="has(self.value) != has(self.valueFrom)",message="set exactly one of value and valueFrom"
type Header struct {
	// name of the header: letters, digits and -.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=64
	// +kubebuilder:validation:XValidation:rule="self.matches('^[A-Za-z0-9-]+$')",message="a header's name has letters, digits and - only, for example X-Tenant-ID"
	// +kubebuilder:validation:XValidation:rule="!(self.lowerAscii() in ['host', 'content-length', 'connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'])",message="the operator sets this header itself, or HTTP does not allow it: remove it; to ask another host, set host"
	// +required
	Name string `json:"name,omitempty"`

	// value in clear, without the blanks around it. Use valueFrom for secrets.
	// +kubebuilder:validation:MaxLength=1024
	// +optional
	Value *string `json:"value,omitempty"`

	// valueFrom takes the value from a Secret or ConfigMap, without the blanks and line ends around it.
	// +optional
	ValueFrom *ValueSource `json:"valueFrom,omitempty"`
}

// LogWindow says which lines a check reads.
// +kubebuilder:validation:Enum=Start;Recent
type LogWindow string

const (
	// LogWindowStart are the lines of the deployment's first 15 minutes. They do not change any more, so a check of them that
	// has passed is not run again for the deployment.
	LogWindowStart LogWindow = "Start"
	// LogWindowRecent are the newest lines. Each run costs one request to Railway.
	LogWindowRecent LogWindow = "Recent"
)

// LogsCheck reads the log of the running deployment.
type LogsCheck struct {
	// service whose log is read. Default: the engine.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=32
	// +optional
	Service string `json:"service,omitempty"`

	// window of lines to read. Default: Start.
	// +optional
	Window LogWindow `json:"window,omitempty"`

	// filter in Railway's own syntax, for example @level:error AND "timeout".
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=256
	// +optional
	Filter string `json:"filter,omitempty"`
}

// LoadCheck sends many requests, within bounds: it ends with the last request or after duration, whichever comes first.
type LoadCheck struct {
	HTTPCheck `json:",inline"`

	// requests to send. Default: 50.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=1000
	// +optional
	Requests *int32 `json:"requests,omitempty"`

	// concurrency is how many requests are under way at once. Default: 4.
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=20
	// +optional
	Concurrency *int32 `json:"concurrency,omitempty"`

	// duration after which no further request is sent. Between 1s and 60s, in seconds. Default: 30s.
	// +kubebuilder:validation:Type=string
	// +kubebuilder:validation:MaxLength=8
	// +kubebuilder:validation:XValidation:rule="self.matches('^[0-9]+s$') && duration(self) >= duration('1s') && duration(self) <= duration('60s')",message="load.duration must be between 1s and 60s, in seconds, for example 30s"
	// +optional
	Duration *metav1.Duration `json:"duration,omitempty"`
}

// CheckResult is how a check ended.
type CheckResult string

const (
	// CheckPassed: what must hold holds.
	CheckPassed CheckResult = "Passed"
	// CheckFailed: it does not.
	CheckFailed CheckResult = "Failed"
	// CheckPending: it has not run for what runs now.
	CheckPending CheckResult = "Pending"
	// CheckSkipped: it cannot be run, and does not count. The message says why.
	CheckSkipped CheckResult = "Skipped"
)

// CheckStatus is the last result of one check.
type CheckStatus struct {
	// name of the check.
	// +required
	Name string `json:"name"`
	// result is Passed, Failed, Pending or Skipped.
	// +required
	Result CheckResult `json:"result"`
	// since is when the result last changed.
	// +required
	Since metav1.Time `json:"since"`
	// message says what was found, without secrets.
	// +optional
	Message string `json:"message,omitempty"`
	// durationMs is how long the run took that brought the result, in milliseconds.
	// +optional
	DurationMs int64 `json:"durationMs,omitempty"`
	// blames is what a failure is put down to, when it is not the revision.
	// +optional
	Blames string `json:"blames,omitempty"`
	// fingerprint is a keyed hash of the check as it was run: a result counts for the same check only.
	// +optional
	Fingerprint string `json:"fingerprint,omitempty"`
}

// Verdict sums up whether the tier may be relied on.
type Verdict string

const (
	// VerdictGo: the tier is Ready, every check passes, nothing drifts and the budget holds.
	VerdictGo Verdict = "GO"
	// VerdictNoGo: something is known to be wrong; status.verdictReasons says what.
	VerdictNoGo Verdict = "NO-GO"
	// VerdictPending: it is not decided yet; status.verdictReasons says what is waited for.
	VerdictPending Verdict = "PENDING"
)
