// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

func sampleEnvironment(t *testing.T) *model.Environment {
	t.Helper()
	data := environmentData()
	data["environmentStagedChanges"] = patchData("x", "STAGED", noon, object{"services": object{"s1": object{"a": 1, "b": 2}}})
	body, err := json.Marshal(data)
	require.NoError(t, err)
	var response gql.ReadEnvironmentResponse
	require.NoError(t, json.Unmarshal(body, &response))
	env, err := decodeEnvironment("", &response.Environment)
	require.NoError(t, err)
	require.NoError(t, addHistory("", env, &response))
	return env
}

func TestDigestIgnoresOrder(t *testing.T) {
	env := sampleEnvironment(t)
	want := digest(env)
	slices.Reverse(env.Services)
	for i := range env.Services {
		slices.Reverse(env.Services[i].RailwayDomains)
		slices.Reverse(env.Services[i].Active)
		slices.Reverse(env.Services[i].Triggers)
	}
	slices.Reverse(env.Patches)
	for i := range env.Patches {
		slices.Reverse(env.Patches[i].Paths)
	}
	slices.Reverse(env.Staged)
	assert.Equal(t, want, digest(env))
	assert.Equal(t, want, digest(sampleEnvironment(t)))
	assert.Empty(t, digest(nil))
}

func TestDigestLeavesTheEnvironmentAlone(t *testing.T) {
	env := sampleEnvironment(t)
	digest(env)
	assert.Equal(t, sampleEnvironment(t), env)
}

// Every field of every struct below Environment counts, also those that somebody adds later.
func TestDigestSeesEveryField(t *testing.T) {
	want := digest(sampleEnvironment(t))
	var paths []string
	visit(reflect.ValueOf(sampleEnvironment(t)).Elem(), "", func(path string, _ reflect.Value) { paths = append(paths, path) })
	require.Greater(t, len(paths), 60)
	for _, path := range paths {
		env := sampleEnvironment(t)
		visit(reflect.ValueOf(env).Elem(), "", func(at string, value reflect.Value) {
			if at == path {
				change(t, at, value)
			}
		})
		assert.NotEqual(t, want, digest(env), path)
	}
}

// visit calls f with every value that is no struct.
func visit(v reflect.Value, path string, f func(string, reflect.Value)) {
	switch {
	case v.Type() == reflect.TypeFor[time.Time]():
		f(path, v)
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			visit(v.Field(i), path+"."+v.Type().Field(i).Name, f)
		}
	case v.Kind() == reflect.Slice:
		f(path, v)
		for i := range v.Len() {
			visit(v.Index(i), path+"[]", f)
		}
	case v.Kind() == reflect.Pointer:
		f(path, v)
		if !v.IsNil() {
			visit(v.Elem(), path, f)
		}
	default:
		f(path, v)
	}
}

// change gives a value another one of its type.
func change(t *testing.T, path string, v reflect.Value) {
	t.Helper()
	switch v.Kind() {
	case reflect.String:
		v.SetString(v.String() + "x")
	case reflect.Bool:
		v.SetBool(!v.Bool())
	case reflect.Int:
		v.SetInt(v.Int() + 1)
	case reflect.Slice:
		v.Set(reflect.Append(v, reflect.New(v.Type().Elem()).Elem()))
	case reflect.Struct:
		v.Set(reflect.ValueOf(v.Interface().(time.Time).Add(time.Second)))
	case reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		} else {
			v.SetZero()
		}
	case reflect.Map:
		m := reflect.MakeMap(v.Type())
		key := reflect.New(v.Type().Key()).Elem()
		value := reflect.New(v.Type().Elem()).Elem()
		if value.Kind() == reflect.Bool {
			value.SetBool(true)
		}
		m.SetMapIndex(key, value)
		v.Set(m)
	default:
		t.Fatalf("%s: no way to change a %s", path, v.Kind())
	}
}
