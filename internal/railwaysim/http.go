// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
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

type body struct {
	Query         string         `json:"query"`
	Variables     map[string]any `json:"variables"`
	OperationName string         `json:"operationName"`
}

type response struct {
	Data   any            `json:"data"`
	Errors []*answerError `json:"errors,omitempty"`
}

// answerError is an error in Railway's form (FACTS §1.3).
type answerError struct {
	Message    string         `json:"message"`
	Path       ast.Path       `json:"path,omitempty"`
	Extensions map[string]any `json:"extensions,omitempty"`
	TraceID    string         `json:"traceId,omitempty"`
}

func (s *Sim) serveGraphQL(w http.ResponseWriter, r *http.Request) {
	raw, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, "Bad Request", http.StatusBadRequest)
		return
	}
	var b body
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&b); err != nil {
		http.Error(w, `{"errors":[{"message":"Bad Request"}]}`, http.StatusBadRequest)
		return
	}
	x := &exchange{s: s, w: w, r: r}
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

func (x *exchange) serve(b body) {
	operation, variables, problems := x.parse(b)
	t := x.authenticate()
	x.note(b, operation, variables, t)
	x.fault = x.s.takeFault(x.request)
	if t != nil && !x.s.spend(t, x.w.Header()) {
		x.finish(http.StatusTooManyRequests, "rate limited")
		http.Error(x.w, `{"errors":[{"message":"Too Many Requests","extensions":{"code":"RATE_LIMITED"}}]}`, http.StatusTooManyRequests)
		return
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
		x.finish(http.StatusOK, message)
	case t == nil && !introspects(operation):
		answer = response{Errors: []*answerError{{Message: x.stranger(), Extensions: map[string]any{"code": "INTERNAL_SERVER_ERROR"}}}}
		x.finish(http.StatusOK, x.stranger())
	default:
		answer = x.apply(operation, variables, t)
	}
	x.intercept(PhaseAfter)
	x.answer(answer)
}

// parse validates the operation against the schema, as the real API does.
func (x *exchange) parse(b body) (*ast.OperationDefinition, map[string]any, []*answerError) {
	//nolint:staticcheck // the replacement takes the same rules one by one
	document, list := gqlparser.LoadQuery(x.s.schema, b.Query)
	if len(list) > 0 {
		return nil, nil, invalid(list)
	}
	operation := document.Operations.ForName(b.OperationName)
	if operation == nil {
		return nil, nil, []*answerError{{Message: "Unknown operation", Extensions: map[string]any{"code": "GRAPHQL_VALIDATION_FAILED"}}}
	}
	variables, err := validator.VariableValues(x.s.schema, operation, b.Variables)
	if err != nil {
		var problem *gqlerror.Error
		if !errors.As(err, &problem) {
			problem = &gqlerror.Error{Message: err.Error()}
		}
		return operation, nil, []*answerError{{Message: problem.Message, Extensions: map[string]any{"code": "BAD_USER_INPUT"}}}
	}
	return operation, variables, nil
}

func invalid(list gqlerror.List) []*answerError {
	problems := make([]*answerError, 0, len(list))
	for _, problem := range list {
		problems = append(problems, &answerError{Message: problem.Message, Extensions: map[string]any{"code": "GRAPHQL_VALIDATION_FAILED"}})
	}
	return problems
}

// authenticate finds the token by the header of its kind (FACTS §1.2).
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

// stranger is what Railway answers to a bad token (FACTS §1.3).
func (x *exchange) stranger() string {
	if x.r.Header.Get("Project-Access-Token") != "" {
		return "Project Token not found"
	}
	return "Not Authorized"
}

func introspects(operation *ast.OperationDefinition) bool {
	return !slices.ContainsFunc(rootFields(operation), func(field *ast.Field) bool { return !strings.HasPrefix(field.Name, "__") })
}

// apply executes the operation under the lock.
// The log has the request before anyone can see what it did.
func (x *exchange) apply(operation *ast.OperationDefinition, variables map[string]any, t *token) response {
	x.s.mu.Lock()
	defer x.s.mu.Unlock()
	if t == nil {
		t = &token{Kind: "none"}
	}
	c := call{s: x.s, token: t, view: x.s.view(t), fault: x.fault}
	run := &execution{schema: x.s.schema, operation: operation, variables: variables}
	data := run.run(func(field *ast.Field, args map[string]any) (any, error) {
		if operation.Operation == ast.Mutation {
			resolve, ok := mutations[field.Name]
			if !ok {
				return nil, refused("not simulated: Mutation.%s", field.Name)
			}
			defer x.s.remember()
			return resolve(c, args)
		}
		resolve, ok := queries[field.Name]
		if !ok {
			return nil, refused("not simulated: Query.%s", field.Name)
		}
		return resolve(c, args)
	})
	answer := response{Data: data}
	for _, problem := range run.errors {
		answer.Errors = append(answer.Errors, &answerError{Message: problem.Message, Path: problem.Path, Extensions: problem.Extensions})
	}
	if raw, err := json.Marshal(data); err == nil { // the world may change once the lock is free
		answer.Data = json.RawMessage(raw)
	}
	message := ""
	if len(answer.Errors) > 0 {
		message = answer.Errors[0].Message
	}
	x.record(http.StatusOK, answer.Data, message)
	return answer
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
	_, _ = x.w.Write(raw)
}
