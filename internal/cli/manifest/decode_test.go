// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package manifest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/cli/manifest"
)

// tier is a manifest whose engine has more fields, and whose spec has.
func tier(engine, spec string) string {
	return `
apiVersion: railway.engine-operator.dev/v1alpha1
kind: EngineEnvironment
metadata: {name: dev}
spec:
  tier: Dev
  railway: {projectID: 0bb01547-570d-4109-a5e8-138691f6a2d1, tokenSecretRef: {name: railway}}
  engine: {name: ai-engine, source: {image: "ghcr.io/acme/ai-engine:1.4.2"}` + engine + "}\n" + spec
}

func refusal(t *testing.T, text string) string {
	t.Helper()
	_, err := manifest.Read(t.Context(), []string{"-"}, strings.NewReader(text), manifest.Namespace{Name: "default"})
	require.Error(t, err)
	return err.Error()
}

// TestNoValueInErrors: plan runs in CI, whose log many read.
func TestNoValueInErrors(t *testing.T) {
	check := func(http string) string {
		return tier("", "  verification: {checks: [{name: a, status: 200, http: {path: /, "+http+"}}]}\n")
	}
	for _, tc := range []struct{ name, text, at string }{
		{"a number as a value", tier(", variables: [{name: A, value: 7700}]", ""), "spec.engine.variables[0].value"},
		{"an object as a value", tier(", variables: [{name: A, value: {b: 7700}}]", ""), "spec.engine.variables[0].value"},
		{"variables as a map", tier(", variables: {A: p7700}", ""), "spec.engine.variables"},
		{"variables as texts", tier(", variables: [A=p7700]", ""), "spec.engine.variables[0]"},
		{"variables as a text", tier(", variables: A=p7700", ""), "spec.engine.variables"},
		{"a shared variable", tier("", "  sharedVariables: [{name: A, value: 7700}]\n"), "spec.sharedVariables[0].value"},
		{"a value in the name", tier(", variables: [{name: A=p7700, value: x}]", ""), "spec.engine.variables[0].name"},
		{"a value in place of its source", tier(", variables: [{name: A, valueFrom: p7700}]", ""), "spec.engine.variables[0].valueFrom"},
		{"headers as a map", check("headers: {Authorization: p7700}"), "headers"},
		{"a header's value in its name", check("headers: [{name: 'Authorization: p7700', value: x}]"), "headers[0].name"},
		{"a header's value", check("headers: [{name: a, value: 7700}]"), "headers[0].value"},
		{"a body as an object", check("body: {a: p7700}"), "http.body"},
		{"a token in place of its Secret", strings.Replace(tier("", ""), "{name: railway}", "p7700", 1), "spec.railway.tokenSecretRef"},
	} {
		message := refusal(t, tc.text)
		assert.Contains(t, message, tc.at, tc.name)
		assert.NotContains(t, message, "7700", tc.name)
	}
}

// TestMisfitIsFoundSoon: the place of a misfit is searched for in a time that grows with the file, not with its square.
func TestMisfitIsFoundSoon(t *testing.T) {
	var variables strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&variables, "{name: A%d, value: %s}, ", i, strings.Repeat("x", 50))
	}
	start := time.Now()
	assert.Contains(t, refusal(t, tier(", variables: ["+variables.String()+"{name: B, value: 1}]", "")), "variables[1000].value: ")
	deep := strings.Replace(tier("", ""), "tier: Dev", "budget: "+strings.Repeat("[", 5000)+strings.Repeat("]", 5000), 1)
	assert.Contains(t, refusal(t, deep), "spec.budget: the value does not fit")
	assert.Less(t, time.Since(start), 4*time.Second)
}

