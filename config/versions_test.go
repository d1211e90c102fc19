// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/cel-go/cel"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	schemacel "k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/model"
	"k8s.io/apimachinery/pkg/util/version"
	plugincel "k8s.io/apiserver/pkg/admission/plugin/cel"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"k8s.io/apiserver/pkg/cel/environment"

	"github.com/engine-operator/engine-operator/internal/controlplane"
)

// minimum is the oldest Kubernetes that the manifests are made for. ValidatingAdmissionPolicies are in v1 since 1.30, but an API server
// before 1.34 refuses the CRD: it reckons a quantity, which is a number or text, to be as long as a request may be, whatever its
// maxLength, and so the rules of spec.services[*].deploy.limits to cost too much. hack/kube/oldest holds the CRD against the minimum.
const minimum = "1.34"

// TestExpressionsOfEveryVersion compiles every CEL expression of the CRD and of the policies as an API server of each supported minor
// version would: with the functions that it had, by the environment that Kubernetes itself keeps for rollbacks. What is held here are
// names and types. What a rule may cost is reckoned as the newest version does: hack/kube/oldest has the oldest one's own code.
func TestExpressionsOfEveryVersion(t *testing.T) {
	oldest, newest := version.MustParseGeneric(minimum), version.MustParseGeneric(controlplane.KubernetesVersion)
	for minor := oldest.Minor(); minor <= newest.Minor(); minor++ {
		at := version.MajorMinor(1, minor)
		t.Run(at.String(), func(t *testing.T) {
			assert.Empty(t, uncompiled(t, at))
		})
	}
	t.Run("can fail", func(t *testing.T) {
		assert.NotEmpty(t, uncompiled(t, version.MajorMinor(1, 26)), "optional fields, which the policies use, came with 1.28 or 1.29")
	})
}

// uncompiled are the problems of all expressions in a version.
func uncompiled(t *testing.T, at *version.Version) []string {
	t.Helper()
	base := environment.MustBaseEnvSet(at)
	objects := build(t, "default")
	crd := find[apiextensionsv1.CustomResourceDefinition](t, objects, "CustomResourceDefinition", "engineenvironments.railway.engine-operator.dev")
	var properties apiextensions.JSONSchemaProps
	require.NoError(t, apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(
		crd.Spec.Versions[0].Schema.OpenAPIV3Schema, &properties, nil))
	structural, err := schema.NewStructural(&properties)
	require.NoError(t, err)
	compiled, problems := compileSchema(t, structural, base, true)
	require.Greater(t, compiled, 50, "the rules were found")
	for _, name := range []string{"approval", "image-versions"} {
		policy := find[admissionv1.ValidatingAdmissionPolicy](t, objects, "ValidatingAdmissionPolicy", "engine-operator-"+name)
		problems = append(problems, compilePolicy(t, policy, base)...)
	}
	return problems
}

// compileSchema compiles the rules of a schema and of all within.
func compileSchema(t *testing.T, s *schema.Structural, base *environment.EnvSet, isRoot bool) (compiled int, problems []string) {
	t.Helper()
	if len(s.XValidations) > 0 {
		results, err := schemacel.Compile(s, model.SchemaDeclType(s, isRoot), celconfig.PerCallLimit, base, schemacel.NewExpressionsEnvLoader())
		require.NoError(t, err)
		for i, result := range results {
			compiled++
			if result.Error != nil {
				problems = append(problems, s.XValidations[i].Rule+": "+result.Error.Error())
			}
			if result.MessageExpressionError != nil {
				problems = append(problems, s.XValidations[i].MessageExpression+": "+result.MessageExpressionError.Error())
			}
		}
	}
	inside := func(s *schema.Structural) {
		n, found := compileSchema(t, s, base, s.XEmbeddedResource)
		compiled, problems = compiled+n, append(problems, found...)
	}
	for name := range s.Properties {
		inner := s.Properties[name]
		inside(&inner)
	}
	if s.Items != nil {
		inside(s.Items)
	}
	if s.AdditionalProperties != nil && s.AdditionalProperties.Structural != nil {
		inside(s.AdditionalProperties.Structural)
	}
	return compiled, problems
}

// expression is one of a policy.
type expression struct {
	name, text string
	types      []*cel.Type
}

func (e expression) GetName() string          { return e.name }
func (e expression) GetExpression() string    { return e.text }
func (e expression) ReturnTypes() []*cel.Type { return e.types }

func compilePolicy(t *testing.T, policy *admissionv1.ValidatingAdmissionPolicy, base *environment.EnvSet) (problems []string) {
	t.Helper()
	compiler, err := plugincel.NewCompositedCompiler(base)
	require.NoError(t, err)
	declared := plugincel.OptionalVariableDeclarations{HasAuthorizer: true}
	check := func(result plugincel.CompilationResult) {
		if result.Error != nil {
			problems = append(problems, result.ExpressionAccessor.GetExpression()+": "+result.Error.Error())
		}
	}
	for _, variable := range policy.Spec.Variables {
		check(compiler.CompileAndStoreVariable(expression{variable.Name, variable.Expression, []*cel.Type{cel.AnyType, cel.DynType}},
			declared, environment.NewExpressions))
	}
	compile := func(text string, result *cel.Type) {
		if text != "" {
			check(compiler.CompileCELExpression(expression{"", text, []*cel.Type{result}}, declared, environment.NewExpressions))
		}
	}
	for _, condition := range policy.Spec.MatchConditions {
		compile(condition.Expression, cel.BoolType)
	}
	require.NotEmpty(t, policy.Spec.Validations)
	for _, validation := range policy.Spec.Validations {
		compile(validation.Expression, cel.BoolType)
		compile(validation.MessageExpression, cel.StringType)
	}
	return problems
}

// TestMinimumIsStated holds that people and Helm are told the same minimum.
func TestMinimumIsStated(t *testing.T) {
	for path, stated := range map[string]string{
		"helm/engine-operator/Chart.yaml": `kubeVersion: ">=(\d+\.\d+)\.0-0"`, "../docs/install.md": `Kubernetes (\d+\.\d+) or newer`,
		"admission/kustomization.yaml": `Kubernetes (\d+\.\d+) and later`,
	} {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		found := regexp.MustCompile(stated).FindSubmatch(content)
		require.NotNil(t, found, path)
		assert.Equal(t, minimum, string(found[1]), path)
	}
}
