// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package view

import (
	"regexp"
	"strings"
	"time"
)

// Writer is the object for which an operator commits to an environment, as Railway's history shows it.
type Writer struct {
	// Object is its namespace and name, UID the beginning of its uid. The name may be the same in two clusters, the uid is not.
	Object, UID string
}

// uidSize is how much of a uid tells objects apart.
const uidSize = 8

// NewWriter is the writer for an object.
func NewWriter(object, uid string) Writer { return Writer{object, uid[:min(len(uid), uidSize)]} }

// Mark is how the writer stands in a commit's message.
func (w Writer) Mark() string { return "[" + w.Object + " " + w.UID + "]" }

const messagePrefix = "engine-operator: "

// CommitMessage is the message of an operator's commit: what it does, and the marks by which it is found again.
func CommitMessage(text, id string, w Writer) string {
	return messagePrefix + text + " " + Mark(id) + " " + w.Mark()
}

// marks finds the commit's id and its writer at the end of a message. Older versions named no writer. Anybody may write a message: what is
// longer than an id, or a namespace and a name, is no mark, because both become part of a command.
var marks = regexp.MustCompile(` \[(eo-[0-9a-f]{1,32})\](?: \[([a-z0-9./-]{1,317}) ([^\]\s]{1,8})\])?$`)

// ReadMessage takes the marks off the message of an operator's commit; ok is false when nobody's operator made it.
func ReadMessage(message string) (text, id string, ok bool) {
	found := marks.FindStringSubmatch(message)
	if found == nil || !strings.HasPrefix(message, messagePrefix) {
		return message, "", false
	}
	return strings.TrimSuffix(strings.TrimPrefix(message, messagePrefix), found[0]), found[1], true
}

// WriterOf is the object for which an operator made the commit; ok is false for anybody else's, and for those of older versions.
func WriterOf(message string) (w Writer, ok bool) {
	found := marks.FindStringSubmatch(message)
	if found == nil || found[3] == "" || !strings.HasPrefix(message, messagePrefix) {
		return Writer{}, false
	}
	return Writer{found[2], found[3]}, true
}

// ForeignCommit is a commit that an operator made for another object.
type ForeignCommit struct {
	Writer
	// ID is the operator's mark in the message.
	ID string
	At time.Time
}

// ForeignCommit returns the newest commit after that time that an operator made for another object: one in another cluster, which no
// claim in this one shows. ok is false when there is none.
func (v *View) ForeignCommit(own Writer, after time.Time) (foreign ForeignCommit, ok bool) {
	for _, patch := range v.Env.Patches {
		found := marks.FindStringSubmatch(patch.Message)
		if found == nil || found[3] == "" || found[3] == own.UID || !patch.CreatedAt.After(after) {
			continue
		}
		if !ok || patch.CreatedAt.After(foreign.At) {
			foreign, ok = ForeignCommit{Writer{found[2], found[3]}, found[1], patch.CreatedAt}, true
		}
	}
	return foreign, ok
}

// LastCommit returns when the newest commit in the history was made, by Railway's clock; zero when there is none.
func (v *View) LastCommit() time.Time {
	var last time.Time
	for _, patch := range v.Env.Patches {
		if patch.CreatedAt.After(last) {
			last = patch.CreatedAt
		}
	}
	return last
}
