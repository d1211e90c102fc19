// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// source is the commit that is released.
type source struct {
	hash string
	// time is the committer's; it stands in everything that must have a time.
	time time.Time
	// dirty says that files differ from the commit.
	dirty bool
}

func git(ctx context.Context, root string, args ...string) (string, error) {
	command := exec.CommandContext(ctx, "git", append([]string{"-C", root}, args...)...) //nolint:gosec // our own arguments
	output, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(output)), nil
}

func head(ctx context.Context, root string) (source, error) {
	line, err := git(ctx, root, "log", "-1", "--format=%H %ct")
	if err != nil {
		return source{}, err
	}
	hash, at, _ := strings.Cut(line, " ")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		return source{}, fmt.Errorf("read the time of commit %s: %w", hash, err)
	}
	changed, err := git(ctx, root, "status", "--porcelain")
	return source{hash: hash, time: time.Unix(seconds, 0).UTC(), dirty: changed != ""}, err
}

// changelog lists the subjects of the commits since the last tag, or all of them.
func (r *release) changelog(ctx context.Context) error {
	commits, since := []string{"log", "--no-merges", "--format=- %s (%h)"}, "the beginning"
	if last, err := git(ctx, r.root, "describe", "--tags", "--abbrev=0", "--exclude", r.version, "HEAD"); err == nil {
		commits, since = append(commits, last+"..HEAD"), last
	}
	list, err := git(ctx, r.root, commits...)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("# %s\n\nOf %s, commit %s. Upgrading: docs/upgrade.md.\n\n## Changes since %s\n\n%s\n",
		r.version, r.commit.time.Format(time.DateOnly), r.commit.hash, since, list)
	return publish(filepath.Join(r.out, "CHANGELOG.md"), []byte(text))
}
