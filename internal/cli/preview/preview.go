// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package preview says what the operator would change on Railway for an EngineEnvironment, and what nobody can know beforehand. The
// comparison is that of the loop, internal/plan. It is pure: values in, values out.
package preview

import (
	"fmt"
	"slices"
	"strings"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
	"github.com/engine-operator/engine-operator/internal/plan"
	"github.com/engine-operator/engine-operator/internal/proposal"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/rollout"
	"github.com/engine-operator/engine-operator/internal/status"
	"github.com/engine-operator/engine-operator/internal/view"
)

// Action is what happens to a field, in the words of status.plan.
type Action = v1alpha1.PlannedAction

// The actions.
const (
	Create = v1alpha1.PlannedCreate
	Set    = v1alpha1.PlannedSet
	Delete = v1alpha1.PlannedDelete
)

// Change is one thing that would be written.
type Change struct {
	Path   string `json:"path"`
	Action Action `json:"action"`
	// From and To are fit to be shown: secret values are masked.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Note says what else is to be known of it.
	Note string `json:"note,omitempty"`
}

// Unknown is a field of which nobody can say whether it would be written.
type Unknown struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// Preview is what would happen to one tier.
type Preview struct {
	Namespace   string `json:"namespace,omitempty"`
	Name        string `json:"name"`
	Environment string `json:"environment,omitempty"`
	// Changes are written: creations first, then the one commit.
	Changes []Change `json:"changes"`
	// Deployments are the services that would be deployed.
	Deployments []string `json:"deployments"`
	// Unknown cannot be compared.
	Unknown []Unknown `json:"unknown,omitempty"`
	// Left differs and is left alone: drift with driftPolicy Warn.
	Left []Change `json:"left,omitempty"`
	// Notes are what else a reader must know.
	Notes []string `json:"notes,omitempty"`

	redact func(string) string
	// fields is where the fields begin in Changes, behind what is created before the commit.
	fields int
}

// Empty reports whether nothing would be written.
func (p *Preview) Empty() bool { return len(p.Changes) == 0 && len(p.Deployments) == 0 }

// Record is what an object's status remembers of what the operator wrote.
type Record struct {
	Applied map[string]plan.Applied
	// Hash makes the hashes of Applied; nil when the key is not known here.
	Hash func(path string, value any) string
	// ServiceIDs are Railway's ids by declared name.
	ServiceIDs map[string]string
}

// Input is all that a preview depends on.
type Input struct {
	Tier *v1alpha1.EngineEnvironment
	// Sources are the Secrets and ConfigMaps as far as they are known.
	Sources desired.Sources
	// Environment is what Railway has, nil when the environment does not exist.
	Environment *model.Environment
	// Services are the ids of the project's services by name.
	Services map[string]string
	// Record is nil for an object that the operator has never seen.
	Record *Record
	// Unlisted says which objects may not be listed, so that one of them may hold the environment; empty when that is known.
	Unlisted string
}

// unmanaged are the policies in the plan's words.
var unmanaged = map[v1alpha1.UnmanagedPolicy]plan.Unmanaged{
	v1alpha1.UnmanagedIgnore: plan.IgnoreUnmanaged, v1alpha1.UnmanagedWarn: plan.ListUnmanaged, v1alpha1.UnmanagedPrune: plan.PruneUnmanaged,
}

// Make says what would happen. Its errors are of type *desired.Error.
func Make(in Input) (*Preview, error) {
	p := &Preview{
		Namespace: in.Tier.Namespace, Name: in.Tier.Name, Environment: in.Tier.Spec.RailwayEnvironment(),
		Changes: []Change{}, Deployments: []string{},
	}
	spec, known := complete(&in.Tier.Spec, in.Sources)
	declared, err := desired.Build(spec, known.sources)
	if err != nil {
		return nil, err
	}
	p.redact = declared.Redact
	if spec.Tier == v1alpha1.TierLocal {
		p.note("the Local tier writes the Secret %s and nothing on Railway", in.Tier.EnvSecretName())
		return p, nil
	}
	observed := in.Environment
	if observed == nil {
		observed = &model.Environment{Config: model.Tree{}}
		p.Changes = append(p.Changes, Change{Path: "environment", Action: Create, To: p.Environment})
	} else if in.Record != nil {
		observed = observed.Named(in.Record.ServiceIDs)
	}
	made := p.compare(in, spec, declared, observed)
	p.tell(in, made, observed, known)
	p.deployments(made, declared, observed)
	p.about(in, spec, made, observed, known)
	p.nameFields()
	return p, nil
}