// TestWhatToWriteInstead: a value of the wrong kind is told with what the field takes.
func TestWhatToWriteInstead(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"a duration without a unit", tier("", "  interval: 30\n"), "spec.interval: 30 is no duration: write 30s, 30m or 30h"},
		{"a quoted one", tier("", "  interval: '30'\n"), `spec.interval: "30" is no duration: write 30s, 30m or 30h`},
		{"a bool", tier("", "  interval: true\n"), "spec.interval: true is no duration: write 30s, 5m or 1h"},
		{"in days", tier("", "  interval: 1d\n"), `spec.interval: "1d" is no duration: write 30s, 5m or 1h`},
		{"deeper", tier(", deploy: {overlap: 20}", ""), "spec.engine.deploy.overlap: 20 is no duration: write 20s"},
		{"in a list", tier("", "  verification: {checks: [{name: a, status: 200, timeout: 5, http: {path: /}}]}\n"), "timeout: 5 is no duration: write 5s"},
		{"a quantity", tier(", deploy: {limits: {memory: true}}", ""), "spec.engine.deploy.limits.memory: true is no quantity: write 4Gi"},
		{"a quantity that takes hours", tier(`, deploy: {limits: {cpu: "1e-999999999"}}`, ""), "spec.engine.deploy.limits.cpu: Invalid value: \"1e-999999999\": limits.cpu must be"},
		{"a quantity as an object", tier(", deploy: {limits: {memory: {max: 4}}}", ""), "limits.memory: the value is no quantity: write 4Gi"},
		{"dollars as a text", tier("", "  budget: {monthlyUSD: $50}\n"), "spec.budget.monthlyUSD: the value is no whole number of dollars: write one such as 50"},
		{"a token in place of its Secret", strings.Replace(tier("", ""), "{name: railway}", "p7700", 1),
			"spec.railway.tokenSecretRef: the value does not fit: the field takes no string; its fields are name"},
		{"a field in another case", strings.Replace(tier("", ""), "projectID", "projectId", 1),
			`unknown field "spec.railway.projectId": there is environment, projectID, tokenSecretRef`},
		{"a field of an item", tier(", variables: [{name: A, vlaue: x}]", ""), `variables[0].vlaue": there is name, sealed, value, valueFrom`},
		{"a field of the object", tier("", "spce: {}\n"), `unknown field "spce": there is apiVersion, kind, metadata, spec`},
		{"a field of a field that there is not", tier("", "  rialway: {projectID: x}\n"), `unknown field "spec.rialway": there is budget`},
		{"two of them", tier("", "  teir: Dev\nspce: {}\n"), `; unknown field "sp`},
		{"a field of Kubernetes' own", strings.Replace(tier("", ""), "{name: dev}", "{name: dev, lables: {}}", 1), `unknown field "metadata.lables"`},
		{"cents", tier("", "  budget: {monthlyUSD: 49.99}\n"), "spec.budget.monthlyUSD: 49.99 is no whole number of dollars: write one such as 50"},
	} {
		assert.Contains(t, refusal(t, tc.text), tc.want, tc.name)
	}
}

// TestSecretsAndConfigMaps are read as kube-apiserver reads them, and what it refuses is told without a value.
func TestSecretsAndConfigMaps(t *testing.T) {
	object := func(kind, fields string) string {
		return "apiVersion: v1\nkind: " + kind + "\nmetadata: {name: openai}\n" + fields + "\n"
	}
	for _, tc := range []struct{ name, text, want string }{
		{"a number", object("Secret", "stringData: {PORT: 7700}"), `Secret "openai": stringData.PORT: the value is no text: put it between quotes`},
		{"a bool", object("Secret", "stringData: {FLAG: true}"), "stringData.FLAG: the value is no text"},
		{"plain data", object("Secret", "data: {KEY: p7700!}"), "data.KEY: the value is no base64: plain values go into stringData"},
		{"no key", object("Secret", "stringData: {~: p7700}"), "a key is no text"},
		{"a number as data", object("Secret", "data: {KEY: 7700}"), "data.KEY: the value is no base64: plain values go into stringData"},
		{"misspelt fields", object("Secret", "stringdata: {KEY: p7700}\ntpye: Opaque"), `unknown field "stringdata"; unknown field "tpye"`},
		{"a value in the key", object("Secret", "stringData: {'KEY=p7700': x}"), `stringData: the key "KEY": a valid config key`},
		{"a value in the key, as a header", object("Secret", "stringData: {'KEY: p7700': x}"), `stringData: the key "KEY": a valid config key`},
		{"a key twice", object("Secret", "stringData: {KEY: a, KEY: p7700}"), `key "KEY" already set in map`},
		{"no name", "apiVersion: v1\nkind: Secret\nstringData: {KEY: p7700}\n", "metadata.name: Required value"},
		{"a made-up name", "apiVersion: v1\nkind: Secret\nmetadata: {generateName: x-}\n", `metadata.generateName "x-" and no name`},
		{"an alias of nothing", object("Secret", "stringData: {KEY: *p7700}"), "a value begins with * and is no alias: put it between quotes"},
		{"braces in braces", object("Secret", "stringData: {KEY: {{p7700}}}"), "a key is no text: put a value with braces, and a key, between quotes"},
		{"a value with a tag", object("Secret", "stringData: {KEY: !!int p7700}"), "a value does not fit its tag"},
		{"a number in a ConfigMap", object("ConfigMap", "data: {PORT: 7700}"), `ConfigMap "openai": data.PORT: the value is no text: put it between quotes`},
		{"plain binaryData", object("ConfigMap", "binaryData: {KEY: p7700!}"), "binaryData.KEY: the value is no base64"},
		{"a key in a ConfigMap", object("ConfigMap", "data: {'a/b': x}"), `data: the key "a/b": a valid config key`},
		{"in a list", "apiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: Secret, metadata: {name: a}, stringData: {PORT: 7700}}\n", `Secret "a": stringData.PORT`},
	} {
		message := refusal(t, tc.text)
		assert.Contains(t, message, tc.want, tc.name)
		assert.NotContains(t, message, "7700", tc.name)
	}
	set, err := manifest.Read(t.Context(), []string{"-"}, strings.NewReader(object("Secret", "data: {A: cGxhaW4=, B: eA==}\nstringData: {B: '7'}")), manifest.Namespace{Name: "team"})
	require.NoError(t, err)
	data, _ := set.Secret("team", "openai")
	assert.Equal(t, map[string]string{"A": "plain", "B": "7"}, data, "stringData counts")

	encrypted := object("Secret", "data: {A: 'ENC[AES256_GCM,data:x]'}\nsops: {version: 3.9.0}") + "---\n" + object("ConfigMap", "data: {A: 'ENC[x]'}\nsops: {}")
	set, err = manifest.Read(t.Context(), []string{"-"}, strings.NewReader(encrypted), manifest.Namespace{Name: "team"})
	require.NoError(t, err, "SOPS: Flux and Argo CD decrypt it before they apply it")
	_, known := set.Secret("team", "openai")
	assert.False(t, known, "what it holds is not known")
}

