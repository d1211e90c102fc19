// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package options

import (
	"testing"

	"github.com/go-logr/zapr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap/zapcore"
)

// TestNoLevelLogsBodies: Kubernetes' client logs requests from V(6) on, and the bodies of Secrets from V(8). No level that people can set
// goes past V(1).
func TestNoLevelLogsBodies(t *testing.T) {
	for _, format := range []string{"json", "console"} {
		for level, verbosity := range map[string]int{"error": -1, "warn": -1, "info": 0, "debug": 1} {
			log, flush, err := (&Options{LogLevel: level, LogFormat: format}).Logger()
			require.NoError(t, err)
			flush()
			sink, ok := log.GetSink().(zapr.Underlier)
			require.True(t, ok, "a pass logs warnings by zap")
			assert.Equal(t, level != "error", sink.GetUnderlying().Core().Enabled(zapcore.WarnLevel), "%s: warnings", level)
			for v := range 11 {
				assert.Equal(t, v <= verbosity, log.V(v).Enabled(), "%s: V(%d)", level, v)
			}
		}
		for _, level := range []string{"trace", "-8", "8", "DEBUG-7", ""} {
			_, _, err := (&Options{LogLevel: level, LogFormat: format}).Logger()
			assert.Error(t, err, level)
		}
	}
}
