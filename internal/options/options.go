// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package options are the operator's flags.
package options

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"github.com/go-logr/zapr"
	"github.com/spf13/pflag"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/engine-operator/engine-operator/internal/railway"
)

// Options are the flags.
type Options struct {
	Namespace         string
	WatchNamespaces   []string
	WatchSelector     labels.Selector
	Concurrency       int
	LeaderElect       bool
	LeaseName         string
	MetricsAddress    string
	MetricsSecure     bool
	ProbeAddress      string
	PprofAddress      string
	ShutdownTimeout   time.Duration
	RailwayEndpoint   string
	RailwayTimeout    time.Duration
	RequestsPerSecond float64
	Burst             int
	RolloutInterval   time.Duration
	Settle            time.Duration
	WebhookAddress    string
	WebhookSecretFile string
	LogLevel          string
	LogFormat         string
	Probe

	watchNamespaces, watchSelector string
}

// DefaultNamespace is where the operator keeps its own Secret and lease when it does not run in a cluster.
const DefaultNamespace = "engine-operator-system"

// Complete reads what the flags hold and says what is wrong with it. Call it once the flags were parsed.
func (o *Options) Complete() (err error) {
	o.WatchNamespaces = names(o.watchNamespaces)
	o.WebhookAddress = cmp.Or(o.WebhookAddress, "0") // empty is none, as it is for the manager's addresses
	if o.WatchSelector, err = labels.Parse(o.watchSelector); err != nil {
		return fmt.Errorf("--watch-label-selector: %w", err)
	}
	return o.validate()
}

// names splits a list at its commas.
func names(text string) []string {
	var list []string
	for name := range strings.SplitSeq(text, ",") {
		if name = strings.TrimSpace(name); name != "" {
			list = append(list, name)
		}
	}
	return list
}

// WebhookSecret reads the file of --webhook-secret-file; empty when no webhooks are taken.
func (o *Options) WebhookSecret() (string, error) {
	if o.WebhookAddress == "0" {
		return "", nil
	}
	raw, err := os.ReadFile(o.WebhookSecretFile)
	if err != nil {
		return "", fmt.Errorf("read --webhook-secret-file: %w", err)
	}
	return strings.TrimSpace(string(raw)), nil
}

// Bind adds the flags. Each of them stands in one of Groups.
func (o *Options) Bind(flags *pflag.FlagSet) {
	namespace := os.Getenv("POD_NAMESPACE")
	if namespace == "" {
		namespace = DefaultNamespace
	}
	flags.StringVar(&o.Namespace, "namespace", namespace, "the operator's own namespace, for its Secret and lease; default: $POD_NAMESPACE")
	flags.IntVar(&o.Concurrency, "concurrency", 8, "how many objects are reconciled at once")
	flags.BoolVar(&o.LeaderElect, "leader-elect", false, "let only one replica work at a time")
	flags.StringVar(&o.LeaseName, "leader-elect-resource-name", "engine-operator.railway.engine-operator.dev",
		"name of the lease in --namespace; instances with different --watch-label-selector need different ones")
	flags.StringVar(&o.MetricsAddress, "metrics-bind-address", "0", "where metrics are served, for example :8443; 0 serves none")
	flags.BoolVar(&o.MetricsSecure, "metrics-secure", true, "serve metrics over HTTPS to authorised callers only")
	flags.StringVar(&o.ProbeAddress, "health-probe-bind-address", ":8081", "where /healthz and /readyz are served; 0 serves none")
	flags.StringVar(&o.PprofAddress, "pprof-bind-address", "0",
		"where Go profiles are served, for example 127.0.0.1:6060; they may hold secrets, so keep it to loopback; 0 serves none")
	flags.DurationVar(&o.ShutdownTimeout, "shutdown-timeout", 20*time.Second, "how long a running pass may take to end on shutdown")
	flags.StringVar(&o.RailwayEndpoint, "railway-endpoint", railway.DefaultEndpoint, "Railway's GraphQL API; http is accepted on loopback only")
	flags.DurationVar(&o.RailwayTimeout, "railway-timeout", 30*time.Second, "how long one request to Railway may take")
	flags.Float64Var(&o.RequestsPerSecond, "railway-rps", 5, "requests per second and token, at most")
	flags.IntVar(&o.Burst, "railway-burst", 4, "requests per token that may go out at once after a quiet time; with --railway-rps below what the plan allows a second")
	flags.DurationVar(&o.RolloutInterval, "rollout-interval", 5*time.Second, "how often Railway is read while a deployment is under way")
	flags.DurationVar(&o.Settle, "settle", 45*time.Second,
		"how long Railway's reads may lag behind its writes; until then the operator searches for a write of unknown outcome before it sends it again")
	flags.StringVar(&o.WebhookAddress, "webhook-bind-address", "0",
		"where Railway's webhooks are taken as hints, for example :9440; 0 takes none. Put TLS before it")
	flags.StringVar(&o.WebhookSecretFile, "webhook-secret-file", "", "file with the last part of the path that webhooks are posted to: /webhooks/railway/<secret>")
	flags.StringVar(&o.LogLevel, "log-level", "info", "error, warn, info or debug; warn has what went wrong with an engine, debug every request to Railway, without variables")
	flags.StringVar(&o.LogFormat, "log-format", "json", "json or console")
	o.Probe.Bind(flags)
	flags.StringVar(&o.watchSelector, "watch-label-selector", "",
		"reconcile the EngineEnvironments with these labels only, for example shard=a; other instances take the rest; empty takes all")
	flags.StringVar(&o.watchNamespaces, "watch-namespaces", "", "namespaces to watch, separated by commas; empty watches all")
}

