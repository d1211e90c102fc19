// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"strings"

	"github.com/spf13/pflag"
)

// Group is a heading of the help with the flags below it.
type Group struct {
	Title string
	Flags []string
}

// Groups are the flags by what they are about.
var Groups = []Group{
	{"What is watched", []string{"watch-namespaces", "watch-label-selector", "namespace", "leader-elect", "leader-elect-resource-name", "concurrency", "shutdown-timeout"}},
	{"Railway", []string{"railway-endpoint", "railway-timeout", "railway-rps", "railway-burst", "rollout-interval", "settle", "webhook-bind-address", "webhook-secret-file"}},
	{"Checks", []string{"probe-allow-hosts", "probe-connect-to", "probe-ca", "log-grace"}},
	{"What is served and logged", []string{"metrics-bind-address", "metrics-secure", "health-probe-bind-address", "pprof-bind-address", "log-level", "log-format"}},
}

// Usages is the help of the flags, by group. A flag that stands in no group comes last.
func Usages(flags *pflag.FlagSet) string {
	var text strings.Builder
	told := map[string]bool{}
	for _, group := range Groups {
		set := pflag.NewFlagSet(group.Title, pflag.ContinueOnError)
		set.SortFlags = false
		for _, name := range group.Flags {
			if flag := flags.Lookup(name); flag != nil {
				set.AddFlag(flag)
				told[name] = true
			}
		}
		text.WriteString("\n" + group.Title + ":\n" + set.FlagUsages())
	}
	rest := pflag.NewFlagSet("rest", pflag.ContinueOnError)
	flags.VisitAll(func(flag *pflag.Flag) {
		if !told[flag.Name] && flag.Name != "help" {
			rest.AddFlag(flag)
		}
	})
	if rest.HasFlags() {
		text.WriteString("\nOther:\n" + rest.FlagUsages())
	}
	return text.String()
}

// Dashes lets a flag with one dash be given as one with two, as -leader-elect and --leader-elect were always the same. One letter
// alone is left as it is.
func Dashes(args []string) []string {
	all := make([]string, len(args))
	for i, arg := range args {
		name, _, _ := strings.Cut(strings.TrimPrefix(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && !strings.HasPrefix(arg, "--") && len(name) > 1 {
			arg = "-" + arg
		}
		all[i] = arg
	}
	return all
}
