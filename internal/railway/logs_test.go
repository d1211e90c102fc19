// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

// logServer answers for each log asked for with a line that names it; wrong has what it answers for some instead.
func logServer(t *testing.T, wrong map[string]string) *server {
	t.Helper()
	return serve(t, func(w http.ResponseWriter, r *http.Request) {
		var asked struct {
			OperationName string
			Variables     map[string]any
		}
		body, _ := io.ReadAll(r.Body)
		require.NoError(t, json.Unmarshal(body, &asked))
		var data, problems []string
		for name, value := range asked.Variables {
			number, is := strings.CutPrefix(name, "deploymentId")
			if !is {
				continue
			}
			id, field := fmt.Sprint(value), "deploymentLogs"+number
			if problem := wrong[id]; problem != "" {
				problems = append(problems, fmt.Sprintf(`{"message":%q,"path":[%q]}`, problem, field))
				continue
			}
			data = append(data, fmt.Sprintf(`%q:[{"timestamp":"2026-11-27T12:00:00Z","severity":"info","message":%q,"attributes":[]}]`, field,
				"line of "+id+" "+fmt.Sprint(asked.Variables["filter"+number])))
		}
		if len(problems) > 0 { // a list that cannot be null takes all the data with it
			_, _ = fmt.Fprintf(w, `{"data":null,"errors":[%s]}`, strings.Join(problems, ","))
			return
		}
		_, _ = fmt.Fprintf(w, `{"data":{%s}}`, strings.Join(data, ","))
	})
}

// readMany reads n logs at once and returns their answers.
func readMany(ctx context.Context, c *Client, n int, lines int) (messages []string, errs []error) {
	messages, errs = make([]string, n), make([]error, n)
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			found, err := c.Logs(ctx, fmt.Sprint("d", i), model.LogQuery{Filter: fmt.Sprint("f", i), Lines: lines})
			if errs[i] = err; err == nil && len(found) == 1 {
				messages[i] = found[0].Message
			}
		})
	}
	group.Wait()
	return messages, errs
}

func TestLogsShareARequest(t *testing.T) {
	for _, tt := range []struct {
		reason             string
		logs, lines, asked int
	}{
		{"one by itself", 1, 100, 1},
		{"a request takes ten", 25, 100, 3},
		{"a request asks for 5,000 lines at most", 4, 2000, 2},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			s := logServer(t, nil)
			messages, errs := readMany(t.Context(), s.client(t, nil), tt.logs, tt.lines)
			for i := range tt.logs {
				require.NoError(t, errs[i])
				assert.Equal(t, fmt.Sprintf("line of d%d f%d", i, i), messages[i], "each gets its own")
			}
			assert.Equal(t, tt.asked, s.count())
		})
	}
}

// TestALogThatFailsFailsAlone: what is wrong with one log says nothing about the others.
func TestALogThatFailsFailsAlone(t *testing.T) {
	s := logServer(t, map[string]string{"d2": "Deployment not found"})
	messages, errs := readMany(t.Context(), s.client(t, nil), 5, 100)
	for i := range 5 {
		if i == 2 {
			assert.Equal(t, NotFound, ClassOf(errs[i]))
			continue
		}
		require.NoError(t, errs[i])
		assert.Equal(t, fmt.Sprintf("line of d%d f%d", i, i), messages[i])
	}
	assert.Equal(t, 2, s.count(), "the others once more, together")
}

func TestLogsThatFailTogether(t *testing.T) {
	for _, tt := range []struct {
		reason string
		answer http.HandlerFunc
		class  Class
		most   int
	}{
		{"a rate limit is everybody's", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(http.StatusTooManyRequests)
		}, RateLimited, 1},
		{"an outage is Railway's", answerWith(http.StatusBadGateway, "<html>"), Transient, 1},
		{"what Railway refuses without a reason may be too much at once", answerWith(200, `{"errors":[{"message":"Problem processing request"}]}`), Transient, 5},
		{"Not Authorized may be about one of them", answerWith(200, `{"errors":[{"message":"Not Authorized"}]}`), Unauthorized, 5},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			s := serve(t, tt.answer)
			_, errs := readMany(t.Context(), s.client(t, nil), 4, 100)
			for _, err := range errs {
				assert.Equal(t, tt.class, ClassOf(err))
			}
			assert.LessOrEqual(t, s.count(), tt.most)
		})
	}
}

// TestLogsEndWithWhoWaits: one who leaves ends nothing for the others, and the request ends with the last.
func TestLogsEndWithWhoWaits(t *testing.T) {
	asked, ended := make(chan struct{}), make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
		close(ended)
	})
	c := s.client(t, nil)
	first, leave := context.WithCancel(t.Context())
	second, leaveToo := context.WithCancel(t.Context())
	errs := make(chan error, 2)
	for _, ctx := range []context.Context{first, second} {
		go func() {
			_, err := c.Logs(ctx, "d1", model.LogQuery{Lines: 1})
			errs <- err
		}()
	}
	<-asked
	leave()
	assert.ErrorIs(t, <-errs, context.Canceled)
	select {
	case <-ended:
		t.Fatal("somebody waits still")
	case <-time.After(50 * time.Millisecond):
	}
	leaveToo()
	assert.ErrorIs(t, <-errs, context.Canceled)
	<-ended
}

// TestALogThatHangsHangsAlone: the others are read before those who wait for them give up.
func TestALogThatHangsHangsAlone(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var asked struct{ Variables map[string]any }
		body, _ := io.ReadAll(r.Body)
		_ = json.Unmarshal(body, &asked)
		var data []string
		for name, id := range asked.Variables {
			number, is := strings.CutPrefix(name, "deploymentId")
			if !is {
				continue
			}
			if id == "d0" {
				<-r.Context().Done()
				return
			}
			data = append(data, fmt.Sprintf(`"deploymentLogs%s":[{"timestamp":"2026-11-27T12:00:00Z","severity":"info","message":"line of %s","attributes":[]}]`, number, id))
		}
		_, _ = fmt.Fprintf(w, `{"data":{%s}}`, strings.Join(data, ","))
	})
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	messages, errs := readMany(ctx, s.client(t, nil), 4, 100)
	require.Error(t, errs[0])
	for i := 1; i < 4; i++ {
		require.NoError(t, errs[i])
		assert.Equal(t, fmt.Sprint("line of d", i), messages[i])
	}
}
