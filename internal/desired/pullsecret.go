// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package desired

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/distribution/reference"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
)

// dockerConfigKey is the key of a Secret of type kubernetes.io/dockerconfigjson.
const dockerConfigKey = ".dockerconfigjson"

// credentials are what Railway needs to pull a private image (railway-api.md, "Private images").
type credentials struct{ username, password string }

// field is the setting that carries the credentials.
func (c *credentials) field() Field {
	return Field{
		Keys: RegistryCredentials, WriteOnly: true,
		Value: map[string]any{"username": c.username, "password": c.password},
	}
}

// secrets are what texts must not show: the password, and the form in which registries and their clients write both.
func (c *credentials) secrets() []string {
	return []string{c.password, base64.StdEncoding.EncodeToString([]byte(c.username + ":" + c.password))}
}

// pullSecret returns the reference to the credentials for the service's image, nil when it needs or names none, and where the
// reference stands. A service whose source is not an image, or not known yet, needs none. One that runs the engine's source without
// a reference of its own uses the engine's: the same image needs the same credentials, and companions of a promoted tier often have
// no source of their own.
func pullSecret(spec *v1alpha1.EngineEnvironmentSpec, declared *v1alpha1.Service, place string) (*v1alpha1.LocalReference, string) {
	engine, source := &spec.Engine.Service, declared.Source
	switch {
	case source == nil || source.Image == "":
		return nil, ""
	case declared.PullSecretRef != nil:
		return declared.PullSecretRef, place + ".pullSecretRef"
	case engine.Source != nil && *engine.Source == *source:
		return engine.PullSecretRef, "spec.engine.pullSecretRef"
	default:
		return nil, ""
	}
}

// pullCredentials reads the credentials for the service's image, nil when no Secret is named for it.
func pullCredentials(
	spec *v1alpha1.EngineEnvironmentSpec, declared *v1alpha1.Service, sources Sources, place string,
) (*credentials, error) {
	ref, place := pullSecret(spec, declared, place)
	if ref == nil {
		return nil, nil
	}
	name := ref.Name
	data, ok := sources.Secrets[name]
	if !ok {
		return nil, &Error{Reason: v1alpha1.ReasonSecretNotFound, Message: fmt.Sprintf("%s: Secret %q does not exist in this namespace: create it", place, name)}
	}
	found, problem := readCredentials(data, declared.Source.Image)
	if problem == "" && !utf8.ValidString(found.username+found.password) {
		problem = "has credentials that are not valid UTF-8: encode them as text"
	}
	if problem != "" {
		return nil, &Error{Reason: v1alpha1.ReasonInvalidPullSecret, Message: fmt.Sprintf("%s: Secret %q %s", place, name, problem)}
	}
	return found, nil
}

// readCredentials reads a Secret of either kind. A problem says what is missing, without any value.
func readCredentials(data map[string]string, image string) (found *credentials, problem string) {
	if config, ok := data[dockerConfigKey]; ok {
		return dockerCredentials(config, image)
	}
	found = &credentials{username: strings.TrimSpace(data["username"]), password: strings.TrimSpace(data["password"])}
	switch {
	case found.username == "" && found.password == "":
		return nil, fmt.Sprintf("has neither %s nor username and password: add them; there is %s", dockerConfigKey, KeysOf(data))
	case found.username == "":
		return nil, "has no username: add it"
	case found.password == "":
		return nil, "has no password: add it"
	default:
		return found, ""
	}
}

// dockerAuth is one registry's entry in a Docker config.
type dockerAuth struct {
	Username      string `json:"username"`
	Password      string `json:"password"`
	Auth          string `json:"auth"`
	IdentityToken string `json:"identitytoken"`
}

func dockerCredentials(config, image string) (found *credentials, problem string) {
	var parsed struct {
		Auths map[string]dockerAuth `json:"auths"`
	}
	if json.Unmarshal([]byte(config), &parsed) != nil { // its error would quote the config
		return nil, fmt.Sprintf("has a %s that is no Docker config: kubectl create secret docker-registry makes one", dockerConfigKey)
	}
	repository, err := repositoryOf(image)
	if err != nil {
		return nil, fmt.Sprintf("cannot be used, because %q names no image", image)
	}
	registry, auth, ok := authFor(parsed.Auths, repository)
	if !ok {
		return nil, fmt.Sprintf("has no credentials for %s: add them; there is %s", hostOf(repository), registriesOf(parsed.Auths))
	}
	return auth.read(registry)
}

// repositoryOf is the image's repository with its registry's host, as registries read it: redis is docker.io/library/redis.
func repositoryOf(image string) (string, error) {
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return "", fmt.Errorf("parse image: %w", err)
	}
	return named.Name(), nil
}

func hostOf(repository string) string {
	host, _, _ := strings.Cut(repository, "/")
	return host
}

// authFor selects the entry of the repository's registry, the longest path first, as the kubelet does.
func authFor(auths map[string]dockerAuth, repository string) (registry string, auth dockerAuth, ok bool) {
	longest := ""
	for _, key := range slices.Sorted(maps.Keys(auths)) {
		prefix := normalRegistry(key)
		if prefix != "" && len(prefix) > len(longest) && strings.HasPrefix(repository+"/", prefix+"/") {
			longest, registry, auth, ok = prefix, key, auths[key], true
		}
	}
	return registry, auth, ok
}

// normalRegistry is a key of a Docker config without scheme and API version, and with one name for Docker Hub.
func normalRegistry(key string) string {
	_, rest, found := strings.Cut(key, "://")
	if !found {
		rest = key
	}
	rest = strings.Trim(rest[strings.LastIndex(rest, "@")+1:], "/") // some keys name a user
	for _, version := range []string{"/v1", "/v2"} {
		rest = strings.TrimSuffix(rest, version)
	}
	host, path, hasPath := strings.Cut(rest, "/")
	switch host {
	case "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com":
		host = "docker.io"
	default: // every other registry has one name
	}
	if hasPath {
		return host + "/" + path
	}
	return host
}

// registriesOf names some of the registries, which are no secret.
func registriesOf(auths map[string]dockerAuth) string {
	names := map[string]string{}
	for key := range auths {
		names[hostOf(normalRegistry(key))] = ""
	}
	return KeysOf(names)
}

// read takes username and password, or both from auth, which is their base64.
func (a dockerAuth) read(registry string) (*credentials, string) {
	found := &credentials{username: a.Username, password: a.Password}
	if found.username == "" || found.password == "" {
		decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.TrimSpace(a.Auth), "="))
		username, password, colon := strings.Cut(string(decoded), ":")
		if err != nil || !colon {
			username, password = "", ""
		}
		found = &credentials{username: username, password: password}
	}
	switch {
	case found.username != "" && found.password != "":
		return found, ""
	case a.IdentityToken != "":
		return nil, fmt.Sprintf("has an identity token for %s, which Railway does not take: use username and password", hostOf(normalRegistry(registry)))
	default:
		return nil, fmt.Sprintf("has no username and password for %s: set both, or auth as the base64 of username:password",
			hostOf(normalRegistry(registry)))
	}
}
