// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/Khan/genqlient/graphql"

	"github.com/engine-operator/engine-operator/internal/railway/gql"
)

// operationBatch reads many environments in one request, operationLogsBatch many logs. Their texts are made of those of ReadEnvironment
// and ReadLogs, so that the fields of a read stand in one place and are checked against Railway's schema there.
const (
	operationBatch     = "ReadEnvironments"
	operationLogsBatch = "ReadManyLogs"
)

var (
	singleEnvironment = takeApart(operationBatch, gql.ReadEnvironment_Operation)
	singleLogs        = takeApart(operationLogsBatch, gql.ReadLogs_Operation)
)

// operation is a query taken apart: its parameters, the fields of the query, and the fragments behind it.
type operation struct {
	// name is that of a batch.
	name              string
	parameters        []parameter
	fields, fragments string
	// texts are the queries of batches by their size, a few dozen at most: each is sent again and again.
	texts sync.Map
}

// parameter is a variable of a query, and its type.
type parameter struct{ name, kind string }

var (
	// rootField is the name of a root field at the start of its line.
	rootField = regexp.MustCompile(`(?m)^\t(\w+)`)
	// variable is where a query uses one, declared where it declares one.
	variable = regexp.MustCompile(`\$(\w+)`)
	declared = regexp.MustCompile(`\$(\w+): ([\w!\[\]]+)`)
)

func takeApart(name, text string) *operation {
	o := &operation{name: name}
	head, body, _ := strings.Cut(text, "{\n")
	o.fields, o.fragments, _ = strings.Cut(body, "\n}\n")
	for _, found := range declared.FindAllStringSubmatch(head, -1) {
		o.parameters = append(o.parameters, parameter{found[1], found[2]})
	}
	return o
}

// alias is what a root field is called for the nth member of a batch.
func alias(field string, n int) string { return field + "_" + strconv.Itoa(n) }

// aliased returns which member of a batch an alias belongs to.
func aliased(name string) (n int, ok bool) {
	_, number, _ := strings.Cut(name, "_")
	n, err := strconv.Atoi(number)
	return n, err == nil
}

// batch asks all of it in one request: each root field once per member, under an alias. A variable that a member does not name is left
// out.
func (o *operation) batch(members []map[string]any) *graphql.Request {
	variables := make(map[string]any, len(members)*len(o.parameters))
	for i, member := range members {
		for _, p := range o.parameters {
			if value, set := member[p.name]; set {
				variables[alias(p.name, i)] = value
			}
		}
	}
	return &graphql.Request{OpName: o.name, Query: o.text(len(members)), Variables: variables}
}

// text is the query of a batch of that size.
func (o *operation) text(size int) string {
	if known, ok := o.texts.Load(size); ok {
		return known.(string) //nolint:forcetypeassert // it holds nothing else
	}
	var parameters []string
	var fields strings.Builder
	for i := range size {
		for _, p := range o.parameters {
			parameters = append(parameters, "$"+alias(p.name, i)+": "+p.kind)
		}
		own := rootField.ReplaceAllString(o.fields, "\t${1}_"+strconv.Itoa(i)+": $1")
		fields.WriteString(variable.ReplaceAllString(own, "$$${1}_"+strconv.Itoa(i)))
		fields.WriteByte('\n')
	}
	text := "query " + o.name + "(" + strings.Join(parameters, ", ") + ") {\n" + fields.String() + "}\n" + o.fragments
	o.texts.Store(size, text)
	return text
}

// batchRequest asks for the environments in one request.
func batchRequest(refs []environmentRef) *graphql.Request {
	members := make([]map[string]any, len(refs))
	for i, ref := range refs {
		members[i] = map[string]any{"projectId": ref.ProjectID, "environmentId": ref.EnvironmentID}
	}
	return singleEnvironment.batch(members)
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
// number of the member.
type fields struct {
	data  map[string]json.RawMessage
	wrong map[int]error
}

// unauthorized returns the error of a member that Railway refused to show, nil when there is none.
func (f fields) unauthorized() error {
	for _, err := range f.wrong {
		if ClassOf(err) == Unauthorized {
			return err
		}
	}
	return nil
}

// readFields sends a query and leaves its root fields undecoded. Errors whose path names an alias of the batch are put down to that
// member; the error that is returned concerns the request as a whole.
func (s *sender) readFields(ctx context.Context, request *graphql.Request, batch int) (fields, error) {
	r, err := s.send(ctx, request, (*reply).parseFields)
	if err != nil {
		return fields{}, err
	}
	named := r.takeNamed(batch)
	var answered fields
	if r.whole() {
		answered.data = r.fields
	}
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

// takeNamed takes out the errors that concern one member of a batch of that size, by its number. A rate limit concerns all. What is
// bearable is none: where the data is missing it is another error's fault.
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
		if !p.bearable() {
			named[n] = append(named[n], p)
		}
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
