// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/shell"
)

// inputAtMost bounds what a person types, in bytes.
const inputAtMost = 256

// Request is what a person wants.
type Request struct {
	Action string
	// Input is a reason for hold, and a revision's number or source for rollback.
	Input string
	// User is the name under which the API server knows the person.
	User string
	Now  time.Time
}

// Change is one write to the object, and what to say about it before it is sent.
type Change struct {
	Title  string  `json:"title"`
	Effect string  `json:"effect"`
	Writes []Write `json:"writes"`
	// Command does the same in a shell.
	Command string `json:"command"`
	// Plan is what an approval of a plan is for.
	Plan *Plan `json:"plan,omitempty"`
	// Warning is something to know first.
	Warning string `json:"warning,omitempty"`
	// Patch is the JSON merge patch that is sent, as it is sent.
	Patch json.RawMessage `json:"patch"`
}

// Write is one field that a change sets or removes.
type Write struct {
	Field string `json:"field"`
	Value string `json:"value,omitempty"`
	Gone  bool   `json:"gone,omitempty"`
}

// Prepare says what an action would write. The error says why it cannot be done now.
func Prepare(object *v1alpha1.EngineEnvironment, r Request) (Change, error) {
	at := slices.IndexFunc(actions, func(a act) bool { return a.Action == r.Action })
	if at < 0 {
		return Change{}, fmt.Errorf("there is no action %q", r.Action)
	}
	a := actions[at]
	if err := a.allowed(object); err != nil {
		return Change{}, err
	}
	if err := checkInput(a, r); err != nil {
		return Change{}, err
	}
	writes := a.writes(object, r)
	change := Change{
		Title: a.title(object, r), Effect: a.effect, Writes: describe(writes), Command: command(object, writes), Patch: patch(object, writes),
	}
	if a.Action == ActionApprovePlan {
		change.Plan = planOf(object)
	}
	if by := managedFromGit(object); by != "" && writes[0].key == "" {
		change.Warning = by + " applies this object from Git and may put the spec back: make the same change there"
	}
	return change, nil
}

func checkInput(a act, r Request) error {
	switch {
	case a.Action == ActionApprove && r.User == "":
		return fmt.Errorf("the API server does not tell your user name, which an approval has to carry")
	case a.Input == "" && r.Input != "":
		return fmt.Errorf("%s takes no %q", a.Action, r.Input)
	case a.Input != "" && strings.TrimSpace(r.Input) == "":
		return fmt.Errorf("enter a %s", a.Input)
	case len(r.Input) > inputAtMost:
		return fmt.Errorf("the %s has more than %d bytes", a.Input, inputAtMost)
	case strings.ContainsFunc(r.Input, func(c rune) bool { return c < ' ' || c == 0x7f }):
		return fmt.Errorf("the %s is one line of text", a.Input)
	}
	return nil
}

func describe(writes []write) []Write {
	described := make([]Write, 0, len(writes))
	for _, w := range writes {
		switch {
		case w.key == "":
			described = append(described, Write{Field: "spec.suspend", Value: strconv.FormatBool(w.suspend)})
		case w.value == nil:
			described = append(described, Write{Field: "metadata.annotations[" + w.key + "]", Gone: true})
		default:
			described = append(described, Write{Field: "metadata.annotations[" + w.key + "]", Value: *w.value})
		}
	}
	return described
}

// patch is the JSON merge patch. It names the object's uid, so that an object which was deleted and created anew is not meant.
func patch(object *v1alpha1.EngineEnvironment, writes []write) json.RawMessage {
	meta, root := map[string]any{"uid": string(object.UID)}, map[string]any{}
	annotations := map[string]any{}
	for _, w := range writes {
		switch {
		case w.key == "":
			root["spec"] = map[string]any{"suspend": w.suspend}
		case w.value == nil:
			annotations[w.key] = nil
		default:
			annotations[w.key] = *w.value
		}
	}
	if len(annotations) > 0 {
		meta["annotations"] = annotations
	}
	root["metadata"] = meta
	raw, err := json.Marshal(root)
	if err != nil { // strings, booleans and nil always marshal
		panic("view: patch is not JSON: " + err.Error())
	}
	return raw
}

// command does in a shell what the writes do.
func command(object *v1alpha1.EngineEnvironment, writes []write) string {
	at := "-n " + shell.Word(object.Namespace) + " " + shell.Word(object.Name)
	if writes[0].key == "" {
		return fmt.Sprintf("kubectl patch eenv %s --type merge -p '{\"spec\":{\"suspend\":%t}}'", at, writes[0].suspend)
	}
	parts := []string{"kubectl annotate eenv", at, "--overwrite"}
	for _, w := range writes {
		if w.value == nil {
			parts = append(parts, w.key+"-")
			continue
		}
		parts = append(parts, w.key+"="+shell.Word(*w.value))
	}
	return strings.Join(parts, " ")
}

// commandOf is the command for anybody: it asks for the user's name and the time when it runs.
func commandOf(object *v1alpha1.EngineEnvironment, action string) string {
	const user, now = "USER", "1970-01-01T00:00:00Z"
	change, err := Prepare(object, Request{Action: action, User: user, Now: time.Unix(0, 0)})
	if err != nil {
		return ""
	}
	text := change.Command
	switch action {
	case ActionApprove:
		text = strings.TrimSuffix(text, user) + `"$(kubectl auth whoami -o jsonpath='{.status.userInfo.username}')"`
	case ActionResume:
		text = strings.TrimSuffix(text, now) + `"$(date -u +%FT%TZ)"`
	}
	return text
}
