// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package board

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/engine-operator/engine-operator/api/v1alpha1"
	"github.com/engine-operator/engine-operator/internal/board/view"
)

type engineEnvironment = v1alpha1.EngineEnvironment

const (
	// draftLives is how long a person may think about a change before it has to be prepared anew.
	draftLives = 5 * time.Minute
	// draftsAtMost bounds what is kept of changes that nobody confirmed.
	draftsAtMost = 64
)

// drafts are changes that were shown to a person and wait for their confirmation. What is confirmed is what was shown.
type drafts struct {
	mu  sync.Mutex
	all map[string]draft
}

type draft struct {
	key types.NamespacedName
	// request is what the person asked for, change what they were shown.
	request view.Request
	change  view.Change
	expiry  time.Time
}

// stands reports whether the change is what the request comes to for the object as it is now: what was approved on the screen is not
// written once the plan, or the candidate, is another one.
func (d draft) stands(object *engineEnvironment) error {
	change, err := view.Prepare(object, d.request)
	if err != nil {
		return err
	}
	if !bytes.Equal(change.Patch, d.change.Patch) {
		return errors.New("it has changed since it was shown: read it again")
	}
	return nil
}

// keep stores a draft and returns its name. The ones that expired go, and the one that expires next when there are too many.
func (d *drafts) keep(made draft, now time.Time) string {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.all == nil {
		d.all = map[string]draft{}
	}
	oldest := ""
	for id, known := range d.all {
		if now.After(known.expiry) {
			delete(d.all, id)
		} else if oldest == "" || known.expiry.Before(d.all[oldest].expiry) {
			oldest = id
		}
	}
	if len(d.all) >= draftsAtMost {
		delete(d.all, oldest)
	}
	id := rand.Text()
	made.expiry = now.Add(draftLives)
	d.all[id] = made
	return id
}

// take returns a draft once.
func (d *drafts) take(id string, now time.Time) (draft, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	found, ok := d.all[id]
	delete(d.all, id)
	return found, ok && !now.After(found.expiry)
}

type prepareRequest struct {
	Key    string `json:"key"`
	Action string `json:"action"`
	Input  string `json:"input"`
}

// prepared is what the confirmation shows.
type prepared struct {
	view.Change

	ID string `json:"id"`
	As string `json:"as"`
}

// prepare says exactly what an action would write, after it has asked whether the user may and what admission says to it.
func (s *server) prepare(w http.ResponseWriter, r *http.Request) {
	var asked prepareRequest
	if !read(w, r, &asked) {
		return
	}
	object, ok := s.feed.get(asked.Key)
	if !ok {
		fail(w, http.StatusNotFound, "this tier is gone")
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	user, err := s.user.whoami(ctx)
	if err != nil {
		fail(w, http.StatusBadGateway, refusal(err))
		return
	}
	request := view.Request{Action: asked.Action, Input: asked.Input, User: user, Now: s.clock()}
	change, err := view.Prepare(object, request)
	if err != nil {
		fail(w, http.StatusUnprocessableEntity, err.Error())
		return
	}
	kind, _ := view.OfferOf(asked.Action)
	if offered := s.offer(ctx, kind, object); !offered.Allowed {
		fail(w, http.StatusForbidden, offered.Why)
		return
	}
	key := types.NamespacedName{Namespace: object.Namespace, Name: object.Name}
	if err := s.user.apply(ctx, key, change.Patch, true); err != nil {
		refuse(w, err)
		return
	}
	id := s.drafts.keep(draft{key: key, request: request, change: change}, s.clock())
	answer(w, prepared{Change: change, ID: id, As: user})
}

// confirm writes what was shown.
func (s *server) confirm(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		ID string `json:"id"`
	}
	if !read(w, r, &asked) {
		return
	}
	confirmed, ok := s.drafts.take(asked.ID, s.clock())
	if !ok {
		fail(w, http.StatusGone, "this change was sent already, or was not confirmed within 5 minutes: choose the action again")
		return
	}
	if object, ok := s.feed.get(confirmed.key.String()); ok {
		if err := confirmed.stands(object); err != nil {
			fail(w, http.StatusConflict, err.Error())
			return
		}
	}
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	if err := s.user.apply(ctx, confirmed.key, confirmed.change.Patch, false); err != nil {
		refuse(w, err)
		return
	}
	answer(w, map[string]string{"done": confirmed.change.Title})
}

// refuse passes on what the API server said.
func refuse(w http.ResponseWriter, err error) {
	code, reason := http.StatusBadGateway, refusal(err)
	switch {
	case apierrors.IsForbidden(err):
		code = http.StatusForbidden
	case apierrors.IsNotFound(err):
		code, reason = http.StatusNotFound, "this tier is gone"
	case apierrors.IsConflict(err), anotherObject(err):
		code, reason = http.StatusConflict, "this object was deleted and created anew: read it again"
	case apierrors.IsInvalid(err), apierrors.IsBadRequest(err):
		code = http.StatusUnprocessableEntity
	}
	fail(w, code, reason)
}

// read reads a request's JSON, or says what is wrong with it.
func read(w http.ResponseWriter, r *http.Request, into any) bool {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(askTimeout)) // not every connection has deadlines
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, bodyAtMost))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		fail(w, http.StatusBadRequest, "the request is not what the page sends: "+err.Error())
		return false
	}
	return true
}

// anotherObject reports whether the write was refused because the object has another uid by now: the API server calls that an invalid
// change of it.
func anotherObject(err error) bool {
	cause, found := apierrors.StatusCause(err, metav1.CauseTypeFieldValueInvalid)
	return apierrors.IsInvalid(err) && found && cause.Field == "metadata.uid"
}
