// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/fieldhash"
	"github.com/engine-operator/engine-operator/internal/findings"
	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/redact"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/verify"
	"github.com/engine-operator/engine-operator/internal/view"
)

// checks asks the verifier for the checks of what runs. They run beside the loop.
type checks struct {
	verifier *verify.Verifier
	hosts    []string
	hasher   fieldhash.Hasher
	// key makes the fingerprints of checks.
	key []byte
}

// build makes the checks of a spec ready to run against what the view shows; a nil view shows nothing yet.
func (c checks) build(
	spec *v1alpha1.EngineEnvironmentSpec, gathered desired.Sources, declared *desired.Environment, v *view.View, held bool,
) ([]verify.Check, error) {
	targets := map[string]verify.Target{}
	for _, service := range declared.Services {
		targets[service.Name] = verify.Target{}
		if v != nil {
			instance, _ := v.Env.Instance(service.Name)
			targets[service.Name] = verify.TargetOf(instance)
		}
	}
	return verify.Build(verify.BuildInput{
		Spec: spec, Sources: gathered, Targets: targets, AllowedHosts: c.hosts, Held: held, Unobserved: v == nil, Key: c.key,
	})
}

// ask wants the checks of what runs, and returns their last results.
func (c checks) ask(p *pass, v *view.View, chosen *chosen) (verify.Report, error) {
	built, err := c.build(chosen.decision.Spec, chosen.gathered, chosen.declared, v, chosen.decision.Rollback != nil)
	if err != nil {
		return verify.Report{}, err
	}
	subject, forced := v.Subject(chosen.declared), status.RequestedAt(p.object)
	report := c.verifier.Want(p.key, verify.Job{
		Subject: subject, Checks: built, Forced: forced, Interval: p.object.Spec.EffectiveVerificationInterval(),
		Gentle: chosen.decision.Spec.Engine.Service.Sleeps(), Logs: railway.PatientLogs{Client: p.client}, Redact: chosen.declared.Redactor(),
		Known: c.known(p),
	})
	p.journal.Verified(subject, forced)
	return report, nil
}

// known are the results in the status, and what they are about. An older version kept that in the deployments that it names.
func (c checks) known(p *pass) verify.Known {
	subject, forced := p.journal.Subject()
	if subject == "" {
		subject, forced = status.Subject(&p.object.Status), redact.Identity(p.object.Status.LastHandledReconcileAt)
	}
	return verify.Known{
		Subject: subject, Forced: forced, Results: findings.KnownResults(p.object.Status.Checks, p.journal.KeyLost(c.hasher.Name())),
	}
}
