// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/engine-operator/engine-operator/internal/railwaysim/graphql"
)

// maxRequest bounds a request's body, in bytes.
const maxRequest = 16 << 20

// Handler serves the GraphQL API under /graphql/v2 and the console under /_sim/.
func (s *Sim) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /graphql/v2", s.serveGraphQL)
	s.addConsole(mux)
	return mux
}

// response is an answer's body.
type response struct {
	Data   any              `json:"data"`
	Errors []*graphql.Error `json:"errors,omitempty"`
}

// refusal makes an answer of one error.
func refusal(code, message string) response {
	return response{Errors: []*graphql.Error{{Message: message, Extensions: map[string]any{"code": code}}}}
}

func (s *Sim) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	arrived := s.now()
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return
	}
	var b graphql.Request
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&b); err != nil {
		http.Error(w, `{"errors":[{"message":"Bad Request"}]}`, http.StatusBadRequest)
		return
	}
	x := &exchange{s: s, w: w, r: r, request: Request{Time: arrived}}
	x.serve(b)
}

// exchange is one request and its answer.
type exchange struct {
	s       *Sim
	w       http.ResponseWriter
	r       *http.Request
	request Request
	fault   *Fault
}

func (x *exchange) serve(r graphql.Request) {
	operation, problems := x.s.schema.Prepare(r)
	t := x.authenticate()
	x.note(r, operation, t)
	x.fault = x.s.takeFault(x.request)
	if t != nil && !x.s.spend(t, x.request.Time, x.w.Header()) {
		x.finish(http.StatusTooManyRequests, "rate limited")
		http.Error(x.w, `{"errors":[{"message":"Too Many Requests","extensions":{"code":"RATE_LIMITED"}}]}`, http.StatusTooManyRequests)
		return
	}
	if x.request.Kind == "query" {
		time.Sleep(time.Duration(x.s.readLatency.Load()))
	}
	if x.failBefore() {
		return
	}
	var answer response
	switch {
	case len(problems) > 0:
		answer = response{Errors: problems}
		message := problems[0].Message
		if !strings.HasPrefix(message, "Cannot query field") {
			message = "the request does not fit the schema" // the full text may echo a value
		}
		x.finish(graphql.Status(nil, problems), message)
	case t == nil && !operation.Introspects():
		answer = refusal("INTERNAL_SERVER_ERROR", x.stranger())
		x.finish(http.StatusOK, x.stranger())
	case x.s.tooWide(operation):
		answer = refusal("INTERNAL_SERVER_ERROR", "Problem processing request")
		x.finish(http.StatusOK, "too wide")
	default:
		answer = x.apply(operation, t)
	}
	x.intercept(PhaseAfter)
	x.answer(answer)
}

// authenticate finds the token by the header of its kind (railway-api.md, "Tokens").
func (x *exchange) authenticate() *token {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if value := x.r.Header.Get("Project-Access-Token"); value != "" {
		if t := x.s.world.Tokens[value]; t != nil && t.Kind == tokenProject {
			return t
		}
	}
	if value, ok := strings.CutPrefix(x.r.Header.Get("Authorization"), "Bearer "); ok {
		if t := x.s.world.Tokens[value]; t != nil && t.Kind != tokenProject {
			return t
		}
	}
	return nil
}

// stranger is what Railway answers to a bad token (railway-api.md, "Errors").
func (x *exchange) stranger() string {
	if x.r.Header.Get("Project-Access-Token") != "" {
		return "Project Token not found"
	}
	return "Not Authorized"
}

// apply executes the operation under the lock.
// The log has the request before anyone can see what it did.
func (x *exchange) apply(operation *graphql.Operation, t *token) response {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if t == nil {
		t = &token{Kind: "none"}
	}
	c := call{s: x.s, token: t, view: x.s.view(t, x.fault), fault: x.fault}
	data, problems := operation.Execute(c.resolve)
	answer := response{Data: data, Errors: problems}
	if raw, err := json.Marshal(data); err == nil && data != nil { // the world may change once the lock is free
		answer.Data = json.RawMessage(raw)
	}
	message := ""
	if len(problems) > 0 {
		message = problems[0].Message
	}
	x.record(graphql.Status(data, problems), answer.Data, message)
	return answer
}

// resolve answers a root field.
func (c call) resolve(kind, field string, args map[string]any) (any, error) {
	if kind == "mutation" {
		change, ok := mutations[field]
		if !ok {
			return nil, refused("not simulated: Mutation.%s", field)
		}
		defer c.s.remember()
		return change(c, args)
	}
	read, ok := queries[field]
	if !ok {
		return nil, refused("not simulated: Query.%s", field)
	}
	if field == "environment" && c.fault.spoils(argText(args, "id")) {
		return nil, c.fault.refused("")
	}
	return read(c, args)
}

// answer writes the response, or what the fault makes of it.
func (x *exchange) answer(answer response) {
	raw, err := json.Marshal(answer)
	if err != nil {
		http.Error(x.w, "Internal Server Error", http.StatusInternalServerError)
		return
	}
	x.w.Header().Set("Content-Type", "application/json; charset=utf-8")
	x.w.Header().Set("X-Request-Id", deterministic("request", strconv.Itoa(x.request.Seq)))
	if x.failAfter(raw) {
		return
	}
	x.w.WriteHeader(graphql.Status(answer.Data, answer.Errors))
	_, _ = x.w.Write(raw)
}
