// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package support makes the files of a support case: what helps to find a fault, without values. It is pure: values in, values out.
package support

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/document"
	"github.com/engine-operator/engine-operator/internal/redact"
)

// LeftOut stands where a value stood.
const LeftOut = "(left out)"

// Collected is what a report is made of.
type Collected struct {
	Versions map[string]string
	Tiers    []v1alpha1.EngineEnvironment
	// History by namespace/name.
	History   map[string][]show.Entry
	Operators []appsv1.Deployment
	Pods      []corev1.Pod
	// Problems are what could not be read.
	Problems []string
	Time     time.Time
}

// Masker masks the values in texts, but not the names.
func Masker(values, names []string) func(string) string {
	return redact.New(values, names...).Text
}

// Files are the files of the report by name. mask is applied to each of them.
func Files(c Collected, mask func(string) string) (map[string]string, error) {
	files := map[string]string{"README.txt": readme(c)}
	tiers := make([]v1alpha1.EngineEnvironment, 0, len(c.Tiers))
	for i := range c.Tiers {
		tier := Strip(&c.Tiers[i])
		tiers = append(tiers, *tier)
		text, err := asYAML(tier)
		if err != nil {
			return nil, err
		}
		place := "tiers/" + tier.Namespace + "/" + tier.Name
		files[place+".yaml"] = text
		files[place+".status.txt"] = string(show.Tier(tier, c.Time, show.NewPaint(false), ""))
		files[place+".history.txt"] = string(show.HistoryTable(c.History[tier.Namespace+"/"+tier.Name], show.NewPaint(false)))
	}
	if len(tiers) > 0 {
		files["chain.txt"] = string(show.Chain(tiers, c.Time, true, show.NewPaint(false), ""))
	}
	if len(c.Operators)+len(c.Pods) > 0 {
		files["operator.txt"] = operator(c)
	}
	for name, text := range files {
		files[name] = mask(text)
	}
	return files, nil
}

func readme(c Collected) string {
	var out strings.Builder
	fmt.Fprintf(&out, "Report of engine-operator, %s\n\n", c.Time.UTC().Format(time.RFC3339))
	for _, name := range slices.Sorted(maps.Keys(c.Versions)) {
		fmt.Fprintf(&out, "%s %s\n", name, c.Versions[name])
	}
	out.WriteString("\nValues of variables, headers and bodies are left out. Secrets and ConfigMaps are not in it.\n")
	for _, problem := range c.Problems {
		fmt.Fprintf(&out, "Not complete: %s\n", show.Visible(problem))
	}
	return out.String()
}

// operator is what the operator's Deployment runs: images, flags and restarts. Its environment is not told.
func operator(c Collected) string {
	var out strings.Builder
	for i := range c.Operators {
		d := &c.Operators[i]
		fmt.Fprintf(&out, "Deployment %s/%s: %d of %d ready\n", d.Namespace, d.Name, d.Status.ReadyReplicas, d.Status.Replicas)
		for j := range d.Spec.Template.Spec.Containers {
			container := &d.Spec.Template.Spec.Containers[j]
			fmt.Fprintf(&out, "  %s runs %s\n", container.Name, show.Visible(container.Image+" "+strings.Join(container.Args, " ")))
		}
	}
	for i := range c.Pods {
		p := &c.Pods[i]
		fmt.Fprintf(&out, "Pod %s/%s: %s\n", p.Namespace, p.Name, p.Status.Phase)
		for j := range p.Status.ContainerStatuses {
			s := &p.Status.ContainerStatuses[j]
			fmt.Fprintf(&out, "  %s %s, %d restarts\n", s.Name, s.ImageID, s.RestartCount)
			if t := s.LastTerminationState.Terminated; t != nil {
				fmt.Fprintf(&out, "  ended before: %s, exit code %d\n", show.Visible(t.Reason), t.ExitCode)
			}
		}
	}
	return out.String()
}

// Strip returns the object without values, and without the notes of other tools, which repeat them.
func Strip(object *v1alpha1.EngineEnvironment) *v1alpha1.EngineEnvironment {
	object = object.DeepCopy()
	object.ManagedFields = nil
	for name := range object.Annotations {
		if !strings.HasPrefix(name, v1alpha1.GroupVersion.Group+"/") {
			delete(object.Annotations, name)
		}
	}
	service := func(s *v1alpha1.Service) {
		variables(s.Variables)
		if s.Deploy != nil {
			s.Deploy.StartCommand, s.Deploy.PreDeployCommand = leftOut(s.Deploy.StartCommand), leftOut(s.Deploy.PreDeployCommand)
		}
		if s.Build != nil {
			s.Build.Command = leftOut(s.Build.Command)
		}
	}
	service(&object.Spec.Engine.Service)
	for i := range object.Spec.Services {
		service(&object.Spec.Services[i].Service)
	}
	variables(object.Spec.SharedVariables)
	if object.Spec.Verification != nil {
		for i := range object.Spec.Verification.Checks {
			check(&object.Spec.Verification.Checks[i])
		}
	}
	for i := range object.Status.Drift {
		d := &object.Status.Drift[i]
		d.Declared, d.Actual = fieldValue(d.Path, d.Declared), fieldValue(d.Path, d.Actual)
	}
	if plan := object.Status.Plan; plan != nil {
		for i := range plan.Changes {
			c := &plan.Changes[i]
			c.From, c.To = fieldValue(c.Path, c.From), fieldValue(c.Path, c.To)
		}
	}
	return object
}

func variables(all []v1alpha1.Variable) {
	for i := range all {
		if all[i].Value != nil {
			left := LeftOut
			all[i].Value = &left
		}
	}
}

func check(c *v1alpha1.Check) {
	c.Expect, c.Inconclusive, c.Contains = leftOut(c.Expect), leftOut(c.Inconclusive), leftOut(c.Contains)
	request := c.HTTP
	if c.Load != nil {
		request = &c.Load.HTTPCheck
	}
	if request == nil {
		return
	}
	request.Path, _, _ = strings.Cut(request.Path, "?")
	request.Body = leftOut(request.Body)
	for i := range request.Headers {
		if request.Headers[i].Value != nil {
			left := LeftOut
			request.Headers[i].Value = &left
		}
	}
}

func leftOut(value string) string {
	if value == "" {
		return ""
	}
	return LeftOut
}

// fieldValue is what the status says of a field's value: of a variable and of a command only what stands for the value, such as (absent),
// as in the spec.
func fieldValue(path, value string) string {
	stands := strings.HasPrefix(value, "(") && strings.HasSuffix(value, ")")
	hidden := strings.HasPrefix(path, "shared.") || strings.Contains(path, ".variables.") || strings.HasSuffix(strings.ToLower(path), "command")
	if hidden && !stands {
		return leftOut(value)
	}
	return value
}

func asYAML(object any) (string, error) {
	text, err := document.YAML(object)
	if err != nil {
		return "", fmt.Errorf("write the report: %w", err)
	}
	return text, nil
}
