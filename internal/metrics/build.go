// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"runtime/debug"

	"github.com/prometheus/client_golang/prometheus"
)

// Build registers what program this is: its version, the commit that it was built from, and the Go version.
func Build(registerer prometheus.Registerer, version string) error {
	labels := prometheus.Labels{"version": version, "revision": "unknown", "goversion": "unknown"}
	if info, ok := debug.ReadBuildInfo(); ok {
		labels["goversion"] = info.GoVersion
		for _, setting := range info.Settings {
			if setting.Key == "vcs.revision" {
				labels["revision"] = setting.Value
			}
		}
	}
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "engine_operator_build_info", ConstLabels: labels,
		Help: "1, with the version of engine-operator, the commit that it was built from, and the Go version.",
	})
	gauge.Set(1)
	return registerer.Register(gauge)
}