// compare plans, with the services that would be created or join as if they were there.
func (p *Preview) compare(in Input, spec *v1alpha1.EngineEnvironmentSpec, declared *desired.Environment, observed *model.Environment) *plan.Plan {
	input := plan.Input{
		Desired: declared, Observed: observed, Added: map[string]plan.AddedService{},
		ReportDrift: spec.EffectiveDriftPolicy() == v1alpha1.DriftPolicyWarn, Unmanaged: unmanaged[spec.EffectiveUnmanagedPolicy()],
		Hash: func(path string, _ any) string { return path }, // nothing is compared with it without a record
	}
	if in.Record != nil {
		input.Applied, input.KeyLost = in.Record.Applied, in.Record.Hash == nil
		if in.Record.Hash != nil {
			input.Hash = in.Record.Hash
		}
	}
	first := plan.Make(input)
	if len(first.Missing) == 0 {
		return first
	}
	for _, name := range first.Missing {
		id, exists := in.Services[name]
		if !exists {
			id = "new " + name
			p.Changes = append(p.Changes, Change{Path: name, Action: Create, To: "(service)"})
		} else {
			p.Changes = append(p.Changes, Change{Path: name, Action: Create, To: "(service)", Note: "it exists in the project and joins this environment"})
		}
		input.Added[name] = plan.AddedService{ID: id, Join: exists}
	}
	made := plan.Make(input)
	for _, service := range declared.Services { // one that joins with the commit gets its domain after it
		if added, isNew := input.Added[service.Name]; isNew && added.Join && service.Domain != nil && !slices.Contains(made.Domains, service.Name) {
			made.Domains = append(made.Domains, service.Name)
		}
	}
	return made
}

// tell lists what the plan writes, and what of it nobody can know.
func (p *Preview) tell(in Input, made *plan.Plan, observed *model.Environment, known known) {
	for _, name := range made.Domains {
		p.Changes = append(p.Changes, Change{Path: name + ".domains.railway", Action: Create, To: "(a generated domain)"})
	}
	for _, trigger := range made.Triggers {
		p.Changes = append(p.Changes, Change{
			Path: trigger.Path, Action: Delete, From: "on", To: "off", Note: "pushes would deploy past the declared commit",
		})
	}
	p.fields = len(p.Changes)
	for _, c := range made.Changes {
		change := changeOf(c)
		from, missing := known.values[c.Path]
		if why := incomparable(in, c, change.Action, observed, known); why != "" {
			p.Unknown = append(p.Unknown, Unknown{c.Path, why})
			continue
		}
		switch {
		case missing:
			change.To, change.Note = "(not known)", "from "+from
		case !readable(observed, c) && change.Action == Set:
			change.Note = hiddenNote(in.Record)
		}
		p.Changes = append(p.Changes, change)
	}
	for _, c := range made.Drift {
		if !slices.ContainsFunc(p.Changes, func(written Change) bool { return written.Path == c.Path }) {
			p.Left = append(p.Left, changeOf(c))
		}
	}
}

// incomparable is why nobody can say whether the change would be written, empty when it would.
func incomparable(in Input, c plan.Change, action Action, observed *model.Environment, known known) string {
	from, missing := known.values[c.Path]
	switch {
	case c.Cause == plan.CauseUnknown:
		return "sealed on Railway: cannot be compared without the operator's key"
	case c.Cause == plan.CauseUnmanaged && len(known.unlisted) > 0:
		return "not declared in the files; perhaps one of the Secrets or ConfigMaps that are missing has it"
	case missing && readable(observed, c):
		return "not known: from " + from
	case in.Record == nil && action == Set && !readable(observed, c) && writtenFor(in.Tier, observed, keysOf(observed, c)):
		return "Railway hides the value, and the operator has a record of what it wrote: --cluster compares with it"
	default:
		return ""
	}
}

// writtenFor reports whether Railway's recent history has a commit that an operator made for the object, and that wrote the field: then
// there is a record of what it wrote. In files an object may have no namespace.
func writtenFor(tier *v1alpha1.EngineEnvironment, observed *model.Environment, keys []string) bool {
	field := strings.Join(keys, ".")
	return slices.ContainsFunc(observed.Patches, func(p model.Patch) bool {
		writer, ours := view.WriterOf(p.Message)
		if !ours || p.Error != "" || !strings.HasSuffix("/"+writer.Object, "/"+strings.TrimPrefix(tier.Namespace+"/"+tier.Name, "/")) {
			return false
		}
		return slices.ContainsFunc(p.Paths, func(path string) bool { return path == field || strings.HasPrefix(path, field+".") })
	})
}

// hiddenNote is why a value that Railway hides is written.
func hiddenNote(record *Record) string {
	if record == nil {
		return "Railway hides the value, so it cannot be compared: the operator writes it once"
	}
	return "Railway hides the value, so it cannot be compared: what the operator wrote last differs"
}

func changeOf(c plan.Change) Change {
	action := v1alpha1.PlannedSet
	if c.Hash == "" && c.Cause != plan.CauseDrift {
		action = v1alpha1.PlannedDelete
	}
	return Change{Path: c.Path, Action: proposal.ActionOf(action, c.Actual), From: c.Actual, To: c.Declared}
}

