// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/desired"
)

const (
	pullPassword = "h1dden-pull"
	digits       = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
)

// pulling is a spec whose engine runs the image with the Secret "pull".
func pulling(image string) *v1alpha1.EngineEnvironmentSpec {
	s := spec(v1alpha1.TierDev)
	s.Engine.Source = &v1alpha1.Source{Image: image}
	s.Engine.PullSecretRef = &v1alpha1.LocalReference{Name: "pull"}
	return s
}

func pullSecret(data map[string]string) desired.Sources {
	return secrets(map[string]map[string]string{"pull": data})
}

func dockerConfig(auths string) map[string]string {
	return map[string]string{".dockerconfigjson": `{"auths":` + auths + `}`}
}

func encoded(text string) string {
	return base64.StdEncoding.EncodeToString([]byte(text))
}

// pullOf is the user whose credentials a service carries, empty when it carries none.
func pullOf(t require.TestingT, service desired.Service) string {
	for _, field := range service.Fields {
		if strings.Join(field.Keys, ".") == "deploy.registryCredentials" {
			require.True(t, field.WriteOnly, "Railway never shows them")
			value := field.Value.(map[string]any)
			require.Equal(t, pullPassword, value["password"])
			return value["username"].(string)
		}
	}
	return ""
}

func TestPullCredentials(t *testing.T) {
	const image = "ghcr.io/acme/app:1"
	entry := func(user string) string { return `{"auth":"` + encoded(user+":"+pullPassword) + `"}` }
	tests := []struct {
		name, reason, image string
		data                map[string]string
		want                string
	}{
		{"basic auth", "a Secret with username and password", image, map[string]string{"username": "bot", "password": pullPassword}, "bot"},
		{"basic auth with a newline", "editors end files with one", image, map[string]string{"username": "bot\n", "password": pullPassword + "\n"}, "bot"},
		{"username and password", "a Docker config may name both", image, dockerConfig(`{"ghcr.io":{"username":"bot","password":"` + pullPassword + `"}}`), "bot"},
		{"auth", "or both in base64", image, dockerConfig(`{"ghcr.io":` + entry("bot") + `}`), "bot"},
		{"auth without padding", "some clients leave it out", image,
			dockerConfig(`{"ghcr.io":{"auth":"` + strings.TrimRight(encoded("bot:"+pullPassword), "=") + `"}}`), "bot"},
		{"the image's registry", "each registry has its own", image, dockerConfig(`{"quay.io":` + entry("quay") + `,"ghcr.io":` + entry("bot") + `}`), "bot"},
		{"URL", "older clients write a URL", image, dockerConfig(`{"https://ghcr.io/v2/":` + entry("bot") + `}`), "bot"},
		{"longest path", "a registry may hold several accounts", image,
			dockerConfig(`{"ghcr.io":` + entry("all") + `,"ghcr.io/acme":` + entry("acme") + `,"ghcr.io/acm":` + entry("other") + `}`), "acme"},
		{"Docker Hub", "its images have no host, and it has several names", "acme/app", dockerConfig(`{"https://index.docker.io/v1/":` + entry("bot") + `}`), "bot"},
		{"Docker Hub by its host", "its images have no host, and it has several names", "redis", dockerConfig(`{"registry-1.docker.io":` + entry("bot") + `}`), "bot"},
		{"Docker Hub in full", "the image may name it", "docker.io/acme/app", dockerConfig(`{"docker.io":` + entry("bot") + `}`), "bot"},
		{"port", "a registry of one's own", "registry.local:5000/app", dockerConfig(`{"registry.local:5000":` + entry("bot") + `}`), "bot"},
		{"digest", "what is promoted is named by its digest", image + "@sha256:" + strings.Repeat("a", 64), dockerConfig(`{"ghcr.io":` + entry("bot") + `}`), "bot"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			environment := build(t, pulling(tt.image), pullSecret(tt.data))
			assert.Equal(t, tt.want, pullOf(t, environment.Services[0]), tt.reason)
			said := environment.Redact("denied " + pullPassword + " Basic " + encoded(tt.want+":"+pullPassword))
			assert.Equal(t, "denied (secret) Basic (secret)", said)
		})
	}
}

func TestPullCredentialsAreForImages(t *testing.T) {
	basic := pullSecret(map[string]string{"username": "bot", "password": pullPassword})
	s := pulling("")
	s.Engine.Source = nil
	assert.Empty(t, pullOf(t, build(t, s, basic).Services[0]), "the tier before has verified nothing yet")
	s.Engine.Source = &v1alpha1.Source{Repo: "acme/app"}
	assert.Empty(t, pullOf(t, build(t, s, basic).Services[0]), "a repository was promoted")
}

func TestPullCredentialsOfCompanions(t *testing.T) {
	pull, other := &v1alpha1.LocalReference{Name: "pull"}, &v1alpha1.LocalReference{Name: "other"}
	sources := secrets(map[string]map[string]string{
		"pull": {"username": "bot", "password": pullPassword}, "other": {"username": "other", "password": pullPassword},
	})
	const image, another = "acme/app:1@sha256:" + digits, "acme/worker:1"
	tests := []struct {
		name, reason       string
		engine, companion  *v1alpha1.LocalReference
		image              string
		ofEngine, ofWorker string
		references         []string
	}{
		{"its own", "companions pull too, and the engine's image may be public", nil, pull, another, "", "bot", []string{"pull"}},
		{"the engine's", "the same image needs the same credentials", pull, nil, image, "bot", "bot", []string{"pull"}},
		{"its own first", "two accounts may read the same image", pull, other, image, "bot", "other", []string{"other", "pull"}},
		{"another image", "an account is not shown to a registry that it is not for", pull, nil, another, "bot", "", []string{"pull"}},
		{"not the companion's", "the engine names its own", nil, pull, image, "", "bot", []string{"pull"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := spec(v1alpha1.TierDev)
			s.Engine.Source, s.Engine.PullSecretRef = &v1alpha1.Source{Image: image}, tt.engine
			s.Services = []v1alpha1.Companion{{Service: v1alpha1.Service{
				Name: "worker", Source: &v1alpha1.Source{Image: tt.image}, PullSecretRef: tt.companion,
			}}}
			environment := build(t, s, sources)
			assert.Equal(t, tt.ofEngine, pullOf(t, environment.Services[0]), tt.reason)
			assert.Equal(t, tt.ofWorker, pullOf(t, environment.Services[1]), tt.reason)
			names, _ := desired.References(s)
			assert.Equal(t, tt.references, names, "a rotated Secret wakes the object")
		})
	}
}

