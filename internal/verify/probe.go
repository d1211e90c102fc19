// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/engine-operator/engine-operator/internal/railway"
	"github.com/engine-operator/engine-operator/internal/railway/model"
	"github.com/engine-operator/engine-operator/internal/redact"
)

const (
	// maxAnswer is how much of an answer is read, in bytes; the rest is left.
	maxAnswer = 256 << 10
	// excerpt is how much of an answer a message shows, in bytes.
	excerpt = 120
	// startWindow is how long a deployment's start lasts, for its log.
	startWindow = 15 * time.Minute
	// logLines is how many lines a check of the log reads.
	logLines = 500
	// maxLine is how much of a line an expression sees, in bytes.
	maxLine = 4 << 10
)

// answer is what came back.
type answer struct {
	status   int
	headers  map[string]string
	body     string
	duration time.Duration
}

// prober looks at engines.
type prober struct {
	client *http.Client
	now    func() time.Time
}

func (p *prober) send(ctx context.Context, r Request) (*answer, error) {
	target, err := url.Parse("https://" + r.Host + r.Path)
	if err != nil || target.Host != r.Host {
		return nil, fmt.Errorf("https://%s%s is no address", r.Host, pathOnly(r.Path))
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, target.String(), strings.NewReader(r.Body))
	if err != nil {
		return nil, plainError(err)
	}
	request.Header.Set("User-Agent", "engine-operator")
	if r.Body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range r.Headers {
		request.Header.Set(name, value)
	}
	start := p.now()
	response, err := p.client.Do(request)
	if err != nil {
		return nil, plainError(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the answer: %w", plainError(err))
	}
	headers := make(map[string]string, len(response.Header))
	for name, values := range response.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ", ")
	}
	return &answer{status: response.StatusCode, headers: headers, body: string(body), duration: p.now().Sub(start)}, nil
}

// plainError says what went wrong without the address, which may hold a secret in its query, and in words that stay the same.
func plainError(err error) error {
	var inURL *url.Error
	if errors.As(err, &inURL) {
		err = inURL.Err
	}
	if errors.Is(err, errForbiddenAddress) {
		return errForbiddenAddress
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("no answer in time")
	}
	return err
}

// http sends one request and judges the answer.
func (p *prober) http(ctx context.Context, mask func(string) string, c Check) (string, error) {
	got, err := p.send(ctx, *c.HTTP)
	if err != nil {
		return "", err
	}
	found := fmt.Sprintf("%s %s answers %d", c.HTTP.Method, pathOnly(c.HTTP.Path), got.status)
	if err = c.judge(ctx, answerVariables(got)); err != nil {
		return "", fmt.Errorf("%s, %w; body: %q", found, err, redact.Cut(mask(got.body), excerpt))
	}
	return found, nil
}

// answerVariables are what an expression about an answer can name.
func answerVariables(a *answer) map[string]any {
	var decoded any
	if json.Unmarshal([]byte(a.body), &decoded) != nil {
		decoded = map[string]any{} // an expression that asks for json.x finds no such key
	}
	return map[string]any{
		"status": a.status, "headers": a.headers, "body": a.body, "json": decoded, "durationMs": a.duration.Milliseconds(),
	}
}

// pathOnly leaves out the query, which may hold a secret.
func pathOnly(path string) string {
	path, _, _ = strings.Cut(path, "?")
	return path
}

// head is the first bytes of a text, without half a character at its end.
func head(text string, size int) string {
	if len(text) <= size {
		return text
	}
	return strings.ToValidUTF8(text[:size], "")
}

// logs reads lines and judges them.
func (p *prober) logs(ctx context.Context, reader LogReader, c Check) (string, error) {
	query := model.LogQuery{Filter: c.Logs.Filter, Lines: logLines}
	if c.Logs.Start {
		query.Start, query.End = c.Logs.StartedAt, c.Logs.StartedAt.Add(startWindow)
	}
	lines, err := reader.Logs(ctx, c.Logs.DeploymentID, query)
	if err != nil {
		return "", unreadable(c.Logs.Filter, err)
	}
	list := make([]any, 0, len(lines))
	for _, line := range lines {
		list = append(list, map[string]any{
			"message": head(line.Message, maxLine), "severity": line.Severity, "structured": structured(line), "attributes": line.Attributes,
		})
	}
	if err := c.judge(ctx, map[string]any{"logs": list}); err != nil {
		return "", fmt.Errorf("%d log lines, %w", len(lines), err)
	}
	return "the log is as expected", nil
}

