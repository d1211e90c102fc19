// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/joho/godotenv"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// railwayReference begins Railway's own references, which the dotenv library would take for a shell's; standsFor is put in their
// place while it reads.
const (
	railwayReference = "${{"
	standsFor        = "\ue000{{"
)

// ParseDotenv reads a dotenv file. $NAME and ${NAME} are replaced as a shell would, ${{…}} stays. Its errors name the line and show
// nothing of it.
func ParseDotenv(raw []byte) (map[string]string, error) {
	raw = bytes.ReplaceAll(raw, []byte(railwayReference), []byte(standsFor))
	variables, err := godotenv.UnmarshalBytes(raw)
	if err != nil {
		return nil, fmt.Errorf("line %d is no NAME=value, or a quote there is not closed", brokenLine(raw))
	}
	for name, value := range variables {
		variables[name] = strings.ReplaceAll(value, standsFor, railwayReference)
	}
	return variables, nil
}

// brokenLine is the first line after the longest beginning of the file that can be read. The library's own error shows the text.
func brokenLine(raw []byte) int {
	lines, good := bytes.SplitAfter(raw, []byte("\n")), 0
	for n := range lines {
		if _, err := godotenv.UnmarshalBytes(bytes.Join(lines[:n], nil)); err == nil {
			good = n
		}
	}
	return good + 1
}

// Dotenv writes down the variables of a dotenv file. It knows neither source nor settings of the service: the operator leaves what is
// not declared, but for the source, which must be there.
func Dotenv(variables map[string]string, projectID, environment, image string, options Options) (*Result, error) {
	tier := options.Tier
	if tier == "" {
		tier = tierNames[strings.ToLower(environment)]
	}
	if tier == "" {
		return nil, fmt.Errorf("it is not clear which tier this is: name it with --tier Local, Dev, Preview or Production")
	}
	w := newWork(options, tier)
	spec := &w.Tier.Spec
	spec.Engine.Name = orElse(options.Engine, "ai-engine")
	if tier != v1alpha1.TierLocal {
		spec.Railway = &v1alpha1.Railway{ProjectID: projectID, TokenSecretRef: v1alpha1.LocalReference{Name: orElse(options.TokenSecret, "railway")}}
		if environment != "" && !strings.EqualFold(environment, tier.Lower()) {
			spec.Railway.Environment = environment
		}
		if image != "" {
			spec.Engine.Source = &v1alpha1.Source{Image: image}
		} else {
			w.leave("spec.engine.source: the file does not say what runs; set image or repo")
		}
		if projectID == "" {
			w.leave("spec.railway.projectID: the file does not say which project; set it")
		}
	}
	w.declare(variables)
	w.settings(w.Tier, model.ServiceInstance{Name: spec.Engine.Name})
	return w.result(), nil
}

// declare declares the variables of the engine.
func (w *work) declare(variables map[string]string) {
	engine := &w.Tier.Spec.Engine
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		value := variables[name]
		switch {
		case model.SystemVariable(name):
			w.leave("%s: Railway sets it itself", name)
		case !variableName.MatchString(name), len(value) > 32768 && !Secret(name, value):
			w.leave("%s cannot be declared", name)
		case len(engine.Variables) == 256:
			w.leave("%s: a service declares at most 256 variables", name)
		default:
			engine.Variables = append(engine.Variables, w.variable(engine.Name, name, value))
		}
	}
}
