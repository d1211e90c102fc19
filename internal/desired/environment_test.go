// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

func TestRedact(t *testing.T) {
	secret := func(value string) []desired.Variable {
		return []desired.Variable{{Name: "A", Value: value, Secret: true}}
	}
	key := "-----BEGIN KEY-----\r\nMIIEvQ\nab\n-----END KEY-----\n"
	tests := []struct {
		name, reason string
		values       []string
		text, want   string
	}{
		{"in the middle", "every occurrence is masked", []string{"hunter22"}, "a hunter22 b hunter22", "a (secret) b (secret)"},
		{"in a URL", "a part of a word is masked too", []string{"hunter22"}, "postgres://u:hunter22@db", "postgres://u:(secret)@db"},
		{"four characters", "the shortest that is masked", []string{"1234"}, "pin 1234", "pin (secret)"},
		{"three characters", "masking them would mask half the text", []string{"123"}, "pin 123", "pin 123"},
		{"empty", "an empty value is in every text", []string{""}, "text", "text"},
		{"one in another", "the longer is masked whole", []string{"pass", "password-1"}, "password-1 pass", "(secret) (secret)"},
		{"one in another, other order", "the longer is masked whole", []string{"password-1", "pass"}, "password-1 pass", "(secret) (secret)"},
		{"many lines", "each line of a key file, where a log splits it", []string{key}, "x MIIEvQ y -----END KEY----- ab", "x (secret) y (secret) ab"},
		{"whole text of many lines", "the whole is masked at once", []string{"line one\nline two"}, "x line one\nline two y", "x (secret) y"},
		{"surrounding blanks", "a trailing newline of a Secret is not in the log", []string{" hunter22 \n"}, "got hunter22.", "got (secret)."},
		{"as JSON", "a structured log line escapes quotes and line ends", []string{`hun"ter\22`}, `{"msg":"got hun\"ter\\22"}`, `{"msg":"got (secret)"}`},
		{"as JSON, quote last", "only the outer quotes are not the value's", []string{`hunter"`}, `{"msg":"hunter\""}`, `{"msg":"(secret)"}`},
		{"as JSON with HTML escapes", "some encoders escape & < > too", []string{"a&b<c>d"}, `{"msg":"a\u0026b\u003cc\u003ed"} a&b<c>d`, `{"msg":"(secret)"} (secret)`},
		{"in a query", "a URL escapes what is not a letter or digit", []string{"p@ss/w rd"}, "?k=p%40ss%2Fw+rd", "?k=(secret)"},
		{"in a path", "a URL's user and path write a blank otherwise", []string{"p@ss/w rd"}, "//u:p%40ss%2Fw%20rd@h", "//u:(secret)@h"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inService, inShared := &desired.Environment{}, &desired.Environment{}
			for _, value := range tt.values {
				inService.Services = append(inService.Services, desired.Service{Variables: secret(value)})
				inShared.Shared = append(inShared.Shared, secret(value)...)
			}
			assert.Equal(t, tt.want, inService.Redact(tt.text), tt.reason)
			assert.Equal(t, tt.want, inShared.Redact(tt.text), tt.reason)
		})
	}
	open := &desired.Environment{Shared: []desired.Variable{{Name: "A", Value: "production"}}}
	assert.Equal(t, "in production", open.Redact("in production"), "what is no secret is shown")
}

func TestReferences(t *testing.T) {
	s := spec(v1alpha1.TierDev, value("A", "1"), fromSecret("B", "b-secret", "k"), fromConfigMap("C", "c-map", "k"), fromSecret("D", "b-secret", "l"))
	s.Railway = &v1alpha1.Railway{TokenSecretRef: v1alpha1.LocalReference{Name: "token"}}
	s.Engine.VariablesFrom = []v1alpha1.VariablesSource{allOfSecret("a-secret"), allOfConfigMap("a-map")}
	s.Services = []v1alpha1.Companion{{Service: v1alpha1.Service{
		Variables: []v1alpha1.Variable{fromSecret("E", "e-secret", "k")}, VariablesFrom: []v1alpha1.VariablesSource{allOfConfigMap("e-map")},
	}}}
	s.SharedVariables = []v1alpha1.Variable{fromSecret("F", "f-secret", "k")}
	secretNames, configMapNames := desired.References(s)
	assert.Equal(t, []string{"a-secret", "b-secret", "e-secret", "f-secret"}, secretNames, "each once, sorted, without the token's")
	assert.Equal(t, []string{"a-map", "c-map", "e-map"}, configMapNames)

	secretNames, configMapNames = desired.References(spec(v1alpha1.TierDev))
	assert.Empty(t, secretNames)
	assert.Empty(t, configMapNames)
}

func TestEnv(t *testing.T) {
	service := desired.Service{Variables: []desired.Variable{
		{Name: "A", Value: "service"}, {Name: "B", Value: "${{shared.C}}"}, {Name: "RAILWAY_RUN_UID", Value: "0"}, {Name: "KEY", Value: "s", Secret: true, Sealed: true},
	}}
	shared := []desired.Variable{{Name: "A", Value: "shared"}, {Name: "C", Value: "c"}}
	assert.Equal(t, map[string]string{"A": "service", "B": "${{shared.C}}", "C": "c", "KEY": "s"}, service.Env(shared),
		"the service wins over shared, references stay, and what only Railway reads is left out")
}