// unreadable is why a log cannot be judged. A filter that Railway refuses is the author's mistake; everything else may pass.
func unreadable(filter string, err error) error {
	if filter != "" && railway.ClassOf(err) == railway.Invalid {
		return &refused{fmt.Errorf("Railway refuses the filter: %w", err)} //nolint:staticcheck // a name
	}
	return &undecided{fmt.Errorf("Railway does not give the log: %w", err)} //nolint:staticcheck // a name
}

// structured reports whether a line is JSON with a time and a level, as it was written or as Railway has taken it apart: then
// it has more attributes than the level, which Railway gives to every line (railway-api.md, "Logs").
func structured(line model.LogLine) bool {
	if _, leveled := line.Attributes["level"]; leveled && len(line.Attributes) > 1 {
		return true
	}
	var object map[string]any
	if json.Unmarshal([]byte(line.Message), &object) != nil {
		return false
	}
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { _, ok := object[name]; return ok })
	}
	return has("timestamp", "time", "ts", "asctime", "@timestamp") && has("level", "severity", "levelname", "log.level")
}

// load sends requests side by side and judges the figures. A failed request counts under the code 0.
func (p *prober) load(ctx context.Context, c Check) (string, error) {
	f := p.hammer(ctx, c)
	if f.requests == 0 {
		return "", errors.New("no request was sent in time")
	}
	found := fmt.Sprintf("%d requests to %s: %s", f.requests, pathOnly(c.Load.Path), f.listCodes())
	err := c.judge(ctx, map[string]any{
		"requests": f.requests, "p50Ms": f.percentile(50), "p95Ms": f.percentile(95), "p99Ms": f.percentile(99),
		"errorRate": float64(f.failed) / float64(f.requests), "codes": f.codes,
	})
	if err != nil {
		return "", fmt.Errorf("%s, %w", found, err)
	}
	return found, nil
}

// figures of many requests.
type figures struct {
	requests, failed int
	codes            map[string]int
	durations        []time.Duration
}

func (p *prober) hammer(ctx context.Context, c Check) *figures {
	ctx, cancel := context.WithTimeout(ctx, c.Load.Duration)
	defer cancel()
	f := &figures{codes: map[string]int{}}
	turns := make(chan struct{}, c.Load.Requests)
	for range c.Load.Requests {
		turns <- struct{}{}
	}
	close(turns)
	var mu sync.Mutex
	var workers sync.WaitGroup
	for range c.Load.Concurrency {
		workers.Go(func() {
			for range turns {
				if ctx.Err() != nil {
					return
				}
				got, err := p.sendWithin(ctx, c)
				if err != nil && ctx.Err() != nil {
					return // cut off by the end, not failed
				}
				mu.Lock()
				f.count(got)
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return f
}

func (p *prober) sendWithin(ctx context.Context, c Check) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	return p.send(ctx, c.Load.Request)
}

// count adds an answer; nil is a request that got none. Server errors and missing answers are errors, refusals are not.
func (f *figures) count(got *answer) {
	f.requests++
	code := 0
	if got != nil {
		code = got.status
		f.durations = append(f.durations, got.duration)
	}
	if code == 0 || code >= http.StatusInternalServerError {
		f.failed++
	}
	f.codes[strconv.Itoa(code)]++
}

// percentile is the nearest-rank percentile of the durations, in milliseconds.
func (f *figures) percentile(rank int) int64 {
	if len(f.durations) == 0 {
		return 0
	}
	slices.Sort(f.durations)
	at := (rank*len(f.durations) + 99) / 100
	return f.durations[max(at, 1)-1].Milliseconds()
}

func (f *figures) listCodes() string {
	var parts []string
	for code, n := range f.codes {
		parts = append(parts, fmt.Sprintf("%s ×%d", code, n))
	}
	slices.Sort(parts)
	return strings.Join(parts, ", ")
}
