// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package admission does to an EngineEnvironment what kube-apiserver does when it is created or updated, without a cluster: it drops
// nulls and sets defaults, then checks schema, keys of lists and the CEL rules of the custom resource definition.
package admission

import (
	"context"
	"errors"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	apivalidation "k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/validation/field"
	celconfig "k8s.io/apiserver/pkg/apis/cel"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/config/crd"
)

// rules are those of the custom resource definition, ready to be used by several goroutines.
type rules struct {
	schema     validation.SchemaValidator
	structural *structuralschema.Structural
	cel        *cel.Validator
}

// ours are compiled when they are first needed: most commands need none.
var ours = sync.OnceValue(func() *rules {
	r, err := compile(crd.EngineEnvironments)
	if err != nil {
		panic("the custom resource definition of this program: " + err.Error()) // a test reads it; no input changes it
	}
	return r
})

func compile(definition []byte) (*rules, error) {
	declared, internal := &apiextensionsv1.CustomResourceDefinition{}, &apiextensions.CustomResourceDefinition{}
	if err := yaml.Unmarshal(definition, declared); err != nil {
		return nil, err
	}
	if err := apiextensionsv1.Convert_v1_CustomResourceDefinition_To_apiextensions_CustomResourceDefinition(declared, internal, nil); err != nil {
		return nil, err
	}
	properties := internal.Spec.Validation // where all versions have the same, they are kept here
	if properties == nil {
		properties = internal.Spec.Versions[0].Schema
	}
	schema, _, err := validation.NewSchemaValidator(properties.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	structural, err := structuralschema.NewStructural(properties.OpenAPIV3Schema)
	if err != nil {
		return nil, err
	}
	return &rules{schema: schema, structural: structural, cel: cel.NewValidator(structural, true, celconfig.PerCallLimit)}, nil
}

// Default drops nulls, and sets the fields that the object leaves out to their defaults, as kube-apiserver does before it checks them.
func Default(object map[string]any) {
	defaulting.PruneNonNullableNullsWithoutDefaults(object, ours().structural)
	defaulting.Default(object, ours().structural)
}

// Check returns why kube-apiserver would refuse the object, whose defaults are set. before is the object that it replaces, nil when
// it is created. Of a replaced object an unchanged field that is wrong by now is named, too, although kube-apiserver would let it be.
// Nothing of the values of variables and headers is in the errors.
func Check(ctx context.Context, object, before map[string]any) field.ErrorList {
	r := ours()
	errs := CheckMetadata(object)
	errs = append(errs, validation.ValidateCustomResource(nil, object, r.schema)...)
	errs = append(errs, listtype.ValidateListSetsAndMaps(nil, r.structural, object)...)
	if !slices.ContainsFunc(errs, blocking) {
		var old any
		if before != nil {
			old = before
		}
		broken, _ := r.cel.Validate(ctx, nil, r.structural, object, old, celconfig.RuntimeCELCostBudget)
		errs = append(errs, broken...)
	}
	for _, err := range errs {
		mask(err)
	}
	slices.SortStableFunc(errs, func(a, b *field.Error) int { return strings.Compare(a.Field, b.Field) }) // the schema's come as maps are read
	return errs
}

// blocking reports whether kube-apiserver evaluates no CEL rule after that error: rules are written for what has the right shape.
func blocking(err *field.Error) bool {
	switch err.Type {
	case field.ErrorTypeNotSupported, field.ErrorTypeRequired, field.ErrorTypeTooLong, field.ErrorTypeTooMany, field.ErrorTypeTypeInvalid:
		return true
	default:
		return false
	}
}

// CheckMetadata checks what every object of Kubernetes has. A namespace may be left out: kubectl has one for it.
func CheckMetadata(object map[string]any) field.ErrorList {
	u := unstructured.Unstructured{Object: object}
	meta := metav1.ObjectMeta{
		Name: u.GetName(), GenerateName: u.GetGenerateName(), Namespace: u.GetNamespace(), Labels: u.GetLabels(),
		Annotations: u.GetAnnotations(), Finalizers: u.GetFinalizers(),
	}
	if meta.Namespace == "" {
		meta.Namespace = metav1.NamespaceDefault
	}
	return apivalidation.ValidateObjectMeta(&meta, true, apivalidation.NameIsDNSSubdomain, field.NewPath("metadata"))
}

// FieldsBeside are the fields that the definition has where the path ends, such as spec.railway.projectId, by name.
func FieldsBeside(path string) []string {
	at, parts := ours().structural, strings.Split(path, ".")
	for _, part := range parts[:len(parts)-1] {
		name, _, isItem := strings.Cut(part, "[")
		next, known := at.Properties[name]
		if at = &next; known && isItem {
			at = next.Items
		}
		if !known || at == nil {
			return nil
		}
	}
	return slices.Sorted(maps.Keys(at.Properties))
}

// mask leaves out the values that may be secret, and those that would fill a screen: whole objects.
func mask(err *field.Error) {
	_, object := err.BadValue.(map[string]any)
	_, list := err.BadValue.([]any)
	keys := err.Type == field.ErrorTypeDuplicate // what is there twice is the key of an item: a name
	if !keys && (object || list || Secret(err.Field)) {
		err.BadValue = field.OmitValueType{}
	}
}

// secrets are the paths of what may be secret: all of a variable or a header, because people write NAME=value or a map, too, and the
// body of a request.
var secrets = regexp.MustCompile(`[vV]ariables[.\[]|\.headers[.\[]|\.body$`)

// Secret reports whether a value at that path may be secret.
func Secret(path string) bool { return secrets.MatchString(path) }

// Explain is the error that says why an object would be refused, nil when it would not.
func Explain(errs field.ErrorList) error {
	if len(errs) == 0 {
		return nil
	}
	var all []string
	for _, err := range errs {
		text := err.Error()
		if at, of, ok := strings.Cut(text, ": "); ok && at == "<nil>" { // a rule of the whole object
			text = of
		}
		all = append(all, text)
	}
	return errors.New(strings.Join(all, "; "))
}
