// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package chaos

import (
	"context"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/engine-operator/engine-operator/internal/railwaysim"
)

// How the fleet must end.

// finalDifferences lists where Railway is not what it must end as: as the newest spec declares, but for what a policy leaves alone.
func (o *oracle) finalDifferences(record railwaysim.Record, v *version) []string {
	if !writes(v.spec) || o.waitsForUpstream(record, v) || o.isOpen(record, v) {
		return nil
	}
	from := o.sources[len(o.sources)-1]
	all := o.differences(record, v, from, false)
	environment := o.environment(record, v.object)
	if environment == nil {
		return all
	}
	for _, s := range environment.Services {
		all = append(all, o.leftovers(v, declare(v.spec, from), s)...)
	}
	return all
}

// isOpen reports whether Railway may rightly end as something else than what the newest spec declares: a rollback may hold an older
// content, or somebody edited what driftPolicy Warn only reports. When the operator is done is not known then either.
func (o *oracle) isOpen(record railwaysim.Record, v *version) bool {
	return o.mayBeHeld(record, v) || v.spec["driftPolicy"] == "Warn" && o.touched(v, "", "")
}

// leftovers lists what a declared service has that nobody declares any more and the operator wrote, and with Prune whatever nobody
// declares. What people edited is theirs.
func (o *oracle) leftovers(v *version, d declaration, actual railwaysim.RecordedService) []string {
	declared, there := d.services[actual.Name]
	if !there {
		return nil
	}
	var all []string
	for _, name := range sortedKeys(actual.Variables) {
		if _, is := declared.variables[name]; is || strings.HasPrefix(name, "RAILWAY_") {
			continue
		}
		if v.spec["unmanagedVariables"] == "Prune" {
			all = append(all, fmt.Sprintf("%s.variables.%s: there, and to be pruned", actual.Name, name))
		}
	}
	return all
}

// touched reports whether people edited the path of the service since the object's newest version; empty means any.
func (o *oracle) touched(v *version, service, path string) bool {
	return slices.ContainsFunc(o.touches, func(t touch) bool {
		return t.environment == objectNamed(v.object).environment && (service == "" || t.service == service) && (path == "" || t.path == path)
	})
}

// mayBeHeld reports whether a rollback may rightly hold an older content: it is asked for, and a deployment of a declared service failed
// since, or a check may have failed.
func (o *oracle) mayBeHeld(record railwaysim.Record, v *version) bool {
	if at(v.spec, "verification")["onFailure"] != "Rollback" {
		return false
	}
	if len(list(at(v.spec, "verification")["checks"])) > 0 {
		return true
	}
	environment := o.environment(record, v.object)
	return environment != nil && slices.ContainsFunc(record.Deployments, func(d railwaysim.RecordedDeployment) bool {
		return d.EnvironmentID == environment.ID && (d.Status == "FAILED" || d.Status == "CRASHED" || strings.Contains(d.Image, "crash"))
	})
}

// waitsForUpstream reports whether a promotion may rightly have had nothing to promote yet: the engine has no source.
func (o *oracle) waitsForUpstream(record railwaysim.Record, v *version) bool {
	if v.spec["promotion"] == nil {
		return false
	}
	environment := o.environment(record, v.object)
	return environment == nil || !slices.ContainsFunc(environment.Services, func(s railwaysim.RecordedService) bool {
		return s.Name == "engine" && (field(s.Config, "source.image") != nil || field(s.Config, "source.repo") != nil)
	})
}

// late says why a commit after the fleet was as declared and quiet is wrong; empty when it may come late. That may a promotion, which
// waits for the tier before and writes the source, with all the rest when the engine had none yet, and what an open object gets.
func (o *oracle) late(record railwaysim.Record, p railwaysim.RecordedPatch) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var v *version
	for _, e := range record.Environments {
		if name := objectOf(e.Name); e.ID == p.EnvironmentID && name != "" {
			v = o.newest(name)
		}
	}
	switch {
	case v == nil || v.deleted:
		return "for an environment that nobody declares"
	case v.spec["promotion"] != nil && writesSource(p.Patch), o.isOpen(record, v):
		return ""
	default:
		return v.object + " neither promotes nor rolls back by it"
	}
}

// writesSource reports whether the patch gives some service a source.
func writesSource(patch tree) bool {
	found := false
	walkLeaves(patch, nil, func(path []string, value any) {
		found = found || len(path) == 4 && path[2] == "source" && (path[3] == "image" || path[3] == "repo" || path[3] == "commitSha") && value != nil
	})
	return found
}

// localSecret is the Local tier's Secret, nil when there is none.
func (w *walk) localSecret(ctx context.Context) map[string][]byte {
	secret := &corev1.Secret{}
	if err := w.client.Get(ctx, types.NamespacedName{Namespace: w.site.namespace, Name: "local-env"}, secret); err != nil {
		return nil
	}
	return secret.Data
}

// localDifferences compares the Local tier's Secret with what is declared: the engine's variables, and the shared ones.
func (o *oracle) localDifferences(v *version, have map[string][]byte) []string {
	d := declare(v.spec, o.sources[len(o.sources)-1])
	var all []string
	for name, value := range d.services["engine"].variables {
		if strings.HasPrefix(name, "RAILWAY_") { // they tell Railway what to do, and a laptop nothing
			continue
		}
		if string(have[name]) != value {
			all = append(all, fmt.Sprintf("%s is %q, declared %q", name, have[name], value))
		}
	}
	return all
}
