// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controllers

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/cluster"
	"github.com/engine-operator/engine-operator/internal/outcome"
	"github.com/engine-operator/engine-operator/internal/status"
)

// store writes the object of a pass.
type store struct {
	*cluster.Objects
	// patience is for how long a report of progress may wait to be written together with what follows.
	patience time.Duration
}

// report tells what was found, when it differs from the status. How far work has come that goes on waits a little: most of it is soon
// followed by more. It reports whether the status was written.
func (s store) report(ctx context.Context, p *pass) (written bool, err error) {
	p.journal.Forgo()
	next := p.next()
	wait := p.object.DeletionTimestamp.IsZero() && !p.facts.Gone && !p.erred && len(p.decided) == 0
	if wait && status.Underway(&s.Stored(p.object).Status, &next) {
		if object, due, ok := s.Keep(p.object, next, p.now, p.now.Add(s.patience)); ok {
			p.stored(object)
			p.wakeAt(due)
			return false, nil
		}
	}
	return true, s.writeDecided(ctx, p, next)
}

// writeDecided writes the status that follows from the pass, and tells what was decided.
func (s store) writeDecided(ctx context.Context, p *pass, next v1alpha1.EngineEnvironmentStatus) error {
	if err := s.write(ctx, p, next); err != nil {
		return err
	}
	p.tellDecided()
	return nil
}

// unread ends a pass that found nothing to tell: what waits to be written stays due. It reports whether it was written.
func (s store) unread(ctx context.Context, p *pass) (written bool, err error) {
	due, waits := s.Due(p.key)
	switch {
	case !waits:
		return false, nil
	case p.now.Before(due):
		p.wakeAt(due)
		return false, nil
	default:
		return true, s.write(ctx, p, p.object.Status)
	}
}

// write writes the status, when it differs.
func (s store) write(ctx context.Context, p *pass, next v1alpha1.EngineEnvironmentStatus) error {
	object, err := s.WriteStatus(ctx, p.object, next)
	if err != nil {
		p.unwritten = err
		return err
	}
	p.stored(object)
	return nil
}

// announce stores what is about to be written to Railway before it is sent, and that the object is not Ready meanwhile: a write
// that shows on Railway is never seen beside a Ready of before.
func (s store) announce(ctx context.Context, p *pass, reason, message string) error {
	p.facts.Outcome = status.Outcome{Kind: status.Progressing, Reason: reason, Message: message}
	return s.writeDecided(ctx, p, p.next())
}

// hold adds the finalizer, letGo removes it; the API server then deletes the object.
func (s store) hold(ctx context.Context, p *pass) error {
	object, err := s.AddFinalizer(ctx, p.object)
	if apierrors.IsConflict(err) || apierrors.IsNotFound(err) { // the object is not as it was read: there is nothing to report
		p.unwritten = err
	}
	if err == nil {
		p.stored(object)
	}
	return err
}

func (s store) letGo(ctx context.Context, p *pass) *outcome.Outcome {
	if _, err := s.RemoveFinalizer(ctx, p.object); err != nil {
		return outcome.Failed(err)
	}
	return &outcome.Outcome{Gone: true}
}