func (o *Options) validate() error {
	var problems []error
	check := func(ok bool, problem string) {
		if !ok {
			problems = append(problems, errors.New(problem))
		}
	}
	check(o.Namespace != "", "--namespace must not be empty")
	check(!o.LeaderElect || o.LeaseName != "", "--leader-elect-resource-name must not be empty")
	check(o.Concurrency >= 1, "--concurrency must be at least 1")
	check(o.RequestsPerSecond > 0, "--railway-rps must be greater than 0")
	check(o.Burst >= 1, "--railway-burst must be at least 1")
	check(o.RolloutInterval >= 100*time.Millisecond, "--rollout-interval must be at least 100ms")
	check(o.RailwayTimeout > 0 && o.RailwayTimeout <= 2*time.Minute, "--railway-timeout must be between 0 and 2m")
	check(o.WebhookAddress == "0" || o.WebhookSecretFile != "", "--webhook-bind-address needs --webhook-secret-file")
	check(o.Settle > 0, "--settle must be greater than 0")
	return errors.Join(problems...)
}

// Logger returns the logger and what to call before the process ends.
func (o *Options) Logger() (logr.Logger, func(), error) {
	config := zap.NewProductionConfig()
	config.Sampling = nil
	config.DisableStacktrace = true
	config.EncoderConfig.TimeKey, config.EncoderConfig.EncodeTime = "time", zapcore.ISO8601TimeEncoder
	switch o.LogFormat {
	case "json":
	case "console":
		config.Encoding = "console"
		config.EncoderConfig.EncodeLevel = zapcore.CapitalLevelEncoder
	default:
		return logr.Logger{}, nil, fmt.Errorf("--log-format must be json or console, not %q", o.LogFormat)
	}
	switch o.LogLevel {
	case "error", "warn", "info", "debug":
		if err := config.Level.UnmarshalText([]byte(o.LogLevel)); err != nil {
			return logr.Logger{}, nil, err
		}
	default:
		return logr.Logger{}, nil, fmt.Errorf("--log-level must be error, warn, info or debug, not %q", o.LogLevel)
	}
	logger, err := config.Build()
	if err != nil {
		return logr.Logger{}, nil, fmt.Errorf("make the logger: %w", err)
	}
	return zapr.NewLogger(logger), func() { _ = logger.Sync() }, nil
}
