// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/engine-operator/engine-operator/internal/desired"
)

// Dotenv is the service's variables as a dotenv file. Values of Secrets are left out unless they are to be revealed; unknown says,
// by name, where a value comes from that is not known.
func Dotenv(service desired.Service, shared []desired.Variable, unknown map[string]string, reveal bool) string {
	secret := map[string]bool{}
	for _, v := range slices.Concat(shared, service.Variables) {
		secret[v.Name] = v.Secret
	}
	env := service.Env(shared)
	var out strings.Builder
	for _, name := range slices.Sorted(maps.Keys(env)) {
		from, missing := unknown[name]
		switch {
		case missing:
			fmt.Fprintf(&out, "# %s is not known: from %s\n", name, Visible(from)) // in one line: a shell reads the file
		case secret[name] && !reveal:
			fmt.Fprintf(&out, "# %s is from a Secret: show it with --reveal\n", name)
		default:
			fmt.Fprintf(&out, "%s=%s\n", name, Quote(env[name]))
		}
	}
	return out.String()
}

// bare values need no quotes, neither in a shell nor in a dotenv file.
var bare = regexp.MustCompile(`^[A-Za-z0-9_./:@%+,-]*$`)

// Quote writes a value so that a shell that reads the file gets it back as it is, and so do dotenv libraries as far as they agree: some
// of them take a backslash before a quote for an escape even in single quotes. shell.Word is for commands that people paste.
func Quote(value string) string {
	switch {
	case bare.MatchString(value):
		return value
	case !strings.ContainsAny(value, `'\\`):
		return "'" + value + "'"
	default:
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`").Replace(value) + `"`
	}
}
