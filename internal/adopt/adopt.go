// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package adopt writes down what is there: a live Railway environment, or a dotenv file, as an EngineEnvironment with Secrets for
// what looks secret, such that the operator would change nothing. It says what it could not express. It is pure: values in, values
// out.
package adopt

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// Options say how the result is called.
type Options struct {
	// Name of the EngineEnvironment; default: the tier in lower case. Namespace may be empty.
	Name, Namespace string
	// Tier; default: what the environment's name suggests.
	Tier v1alpha1.Tier
	// Engine is the name of the engine's service; default: the only service, or the only one with a source.
	Engine string
	// TokenSecret is the name of the Secret with Railway's token. Default: railway.
	TokenSecret string
}

// Result is what was written down.
type Result struct {
	Tier *v1alpha1.EngineEnvironment
	// Secrets hold what looks secret.
	Secrets []*corev1.Secret
	// Changes are paths that the operator would write all the same, with the reason: the tier asks for what is not there.
	Changes map[string]string
	// Left is what could not be expressed and stays as it is, sorted.
	Left []string
}

// tierNames are what environments are usually called.
var tierNames = map[string]v1alpha1.Tier{
	"production": v1alpha1.TierProduction, "prod": v1alpha1.TierProduction, "live": v1alpha1.TierProduction,
	"preview": v1alpha1.TierPreview, "staging": v1alpha1.TierPreview, "stage": v1alpha1.TierPreview, "qa": v1alpha1.TierPreview,
	"dev": v1alpha1.TierDev, "development": v1alpha1.TierDev, "test": v1alpha1.TierDev, "testing": v1alpha1.TierDev,
}

// work is an import under way.
type work struct {
	Result
	options     Options
	environment *model.Environment
	secrets     map[string]*corev1.Secret
	// sealed and hidden are the variables whose values Railway does not show, to anybody or to this token.
	sealed, hidden []string
}

// Environment writes down a Railway environment.
func Environment(environment *model.Environment, options Options) (*Result, error) {
	tier := options.Tier
	if tier == "" {
		tier = tierNames[strings.ToLower(environment.Name)]
	}
	if tier == "" || tier == v1alpha1.TierLocal {
		return nil, fmt.Errorf("it is not clear which tier %q is: name it with --tier Dev, Preview or Production", environment.Name)
	}
	engine, err := engineOf(environment, options.Engine)
	if err != nil {
		return nil, err
	}
	if !environmentName.MatchString(environment.Name) {
		return nil, fmt.Errorf("the environment's name %q cannot be declared: rename it on Railway to letters, digits, spaces and . _ -", environment.Name)
	}
	if !serviceName.MatchString(engine.Name) || len(engine.Name) > 32 {
		return nil, fmt.Errorf("the service's name %q cannot be declared: rename it on Railway to letters, digits, spaces and . _ -", engine.Name)
	}
	w := newWork(options, tier)
	w.environment = environment
	spec := &w.Tier.Spec
	spec.Railway = &v1alpha1.Railway{ProjectID: environment.ProjectID, TokenSecretRef: v1alpha1.LocalReference{Name: orElse(options.TokenSecret, "railway")}}
	if environment.Name != tier.Lower() {
		spec.Railway.Environment = environment.Name
	}
	spec.Engine.Service = w.service(engine)
	if spec.Engine.Source == nil {
		w.leave("%s.source: the engine has none that could be declared, and must: set spec.engine.source", engine.Name)
	}
	w.settings(w.Tier, engine)
	for _, instance := range environment.Services {
		if instance.Name != engine.Name {
			w.companion(instance)
		}
	}
	spec.SharedVariables = w.variables("shared", "", environment.Config.Sub("sharedVariables"), "")
	if environment.Ephemeral {
		w.leave("the environment belongs to a pull request: Railway deletes it when that is closed")
	}
	if environment.Volumes > 0 {
		w.leave("volumes stay as they are: the operator does not manage them")
	}
	if len(environment.Staged) > 0 {
		w.leave("changes that are staged on the dashboard and not deployed are not part of it")
	}
	return w.result(), nil
}

func newWork(options Options, tier v1alpha1.Tier) *work {
	w := &work{options: options, secrets: map[string]*corev1.Secret{}}
	w.Changes = map[string]string{}
	w.Tier = &v1alpha1.EngineEnvironment{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "EngineEnvironment"},
		ObjectMeta: metav1.ObjectMeta{Name: orElse(options.Name, tier.Lower()), Namespace: options.Namespace},
	}
	w.Tier.Spec.Tier = tier
	return w
}

