// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package status

import (
	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/redact"
)

// RequestedAt returns the value of the annotations that force a pass, as the status echoes it. Both may be set; a change of either counts.
func RequestedAt(object *v1alpha1.EngineEnvironment) string {
	own, flux := object.Annotations[v1alpha1.AnnotationRequestedAt], object.Annotations[v1alpha1.AnnotationFluxRequestedAt]
	switch {
	case own == "":
		return redact.Identity(flux)
	case flux == "":
		return redact.Identity(own)
	default:
		return redact.Identity(own + "," + flux)
	}
}

// Handled reports whether the pass has run that the annotations ask for; true when none is asked for.
func Handled(object *v1alpha1.EngineEnvironment) bool {
	requested := RequestedAt(object)
	return requested == "" || requested == redact.Identity(object.Status.LastHandledReconcileAt)
}
