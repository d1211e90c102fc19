// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// An engine that tells everybody what it was given, for tests of what may be shown. It writes its variables to its log, in every
// form that a program may write them in, and answers its real work with them and with what it was asked; leakyCrash ends as it does so.
const (
	leaky      = "leaky"
	leakyCrash = "leaky-crash"
)

// leaks are the variables of the deployment as lines of a log.
func (d *deployment) leaks() []string {
	var lines []string
	for name, value := range d.Variables {
		lines = append(lines, forms(name, value))
	}
	slices.Sort(lines)
	return lines
}

// forms is a value in the forms in which programs write values.
func forms(name, value string) string {
	inJSON, _ := json.Marshal(map[string]string{name: value}) // texts always marshal
	return strings.Join([]string{
		"Error: bad " + name + "=" + value, string(inJSON), url.QueryEscape(value), url.PathEscape(value),
		base64.StdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(name + ":" + value)),
		hex.EncodeToString([]byte(value)),
	}, " ")
}

// leak answers with all that the engine knows.
func (e *engine) leak(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20)) // what there is of it
	headers := map[string]string{}
	for name := range r.Header {
		headers[name] = forms(name, r.Header.Get(name))
	}
	answerJSON(w, http.StatusInternalServerError, map[string]any{
		"detail": "no model to serve", "headers": headers, "body": forms("body", string(body)), "variables": e.leaks,
	})
}
