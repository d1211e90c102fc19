// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

// Package argocd holds the tests of the GitOps integration: the scripts run as Argo CD runs them.
package argocd

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	lua "github.com/yuin/gopher-lua"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

const customization = "resource_customizations/railway.engine-operator.dev/EngineEnvironment"

// run executes a script that must succeed.
func run(t *testing.T, script string, object map[string]any, parameters map[string]string) any {
	t.Helper()
	result, err := runScript(t, script, object, parameters)
	require.NoError(t, err, script)
	return result
}

// runScript executes a script as Argo CD does: the object is the global obj, what the person entered is actionParams, only the base,
// package and table libraries and a part of os are there, a second is all it gets, and what it returns is the answer.
func runScript(t *testing.T, script string, object map[string]any, parameters map[string]string) (any, error) {
	t.Helper()
	state := lua.NewState(lua.Options{SkipOpenLibs: true})
	defer state.Close()
	for _, library := range []struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage}, // first: the others enter themselves there
		{lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}, {lua.OsLibName, openSafeOS},
	} {
		require.NoError(t, state.CallByParam(lua.P{Fn: state.NewFunction(library.open), Protect: true}, lua.LString(library.name)))
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	state.SetContext(ctx)
	state.SetGlobal("obj", toLua(t, state, object))
	entered := state.NewTable()
	for name, value := range parameters {
		entered.RawSetString(name, lua.LString(value))
	}
	state.SetGlobal("actionParams", entered)
	source, err := os.ReadFile(filepath.Join(customization, script))
	require.NoError(t, err)
	if err := state.DoString(string(source)); err != nil {
		return nil, err
	}
	return fromLua(t, state.Get(-1)), nil
}

// openSafeOS opens os without what reaches outside the script.
func openSafeOS(state *lua.LState) int {
	lua.OpenOs(state)
	library := state.Get(-1).(*lua.LTable)
	var names []string
	library.ForEach(func(name, _ lua.LValue) { names = append(names, name.String()) })
	for _, name := range names {
		if name != "date" && name != "time" {
			library.RawSetString(name, lua.LNil)
		}
	}
	return 1
}

func toLua(t *testing.T, state *lua.LState, value any) lua.LValue {
	t.Helper()
	switch value := value.(type) {
	case nil:
		return lua.LNil
	case bool:
		return lua.LBool(value)
	case string:
		return lua.LString(value)
	case float64:
		return lua.LNumber(value)
	case int64:
		return lua.LNumber(value)
	case []any:
		table := state.NewTable()
		for _, item := range value {
			table.Append(toLua(t, state, item))
		}
		return table
	case map[string]any:
		table := state.NewTable()
		for key, item := range value {
			table.RawSetString(key, toLua(t, state, item))
		}
		return table
	}
	t.Fatalf("no Lua value for %T", value)
	return nil
}

// fromLua turns a table with a first item into a list, any other into a map, as Argo CD's encoder does.
func fromLua(t *testing.T, value lua.LValue) any {
	t.Helper()
	switch value := value.(type) {
	case lua.LBool:
		return bool(value)
	case lua.LString:
		return string(value)
	case lua.LNumber:
		return float64(value)
	case *lua.LTable:
		if value.Len() > 0 {
			var list []any
			for i := range value.Len() {
				list = append(list, fromLua(t, value.RawGetInt(i+1)))
			}
			return list
		}
		fields := map[string]any{}
		value.ForEach(func(key, item lua.LValue) { fields[key.String()] = fromLua(t, item) })
		return fields
	}
	t.Fatalf("no value for Lua's %s", value.Type())
	return nil
}

// decode reads YAML into what it is for.
func decode[T any](t *testing.T, path string) T {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	return unmarshal[T](t, string(raw))
}

func unmarshal[T any](t *testing.T, document string) T {
	t.Helper()
	raw, err := yaml.YAMLToJSONStrict([]byte(document))
	require.NoError(t, err)
	var value T
	require.NoError(t, json.Unmarshal(raw, &value)) // whole numbers become int64, as in Kubernetes
	return value
}

// object reads an EngineEnvironment, and holds that it has no field that the API does not know.
func object(t *testing.T, path string) map[string]any {
	t.Helper()
	fields := decode[map[string]any](t, filepath.Join(customization, path))
	require.NoError(t, runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(fields, &v1alpha1.EngineEnvironment{}, true), path)
	return fields
}

func convert[T any](t *testing.T, value any) T {
	t.Helper()
	raw, err := json.Marshal(value)
	require.NoError(t, err)
	var converted T
	require.NoError(t, json.Unmarshal(raw, &converted))
	return converted
}
