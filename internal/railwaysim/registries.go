// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"fmt"
	"strings"
)

// Private images and their credentials (railway-api.md, "Private images").

// SeedRegistry is a registry, or a part of one. Host is a host or a prefix such as ghcr.io/acme; the longest that fits an image
// decides. A private one lets an image be pulled only with its username and password.
type SeedRegistry struct {
	Host     string `json:"host"`
	Private  bool   `json:"private"`
	Username string `json:"username"`
	Password string `json:"password"`
}

// RegistryEdit changes what a registry asks for.
type RegistryEdit = SeedRegistry

// SetRegistry changes a registry's credentials, or makes it private or public. Each pull from then on asks for them.
func (s *Sim) SetRegistry(edit RegistryEdit) error {
	if edit.Host == "" {
		return fmt.Errorf("host is needed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.world.Registries[edit.Host] = &edit
	s.remember()
	return nil
}

// denied reports whether the registry refuses the pull with these credentials.
func (w *world) denied(i image, config map[string]any) bool {
	var decides *SeedRegistry
	for _, r := range w.Registries {
		fits := i.registry() == r.Host || strings.HasPrefix(i.registry(), strings.TrimSuffix(r.Host, "/")+"/")
		if fits && (decides == nil || len(r.Host) > len(decides.Host)) {
			decides = r
		}
	}
	if decides == nil || !decides.Private {
		return false
	}
	given := sub(config, "deploy", "registryCredentials")
	return text(given, "username") != decides.Username || text(given, "password") != decides.Password
}

// deniedText is what a registry says to whom it refuses.
const deniedText = "denied: requested access to the resource is denied"

// checkCredentials refuses credentials of a private registry below the Pro plan.
func (s *Sim) checkCredentials(p *project, credentials any) error {
	if credentials == nil || s.world.plan(p) == "Pro" {
		return nil
	}
	return planLimit("Private registry credentials are only available on the Pro plan. Please upgrade your plan")
}

// maskCredentials hides a registry's credentials, which never come back (railway-api.md, "EnvironmentConfig"): "*****"
// where values are asked for, else null.
func maskCredentials(config map[string]any, decrypt bool) {
	credentials := sub(config, "deploy", "registryCredentials")
	for name := range credentials {
		credentials[name] = nil
		if decrypt {
			credentials[name] = "*****"
		}
	}
}