// readable reports whether Railway shows the value that the change writes over. Only variables and credentials are hidden.
func readable(observed *model.Environment, c plan.Change) bool {
	keys := keysOf(observed, c)
	switch {
	case keys == nil:
		return true
	case slices.Equal(keys[len(keys)-len(desired.RegistryCredentials):], desired.RegistryCredentials):
		return false
	}
	ref := model.VariableRef{Name: keys[len(keys)-1]}
	if c.Service != "" {
		ref.ServiceID = keys[1]
	}
	_, shown := observed.Config.Get(append(keys, "value")...)
	sealed, _ := observed.Config.Get(append(keys, "isSealed")...)
	return shown && sealed != true && !observed.Sealed[ref]
}

// keysOf are Railway's keys of a variable or of credentials, nil for any other field.
func keysOf(observed *model.Environment, c plan.Change) []string {
	if c.Service == "" {
		return []string{"sharedVariables", strings.TrimPrefix(c.Path, "shared.")}
	}
	instance, _ := observed.Instance(c.Service)
	field := strings.TrimPrefix(c.Path, c.Service+".")
	if name, isVariable := strings.CutPrefix(field, "variables."); isVariable {
		return []string{"services", instance.ServiceID, "variables", name}
	}
	if field == strings.Join(desired.RegistryCredentials, ".") {
		return append([]string{"services", instance.ServiceID}, desired.RegistryCredentials...)
	}
	return nil
}

// deployments are those that the changes start, or that a service needs of which nothing runs.
func (p *Preview) deployments(made *plan.Plan, declared *desired.Environment, observed *model.Environment) {
	written := map[string]bool{}
	for _, c := range p.Changes {
		written[c.Path] = true
	}
	for _, c := range made.Changes {
		if c.Deploys && c.Service != "" && written[c.Path] {
			p.Deployments = append(p.Deployments, c.Service)
		}
	}
	for _, service := range declared.Services {
		instance, found := observed.Instance(service.Name)
		in := rollout.Input{
			Desired: service, Instance: instance, Synced: len(p.Changes) == 0,
			HasSource: len(observed.Config.Sub("services", instance.ServiceID, "source")) > 0,
		}
		if found && (rollout.Undeployed(in) || rollout.Stale(in)) {
			p.Deployments = append(p.Deployments, service.Name)
		}
	}
	slices.Sort(p.Deployments)
	p.Deployments = slices.Compact(p.Deployments)
}

// about notes what else a reader must know.
func (p *Preview) about(in Input, spec *v1alpha1.EngineEnvironmentSpec, made *plan.Plan, observed *model.Environment, known known) {
	if in.Unlisted != "" {
		p.note("whether an EngineEnvironment %s holds the Railway environment is not known: you may not list them", in.Unlisted)
	}
	if spec.Suspend {
		p.note("spec.suspend is true: nothing is written until it is false")
	}
	if spec.Promotion != nil {
		p.note("the engine's source comes from %s by promotion and is not part of this plan", spec.Promotion.From)
	}
	for _, from := range known.unlisted {
		p.note("the variables from %s are not known: it is not in the files", from)
	}
	for _, from := range known.pulls {
		p.note("%s is not in the files: its credentials cannot be compared", from)
	}
	if in.Record == nil && in.Environment != nil {
		p.note("compared without the operator's record (--cluster reads it): a variable that was removed from the spec does not show")
	}
	if len(made.Blocked) > 0 {
		p.note("a railway.json or railway.toml of the repository overrides %s: they are not written", strings.Join(desired.SpecPaths(made.Blocked), ", "))
	}
	if len(made.Unmanaged) > 0 {
		p.note("not declared, and left alone: %s", strings.Join(made.Unmanaged, ", "))
	}
	if len(observed.Staged) > 0 {
		p.note("%s staged on Railway's dashboard and not deployed: the operator leaves that alone", status.Count(len(observed.Staged), "change is", "changes are"))
	}
	if observed.Ephemeral {
		p.note("the environment belongs to a pull request: Railway deletes it when that is closed")
	}
}

// nameFields names the fields as people write them, once nothing is looked up by Railway's names any more, and puts them in the order
// of these names.
func (p *Preview) nameFields() {
	for i := range p.Changes {
		p.Changes[i].Path = desired.SpecPath(p.Changes[i].Path)
	}
	for i := range p.Unknown {
		p.Unknown[i].Path = desired.SpecPath(p.Unknown[i].Path)
	}
	for i := range p.Left {
		p.Left[i].Path = desired.SpecPath(p.Left[i].Path)
	}
	byPath := func(a, b Change) int { return strings.Compare(a.Path, b.Path) }
	slices.SortStableFunc(p.Changes[p.fields:], byPath)
	slices.SortStableFunc(p.Left, byPath)
	slices.SortStableFunc(p.Unknown, func(a, b Unknown) int { return strings.Compare(a.Path, b.Path) })
}

func (p *Preview) note(format string, args ...any) {
	p.Notes = append(p.Notes, fmt.Sprintf(format, args...))
}