func TestPullSecretRefusals(t *testing.T) {
	hidden := encoded("bot:" + pullPassword)
	tests := []struct {
		name, reason string
		data         map[string]string
		wantReason   string
		want         []string
	}{
		{"missing", "the Secret is named", nil, v1alpha1.ReasonSecretNotFound, []string{`Secret "pull" does not exist in this namespace: create it`}},
		{"other keys", "the message says what there is", map[string]string{"token": pullPassword}, v1alpha1.ReasonInvalidPullSecret,
			[]string{"neither .dockerconfigjson nor username and password", "there is token"}},
		{"no username", "GHCR wants one too", map[string]string{"password": pullPassword}, v1alpha1.ReasonInvalidPullSecret, []string{"has no username"}},
		{"no password", "it is named", map[string]string{"username": "bot"}, v1alpha1.ReasonInvalidPullSecret, []string{"has no password"}},
		{"no JSON", "the parser would quote it", map[string]string{".dockerconfigjson": pullPassword}, v1alpha1.ReasonInvalidPullSecret, []string{"is no Docker config"}},
		{"wrong types", "the parser would quote it", dockerConfig(`["` + pullPassword + `"]`), v1alpha1.ReasonInvalidPullSecret, []string{"is no Docker config"}},
		{"other registry", "registries are no secret", dockerConfig(`{"https://bot:` + pullPassword + `@quay.io":{"auth":"` + hidden + `"}}`),
			v1alpha1.ReasonInvalidPullSecret, []string{"has no credentials for ghcr.io", "there is quay.io"}},
		{"no registry", "an empty config", dockerConfig(`{}`), v1alpha1.ReasonInvalidPullSecret, []string{"there is none"}},
		{"no base64", "an auth that cannot be read", dockerConfig(`{"ghcr.io":{"auth":"` + pullPassword + `!"}}`), v1alpha1.ReasonInvalidPullSecret,
			[]string{"has no username and password for ghcr.io"}},
		{"no colon", "an auth that is a token", dockerConfig(`{"ghcr.io":{"auth":"` + encoded(pullPassword) + `"}}`), v1alpha1.ReasonInvalidPullSecret,
			[]string{"has no username and password for ghcr.io"}},
		{"identity token", "Railway takes username and password", dockerConfig(`{"ghcr.io":{"identitytoken":"` + pullPassword + `"}}`),
			v1alpha1.ReasonInvalidPullSecret, []string{"identity token for ghcr.io"}},
		{"not text", "Railway's API carries text only", map[string]string{"username": "bot", "password": pullPassword + "\xff"},
			v1alpha1.ReasonInvalidPullSecret, []string{"not valid UTF-8"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sources := desired.Sources{}
			if tt.data != nil {
				sources = pullSecret(tt.data)
			}
			_, err := desired.Build(pulling("ghcr.io/acme/app:1"), sources)
			var problem *desired.Error
			require.ErrorAs(t, err, &problem, tt.reason)
			assert.Equal(t, tt.wantReason, problem.Reason, tt.reason)
			assert.Contains(t, err.Error(), `spec.engine.pullSecretRef: Secret "pull"`)
			for _, text := range tt.want {
				assert.Contains(t, err.Error(), text, tt.reason)
			}
			assert.NotContains(t, err.Error(), pullPassword, "a message never holds a value")
			assert.NotContains(t, err.Error(), hidden, "a message never holds a value")
		})
	}
}

// TestPullSecretsShowNothing holds for any Docker config that a message shows no credential, and that what is taken is whole.
func TestPullSecretsShowNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		auths := map[string]string{}
		for _, host := range []string{"ghcr.io", "ghcr.io/acme", "https://index.docker.io/v1/", "quay.io"} {
			auths[host] = rapid.SampledFrom([]string{
				`{}`, `null`, `{"auth":"` + encoded("bot:"+pullPassword) + `"}`, `{"auth":"` + pullPassword + `"}`, `{"auth":1}`, `{"username":"bot"}`,
				`{"username":"bot","password":"` + pullPassword + `"}`, `{"password":"` + pullPassword + `","identitytoken":"` + pullPassword + `"}`,
			}).Draw(t, host)
		}
		var list []string
		for host, entry := range auths {
			list = append(list, `"`+host+`":`+entry)
		}
		image := rapid.SampledFrom([]string{"ghcr.io/acme/app:1", "redis", "quay.io/x", "registry.local:5000/x", "Not/An/Image"}).Draw(t, "image")
		environment, err := desired.Build(pulling(image), pullSecret(dockerConfig("{"+strings.Join(list, ",")+"}")))
		if err != nil {
			require.NotContains(t, err.Error(), pullPassword)
			return
		}
		require.Equal(t, "bot", pullOf(t, environment.Services[0]))
		require.NotContains(t, environment.Redact(pullPassword), pullPassword)
	})
}