// TestMergeKeys: a key of the mapping may take the place of a merged one. Where kubectl and YAML read it differently it is refused.
func TestMergeKeys(t *testing.T) {
	shared := "\n  sharedVariables:\n  - &base {name: A, value: one}\n"
	set, err := manifest.Read(t.Context(), []string{"-"}, strings.NewReader(tier("", shared+"  - {<<: *base, name: B}\n  - {<<: [*base, {value: two}], name: C}\n")), manifest.Namespace{})
	require.NoError(t, err)
	var all []string
	for _, v := range set.Tiers[0].Spec.SharedVariables {
		all = append(all, v.Name+"="+*v.Value)
	}
	assert.Equal(t, []string{"A=one", "B=one", "C=one"}, all)
	assert.Contains(t, refusal(t, tier("", shared+"  - {name: B, <<: *base}\n")), `line 12: put the merge (<<) above key "name"`)
	assert.Contains(t, refusal(t, tier("", shared+"  - {name: B, <<: [{value: x}, *base]}\n")), `put the merge (<<) above key "name"`)
	assert.Contains(t, refusal(t, tier("", shared+"  - {<<: *base, name: B, name: C}\n")), `key "name" already set in map`)
}

// TestStatusIsDropped: an object as kubectl get prints it carries a status, which nobody can apply, whatever is in it.
func TestStatusIsDropped(t *testing.T) {
	for _, status := range []string{"status: {engine: {name: ai-engine, revision: 1.4.1}, verdict: GO}\n", "status: {engine: 5, nope: x}\n", "status: x\n", "status:\n"} {
		set, err := manifest.Read(t.Context(), []string{"-"}, strings.NewReader(tier("", "")+status), manifest.Namespace{})
		require.NoError(t, err, status)
		assert.Zero(t, set.Tiers[0].Status, status)
	}
}

