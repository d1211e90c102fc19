// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/shell"
)

// Flags are those of kubectl's flags that a command was given, as a shell reads them: whoever runs what it tells to run next means the
// same cluster. Empty adds none.
type Flags string

// FlagsOf are the flags for a kubeconfig and a context; an empty one was not given.
func FlagsOf(kubeconfig, context string) Flags {
	var f Flags
	if kubeconfig != "" {
		f += Flags(" --kubeconfig " + shell.Word(kubeconfig))
	}
	if context != "" {
		f += Flags(" --context " + shell.Word(context))
	}
	return f
}

// Command is how the command line is called for the object.
func (f Flags) Command(object *v1alpha1.EngineEnvironment, verb string) string {
	return f.command(object.Namespace, object.Name, verb)
}

func (f Flags) command(namespace, name, verb string) string {
	return fmt.Sprintf("kubectl engine %s%s -n %s %s", verb, string(f), namespace, name)
}

// annotates is a command in a message of the status, which is for those who have no plugin, too.
var annotates = regexp.MustCompile(`(?:kubectl engine approve -n \S+ \S+, or )?` +
	`kubectl annotate eenv -n (\S+) (\S+)(?: --overwrite)?((?: ` + regexp.QuoteMeta(v1alpha1.GroupVersion.Group) +
	`/[a-z-]+(?:=(?:"?\$\([^)]*\)"?|(?:'[^']*'|\\')+|[^\s\x1b]+)|-))+)`)

// verbs are the commands that set or remove an annotation.
var verbs = []struct{ annotation, verb string }{
	{v1alpha1.AnnotationResume, "resume"}, {v1alpha1.AnnotationHold, "resume"},
	{v1alpha1.AnnotationApprovePlan, "approve"}, {v1alpha1.AnnotationApprove, "approve"},
}

// Message is a message of the status with this command line's commands in it: what is shown beside it names one way and not two.
func (f Flags) Message(text string) string {
	return annotates.ReplaceAllStringFunc(text, func(found string) string {
		parts := annotates.FindStringSubmatch(found)
		for _, v := range verbs {
			if value, ok := strings.CutPrefix(parts[3], " "+v.annotation); ok && (value == "-" || value[0] == '=') {
				return f.command(parts[1], parts[2], v.verb)
			}
		}
		return found
	})
}
