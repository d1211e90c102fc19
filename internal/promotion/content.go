// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package promotion

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// Content is the part of a spec that makes a revision: what is verified, stored, rejected and put back by a rollback. Values from
// Secrets are not in it: the spec only names them.
type Content struct {
	Settings        *v1alpha1.Settings   `json:"settings,omitempty"`
	Engine          v1alpha1.Engine      `json:"engine"`
	Services        []v1alpha1.Companion `json:"services,omitempty"`
	SharedVariables []v1alpha1.Variable  `json:"sharedVariables,omitempty"`
}

// ContentOf takes the content out of a spec.
func ContentOf(spec *v1alpha1.EngineEnvironmentSpec) Content {
	return Content{Settings: spec.Settings, Engine: spec.Engine, Services: spec.Services, SharedVariables: spec.SharedVariables}
}

// ReadContent reads what Raw wrote.
func ReadContent(raw []byte) (Content, error) {
	var content Content
	if err := json.Unmarshal(raw, &content); err != nil {
		return content, fmt.Errorf("read revision: %w", err)
	}
	return content, nil
}

// Raw is the content as it is stored.
func (c Content) Raw() []byte {
	raw, err := json.Marshal(c)
	if err != nil { // API types always marshal
		panic("promotion: content is not JSON: " + err.Error())
	}
	return raw
}

// Hash is equal for equal contents.
func (c Content) Hash() string {
	sum := sha256.Sum256(c.Raw())
	return hex.EncodeToString(sum[:5])
}

// ApplyTo is the spec with the content in place of its own.
func (c Content) ApplyTo(spec *v1alpha1.EngineEnvironmentSpec) *v1alpha1.EngineEnvironmentSpec {
	spec = spec.DeepCopy()
	spec.Settings, spec.Engine, spec.Services, spec.SharedVariables = c.Settings, c.Engine, c.Services, c.SharedVariables
	return spec
}

// WithSource is the spec with the engine's source, which services without one of their own run too.
func WithSource(spec *v1alpha1.EngineEnvironmentSpec, source *v1alpha1.Source) *v1alpha1.EngineEnvironmentSpec {
	spec = spec.DeepCopy()
	spec.Engine.Source = source.DeepCopy()
	for i := range spec.Services {
		if spec.Services[i].Source == nil {
			spec.Services[i].Source = source.DeepCopy()
		}
	}
	return spec
}
