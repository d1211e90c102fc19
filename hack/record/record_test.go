// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestWrapAndQuicken(t *testing.T) {
	long := strings.Repeat("ä", columns+3)
	lines := quicken(wrap([]line{{time.Second, "a"}, {10 * time.Second, long}, {11 * time.Second, ""}}))
	assert.Equal(t, []line{
		{time.Second, "a"}, {time.Second + pauseAtMost, strings.Repeat("ä", columns)}, {time.Second + pauseAtMost, "äää"},
		{2*time.Second + pauseAtMost, ""},
	}, lines)
}

func TestDraw(t *testing.T) {
	picture := draw(`<"title">`, []line{{0, "$ make demo"}, {time.Second, "dev GO, preview NO-GO <&> GOOD"}, {time.Second, "end"}})
	decoder := xml.NewDecoder(strings.NewReader(picture))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err, "it is XML")
	}
	assert.Contains(t, picture, `dev <tspan class="g">GO</tspan>, preview <tspan class="n">NO-GO</tspan> &lt;&amp;&gt; GOOD`)
	assert.Contains(t, picture, `<tspan class="h">$ make demo</tspan>`)
	assert.Equal(t, 3, strings.Count(picture[strings.Index(picture, "@keyframes"):], "translateY"), "the start, and two moments")
}

// TestRun holds that the output is shown, and that a command which fails makes no picture.
func TestRun(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.svg")
	require.Error(t, run(t.Context(), []string{out, "t", "sh", "-c", "echo hello; exit 3"}))
	assert.NoFileExists(t, out)
	require.NoError(t, run(t.Context(), []string{out, "t", "sh", "-c", "echo hello"}))
	raw, err := os.ReadFile(out)
	require.NoError(t, err)
	assert.Contains(t, string(raw), ">hello</text>")
}
