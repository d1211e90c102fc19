// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/Khan/genqlient/graphql"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
)

// operationBatch reads many environments in one request. Its text is made of that of ReadEnvironment, so that the fields of a read
// stand in one place and are checked against Railway's schema there.
const operationBatch = "ReadEnvironments"

// single is ReadEnvironment taken apart: the fields of the query, and the fragments behind it.
var single = func() (s struct{ fields, fragments string }) {
	_, body, _ := strings.Cut(gql.ReadEnvironment_Operation, "{\n")
	s.fields, s.fragments, _ = strings.Cut(body, "\n}\n")
	return s
}()

var (
	// rootField is the name of a root field at the start of its line.
	rootField = regexp.MustCompile(`(?m)^\t(\w+)`)
	// variable is a variable of ReadEnvironment.
	variable = regexp.MustCompile(`\$(projectId|environmentId)\b`)
)

// alias is what a root field of ReadEnvironment is called for the nth environment of a batch.
func alias(field string, n int) string { return field + "_" + strconv.Itoa(n) }

// aliased returns which environment of a batch an alias belongs to.
func aliased(name string) (n int, ok bool) {
	_, number, _ := strings.Cut(name, "_")
	n, err := strconv.Atoi(number)
	return n, err == nil
}

// batchRequest asks for the environments in one request: each root field once per environment, under an alias.
func batchRequest(refs []environmentRef) *graphql.Request {
	var parameters, fields strings.Builder
	variables := map[string]string{}
	for i, ref := range refs {
		n := strconv.Itoa(i)
		fmt.Fprintf(&parameters, "$projectId_%s: String!, $environmentId_%s: String!, ", n, n)
		variables["projectId_"+n], variables["environmentId_"+n] = ref.ProjectID, ref.EnvironmentID
		own := rootField.ReplaceAllString(single.fields, "\t${1}_"+n+": $1")
		fields.WriteString(variable.ReplaceAllString(own, "$$${1}_"+n))
		fields.WriteByte('\n')
	}
	query := "query " + operationBatch + "(" + strings.TrimSuffix(parameters.String(), ", ") + ") {\n" + fields.String() + "}\n" + single.fragments
	return &graphql.Request{OpName: operationBatch, Query: query, Variables: variables}
}

// environmentRef names an environment to read.
type environmentRef struct{ ProjectID, EnvironmentID string }

// singleRequest asks for one environment.
func singleRequest(ref environmentRef) *graphql.Request {
	return &graphql.Request{
		OpName: "ReadEnvironment", Query: gql.ReadEnvironment_Operation,
		Variables: map[string]string{"projectId": ref.ProjectID, "environmentId": ref.EnvironmentID},
	}
}

// fields is the answer to a batch: the data of its root fields by alias, and what Railway says went wrong with single ones, by the
// number of the environment.
type fields struct {
	data  map[string]json.RawMessage
	wrong map[int]error
}

// readFields sends a query and leaves its root fields undecoded. Errors whose path names an alias of the batch are put down to that
// environment; the error that is returned concerns the request as a whole.
func (s *sender) readFields(ctx context.Context, request *graphql.Request, batch int) (fields, error) {
	r, err := s.send(ctx, request)
	if err != nil {
		return fields{}, err
	}
	named := r.takeNamed(batch)
	var answered fields
	r.decode(&answered.data)
	v := classify(r.answer)
	if len(named) > 0 && len(r.errors) == 0 && r.cause == nil && r.status == http.StatusOK { // data is null when a field that cannot be null failed
		v = verdict{}
	}
	counted := v
	for n, problems := range named {
		own := r
		own.errors = problems
		judged := classify(own.answer)
		if answered.wrong == nil {
			answered.wrong = map[int]error{}
		}
		answered.wrong[n] = s.failure(request, own, judged)
		if counted.class == None {
			counted = judged
		}
	}
	s.account(request.OpName, counted, r)
	return answered, s.failure(request, r, v)
}

// takeNamed takes out the errors that concern one environment of a batch of that size, by its number. A rate limit concerns all.
func (r *reply) takeNamed(batch int) map[int][]problem {
	named := map[int][]problem{}
	r.errors = slices.DeleteFunc(r.errors, func(p problem) bool {
		if len(p.Path) == 0 {
			return false
		}
		name, _ := p.Path[0].(string)
		n, ok := aliased(name)
		if class, _ := classOfProblem(p); !ok || n < 0 || n >= batch || class == RateLimited {
			return false
		}
		named[n] = append(named[n], p)
		return true
	})
	return named
}

// heavy reports an answer that a request for less might not have got: it took too long or was too large, or Railway refused the request
// without naming a field (railway-api.md, "Rate limits").
func (a answer) heavy() bool {
	switch {
	case a.mutation:
		return false
	case errors.Is(a.cause, context.DeadlineExceeded), errors.Is(a.cause, errTooLarge):
		return true
	case a.status == http.StatusBadRequest, a.status == http.StatusRequestEntityTooLarge, a.status == http.StatusGatewayTimeout:
		return true
	default:
		return slices.ContainsFunc(a.errors, func(p problem) bool {
			class, _ := classOfProblem(p)
			return class == Internal || strings.Contains(strings.ToLower(p.Message), "problem processing request")
		})
	}
}