// TestLists: every list that kubectl applies is read, with items of which only the list says the kind, as the API server's, too.
func TestLists(t *testing.T) {
	item := func(fields string) string { return "\nitems:\n- {" + fields + "}\n" }
	const secret, configMap = "metadata: {name: s}, stringData: {A: one}", "metadata: {name: c}, data: {B: two}"
	const ofV1 = "apiVersion: v1, "
	bare := strings.ReplaceAll(strings.SplitN(tier(", variables: [{name: A, valueFrom: {secretKeyRef: {name: s, key: A}}}, "+
		"{name: B, valueFrom: {configMapKeyRef: {name: c, key: B}}}]", ""), "\n", 4)[3], "\n", "\n  ")
	tiers := "apiVersion: railway.engine-operator.dev/v1alpha1\nkind: EngineEnvironmentList\nitems:\n- " + bare + "\n"
	for name, text := range map[string]string{
		"of one kind":    "apiVersion: v1\nkind: SecretList" + item(secret) + "---\napiVersion: v1\nkind: ConfigMapList" + item(configMap),
		"with the kinds": "apiVersion: v1\nkind: SecretList" + item(ofV1+"kind: Secret, "+secret) + "---\napiVersion: v1\nkind: ConfigMapList" + item(ofV1+"kind: ConfigMap, "+configMap),
		"of lists": "apiVersion: v1\nkind: List\nitems:\n- {" + ofV1 + "kind: SecretList, items: [{" + secret + "}]}\n- {" +
			ofV1 + "kind: ConfigMapList, items: [{" + configMap + "}]}\n",
	} {
		set, err := manifest.Read(t.Context(), []string{"-"}, strings.NewReader(text+"---\n"+tiers), manifest.Namespace{Name: "team"})
		require.NoError(t, err, name)
		require.Len(t, set.Tiers, 1, name)
		assert.Equal(t, "team", set.Tiers[0].Namespace, name)
		sources := set.Sources(&set.Tiers[0])
		assert.Equal(t, "one", sources.Secrets["s"]["A"], name)
		assert.Equal(t, "two", sources.ConfigMaps["c"]["B"], name)
	}
	assert.Contains(t, refusal(t, "apiVersion: v1\nkind: List"+item(secret)), "items[0] of the list has no kind")
	assert.Contains(t, refusal(t, "apiVersion: v1\nkind: SecretList\nitems: x\n"), "the items of the list are no list")
	for _, half := range []struct{ of, missing string }{{"kind: Secret, ", "apiVersion"}, {ofV1, "kind"}} {
		for _, list := range []string{"List", "SecretList"} {
			assert.Contains(t, refusal(t, "apiVersion: v1\nkind: "+list+item(half.of+secret)), "items[0] of the list has no "+half.missing)
		}
	}
	assert.Contains(t, refusal(t, "kind: Secret\nmetadata: {name: s}\n"), `Secret "s" has no apiVersion: it is v1`)
}

// TestNamespaces: what -n says is the namespace of objects that name none, and no object may name another, as with kubectl.
func TestNamespaces(t *testing.T) {
	text := strings.Replace(tier("", ""), "{name: dev}", "{name: dev, namespace: team}", 1)
	read := func(namespace manifest.Namespace) (*manifest.Set, error) {
		return manifest.Read(t.Context(), []string{"-"}, strings.NewReader(text), namespace)
	}
	_, err := read(manifest.Namespace{Name: "other", Given: true})
	assert.ErrorContains(t, err, `EngineEnvironment "dev": the namespace from the provided object "team" does not match the namespace "other"`)
	for _, fits := range []manifest.Namespace{{Name: "team", Given: true}, {Name: "other"}, {}} {
		set, err := read(fits)
		require.NoError(t, err)
		assert.Equal(t, "team", set.Tiers[0].Namespace)
	}
	text = "apiVersion: v1\nkind: Secret\nmetadata: {name: x, namespace: team}\n"
	_, err = read(manifest.Namespace{Name: "other", Given: true})
	assert.ErrorContains(t, err, `Secret "x": the namespace from the provided object`)
	text = "apiVersion: v1\nkind: Pod\nmetadata: {name: x, namespace: team}\n"
	_, err = read(manifest.Namespace{Name: "other", Given: true})
	assert.NoError(t, err, "what is not read is left alone")
}

// TestWhatIsNoFile: what cannot be read is told before anything else is done with it.
func TestWhatIsNoFile(t *testing.T) {
	for want, paths := range map[string][]string{
		"standard input (-) is named twice":                   {"-", "-"},
		"https://acme.example/x.yaml: addresses are not read": {"https://acme.example/x.yaml"},
	} {
		_, err := manifest.Read(t.Context(), paths, strings.NewReader(tier("", "")), manifest.Namespace{})
		assert.ErrorContains(t, err, want)
	}
}

func TestMadeUpName(t *testing.T) {
	assert.Contains(t, refusal(t, strings.Replace(tier("", ""), "{name: dev}", "{generateName: dev-}", 1)),
		`it has metadata.generateName "dev-" and no name, and kubectl apply takes no such object: give it a metadata.name`)
}
