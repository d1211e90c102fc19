// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package model

// The measurements that Railway charges for (railway-api.md, "Usage and prices").
const (
	MeasurementMemory  = "MEMORY_USAGE_GB" // GB-minutes
	MeasurementCPU     = "CPU_USAGE"       // vCPU-minutes
	MeasurementNetwork = "NETWORK_TX_GB"   // GB
	MeasurementDisk    = "DISK_USAGE_GB"   // GB-minutes
	MeasurementBackup  = "BACKUP_USAGE_GB" // GB-minutes
)

// Measurements lists them.
var Measurements = []string{MeasurementMemory, MeasurementCPU, MeasurementNetwork, MeasurementDisk, MeasurementBackup}
