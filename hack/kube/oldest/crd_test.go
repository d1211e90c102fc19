// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package oldest

import (
	"context"
	"os"
	"testing"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/install"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/yaml"
)

const crd = "../../../config/crd/bases/railway.engine-operator.dev_engineenvironments.yaml"

// TestCRD holds that the oldest Kubernetes takes our CRD, by that version's own code: the rules that it compiles, and what it reckons that
// they cost at most. A newer version may reckon with less, and then does not show what the oldest refuses.
func TestCRD(t *testing.T) {
	raw, err := os.ReadFile(crd)
	if err != nil {
		t.Fatal(err)
	}
	read := &v1.CustomResourceDefinition{}
	if err := yaml.UnmarshalStrict(raw, read); err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems(t, read) {
		t.Error(problem)
	}

	// It can fail: without a bound the text of a quantity is reckoned as long as a request may be, which is what versions before 1.34 do
	// with the bound, too.
	limits := read.Spec.Versions[0].Schema.OpenAPIV3Schema.Properties["spec"].Properties["services"].Items.Schema.Properties["deploy"].Properties["limits"]
	cpu := limits.Properties["cpu"]
	cpu.MaxLength = nil
	limits.Properties["cpu"] = cpu
	if len(problems(t, read)) == 0 {
		t.Error("the cost of a text without bound is not seen")
	}
}

// problems are what the API server would answer.
func problems(t *testing.T, external *v1.CustomResourceDefinition) []error {
	t.Helper()
	scheme := runtime.NewScheme()
	install.Install(scheme)
	defaulted := external.DeepCopy()
	scheme.Default(defaulted)
	internal := &apiextensions.CustomResourceDefinition{}
	if err := scheme.Convert(defaulted, internal, nil); err != nil {
		t.Fatal(err)
	}
	var all []error
	for _, err := range validation.ValidateCustomResourceDefinition(context.Background(), internal) {
		all = append(all, err)
	}
	return all
}
