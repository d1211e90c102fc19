// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package adopt

import (
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/railway/model"
)

var (
	variableName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]{0,127}$`)
	// secretWords in a variable's name say that its value is secret.
	secretWords = []string{
		"SECRET", "PASSWORD", "PASSWD", "PASS", "PWD", "TOKEN", "KEY", "CREDENTIAL", "CREDENTIALS", "PRIVATE", "AUTH", "DSN", "SALT", "SIGNATURE",
		"COOKIE", "SESSION", "BEARER", "CERT", "PEM", "JWT", "WEBHOOK", "APIKEY",
	}
	// harmless names have a word of those and are no secret.
	harmless = regexp.MustCompile(`(^|_)(PUBLIC_KEY|KEY_PREFIX|MAX_TOKENS|TOKEN_LIMIT|TOKENS_PER_[A-Z]+|AUTH_ENABLED|AUTH_MODE|SESSION_TTL)$`)
	// secretValue is how well-known credentials begin.
	secretValue = regexp.MustCompile(`^(sk-|pk_live_|sk_live_|ghp_|gho_|github_pat_|glpat-|xox[abps]-|AKIA|AIza|eyJ[A-Za-z0-9_-]{10,}[.]|-----BEGIN )`)
	// reference is a whole value that Railway resolves.
	reference = regexp.MustCompile(`^(\$\{\{[^{}]+\}\})+$`)
	// references are those in a value.
	references = regexp.MustCompile(`\$\{\{[^{}]+\}\}`)
)

// Secret reports whether a variable's name or value looks secret. A value that is nothing but Railway's references is not: it names
// another variable.
func Secret(name, value string) bool {
	if reference.MatchString(strings.TrimSpace(value)) {
		return false
	}
	upper := strings.ToUpper(name)
	if !harmless.MatchString(upper) {
		for word := range strings.FieldsFuncSeq(upper, func(r rune) bool { return r == '_' }) {
			if slices.Contains(secretWords, word) || strings.HasSuffix(word, "KEY") || strings.HasSuffix(word, "TOKEN") || strings.HasSuffix(word, "PASSWORD") {
				return true
			}
		}
	}
	return secretValue.MatchString(value) || hasPassword(value)
}

// hasPassword reports whether the value is an address with a password in it that is not one of Railway's references.
func hasPassword(value string) bool {
	if !strings.Contains(value, "://") {
		return false
	}
	address, err := url.Parse(references.ReplaceAllString(value, ""))
	if err != nil || address.User == nil {
		return err != nil && strings.Contains(value, "@") // what cannot be read is taken for the worse
	}
	password, set := address.User.Password()
	return set && password != ""
}

// variables writes down variables. What looks secret goes into a Secret; what Railway does not show is left as it is.
func (w *work) variables(owner, serviceID string, all model.Tree, _ string) []v1alpha1.Variable {
	var list []v1alpha1.Variable
	for _, name := range w.names(serviceID, all) {
		path := variablePath(owner, serviceID, name)
		fields, _ := all[name].(map[string]any)
		sealed, _ := fields["isSealed"].(bool)
		value, shown := fields["value"].(string)
		switch {
		case model.SystemVariable(name):
		case sealed || w.environment.Sealed[model.VariableRef{ServiceID: serviceID, Name: name}]:
			w.sealed = append(w.sealed, path)
		case !shown:
			w.hidden = append(w.hidden, path)
		case !variableName.MatchString(name), len(value) > 32768 && !Secret(name, value):
			w.leave("%s stays as it is: it cannot be declared", path)
		case len(list) == 256:
			w.leave("%s stays as it is: a service declares at most 256 variables", path)
		default:
			list = append(list, w.variable(owner, name, value))
		}
	}
	return list
}

func variablePath(owner, serviceID, name string) string {
	if serviceID == "" {
		return "shared." + name
	}
	return owner + ".variables." + name
}

// names are those that exist; some reads leave sealed ones out of the config (railway-api.md, "Variables").
func (w *work) names(serviceID string, all model.Tree) []string {
	names := map[string]bool{}
	for name, variable := range all {
		if variable != nil {
			names[name] = true
		}
	}
	for ref := range w.environment.Sealed {
		if ref.ServiceID == serviceID {
			names[ref.Name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// variable declares one variable, by a Secret when it looks secret.
func (w *work) variable(owner, name, value string) v1alpha1.Variable {
	if !Secret(name, value) {
		return v1alpha1.Variable{Name: name, Value: &value}
	}
	secret := w.secret(owner)
	secret.StringData[name] = value
	return v1alpha1.Variable{Name: name, ValueFrom: &v1alpha1.ValueSource{SecretKeyRef: &v1alpha1.KeyReference{Name: secret.Name, Key: name}}}
}

// secret is the Secret of a service's, or the shared, variables.
func (w *work) secret(owner string) *corev1.Secret {
	if w.secrets[owner] == nil {
		name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(w.Tier.Name+"-"+owner), "-"), "-.")
		for _, other := range w.secrets {
			if other.Name == name {
				name += "-2"
			}
		}
		w.secrets[owner] = &corev1.Secret{
			TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.Tier.Namespace},
			StringData: map[string]string{},
		}
	}
	return w.secrets[owner]
}

var notInNames = regexp.MustCompile(`[^a-z0-9.-]+`)
