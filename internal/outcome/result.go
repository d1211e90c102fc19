// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package outcome

import (
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// ConflictDelay is how soon to pass again after somebody else wrote the object: the next pass sees the newer one.
const ConflictDelay = 200 * time.Millisecond

// ResultOfStore turns a failed write of the object into a result.
func ResultOfStore(err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: ConflictDelay}, nil
	}
	return ctrl.Result{}, client.IgnoreNotFound(err)
}

// Result is the only place that tells the queue what to do.
func (o *Outcome) Result() (ctrl.Result, error) {
	if o.Err != nil && o.After == 0 {
		return ctrl.Result{}, o.Err
	}
	return ctrl.Result{RequeueAfter: o.After}, nil
}