func (w *work) result() *Result {
	for _, name := range slices.Sorted(maps.Keys(w.secrets)) {
		w.Secrets = append(w.Secrets, w.secrets[name])
	}
	w.leaveUnread()
	slices.Sort(w.Left)
	w.Left = slices.Compact(w.Left)
	return &w.Result
}

// leave notes what could not be expressed.
func (w *work) leave(format string, args ...any) {
	w.Left = append(w.Left, fmt.Sprintf(format, args...))
}

// leaveUnread notes the variables whose values are not shown, in one line for each cause.
func (w *work) leaveUnread() {
	one, them := map[bool]string{true: "is", false: "are"}, map[bool]string{true: "it stays as it is", false: "they stay as they are"}
	if n := len(w.sealed); n > 0 {
		slices.Sort(w.sealed)
		w.leave("%s %s sealed: nobody can read the value, so %s; to manage such a variable, declare it with sealed: true and its value in a Secret",
			strings.Join(w.sealed, ", "), one[n == 1], them[n == 1])
	}
	if n := len(w.hidden); n > 0 {
		slices.Sort(w.hidden)
		w.leave("%s: Railway does not show the value to this token, so %s", strings.Join(w.hidden, ", "), them[n == 1])
	}
}

// engineOf finds the engine's service.
func engineOf(environment *model.Environment, name string) (model.ServiceInstance, error) {
	var names []string
	var candidates []model.ServiceInstance
	for _, instance := range environment.Services {
		names = append(names, instance.Name)
		if instance.Name == name {
			return instance, nil
		}
		if len(environment.Config.Sub("services", instance.ServiceID, "source")) > 0 {
			candidates = append(candidates, instance)
		}
	}
	switch {
	case len(names) == 0:
		return model.ServiceInstance{}, fmt.Errorf("the environment %q has no service", environment.Name)
	case name != "":
		return model.ServiceInstance{}, fmt.Errorf("the environment has no service %q; there is %s", name, strings.Join(names, ", "))
	case len(names) == 1:
		return environment.Services[0], nil
	case len(candidates) == 1:
		return candidates[0], nil
	}
	return model.ServiceInstance{}, errors.New("it is not clear which service is the engine: name it with --engine: " + strings.Join(names, ", "))
}

// companion writes down a service beside the engine, when it can be declared: it needs a source.
func (w *work) companion(instance model.ServiceInstance) {
	switch {
	case w.elsewhere(instance):
		return
	case !serviceName.MatchString(instance.Name) || len(instance.Name) > 32 || w.taken(instance.Name):
		w.leave("service %q stays as it is: its name cannot be declared", instance.Name)
		return
	case len(w.Tier.Spec.Services) == 32:
		w.leave("service %q stays as it is: a tier declares at most 32 services beside its engine", instance.Name)
		return
	}
	before := w.mark()
	service := w.service(instance)
	if service.Source == nil {
		w.back(before)
		w.leave("service %q stays as it is: it has no source that could be declared", instance.Name)
		return
	}
	companion := v1alpha1.Companion{Service: service}
	inherit(&w.Tier.Spec, &companion)
	w.Tier.Spec.Services = append(w.Tier.Spec.Services, companion)
}

// elsewhere reports whether the service is another tier's: Railway puts an empty instance of each new service into the other
// environments, too (railway-api.md, "Service mutations and forks"). Nothing was set or deployed there.
func (w *work) elsewhere(instance model.ServiceInstance) bool {
	before := w.mark()
	defer w.back(before)
	there := w.service(instance)
	told := len(w.Left) + len(w.sealed) + len(w.hidden) - before.left - before.sealed - before.hidden
	return instance.Latest == nil && len(instance.Active) == 0 && told == 0 && reflect.DeepEqual(there, v1alpha1.Service{Name: instance.Name})
}

// place is how far an import has come.
type place struct {
	left, sealed, hidden int
	changes              map[string]string
	secrets              map[string]*corev1.Secret
}

// mark remembers how far the import has come, and back goes back there.
func (w *work) mark() place {
	return place{len(w.Left), len(w.sealed), len(w.hidden), maps.Clone(w.Changes), maps.Clone(w.secrets)}
}

func (w *work) back(to place) {
	w.Left, w.sealed, w.hidden = w.Left[:to.left], w.sealed[:to.sealed], w.hidden[:to.hidden]
	w.Changes, w.secrets = to.changes, to.secrets
}

// taken reports whether a declared service has the name, or one that differs in case only.
func (w *work) taken(name string) bool {
	return strings.EqualFold(w.Tier.Spec.Engine.Name, name) ||
		slices.ContainsFunc(w.Tier.Spec.Services, func(c v1alpha1.Companion) bool { return strings.EqualFold(c.Name, name) })
}

func orElse(value, fallback string) string {
	if value == "" {
		return fallback
	}
	return value
}
