// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/engine-operator/engine-operator/internal/railway/model"
)

func clock() time.Time { return time.Now() }

// bench is a running Verifier with an engine and a log of the test's own.
type bench struct {
	t *testing.T
	*Verifier
	hits atomic.Int64
	mu   sync.Mutex
	// answer is the engine, lines its log, refuses why Railway does not give it.
	answer  http.HandlerFunc
	lines   []model.LogLine
	refuses error
	reads   int
	changed chan string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{t: t, answer: ok, changed: make(chan string, 1000)}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.hits.Add(1)
		b.mu.Lock()
		answer := b.answer
		b.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(server.Close)
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	b.Verifier = New(Options{
		Guard:      GuardOptions{ConnectTo: server.Listener.Addr().String(), RootCAs: roots},
		RetryPause: time.Millisecond, LogGrace: 200 * time.Millisecond, Changed: func(key string) { b.changed <- key },
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Start(ctx) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-done) })
	return b
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"status": "ok"}`)) }

func broken(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "no model", http.StatusInternalServerError)
}

func (b *bench) engine(answer http.HandlerFunc) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer = answer
}

func (b *bench) redact(text string) string { return strings.ReplaceAll(text, "s3cr3t", "(secret)") }

// Logs is the log.
func (b *bench) Logs(context.Context, string, model.LogQuery) ([]model.LogLine, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reads++
	return b.lines, b.refuses
}

func (b *bench) log(lines ...string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lines = nil
	for _, line := range lines {
		b.lines = append(b.lines, model.LogLine{Message: line})
	}
}

func expect(t *testing.T, kind Kind, text string) *Expectation {
	t.Helper()
	e, err := Compile(kind, text)
	require.NoError(t, err)
	return e
}

func (b *bench) health(change ...func(*Check)) Check {
	c := Check{
		Name: "health", Fingerprint: "1", HTTP: &Request{Method: "GET", Host: "example.com", Path: "/health?key=secret"},
		Expect: expect(b.t, KindHTTP, "status == 200"), Timeout: time.Second, Threshold: 1,
	}
	for _, f := range change {
		f(&c)
	}
	return c
}

func (b *bench) python() Check {
	return Check{
		Name: "python", Fingerprint: "1", Logs: &Logs{DeploymentID: "d", StartedAt: time.Now(), Start: true},
		Expect: expect(b.t, KindLogs, `logs.exists(l, l.message.contains("Python 3.13"))`), Timeout: time.Second, Threshold: 1,
	}
}

// until asks for the job until its first check has the outcome.
func (b *bench) until(job Job, want Outcome) Result {
	b.t.Helper()
	job.Logs, job.Redact = b, b.redact
	if job.Interval == 0 {
		job.Interval = time.Hour
	}
	var got Result
	require.Eventually(b.t, func() bool { got = b.Want("ns/dev", job).Results[0]; return got.Outcome == want }, 30*time.Second, time.Millisecond,
		"outcome %d", want)
	return got
}

func TestHTTPCheck(t *testing.T) {
	b := newBench(t)
	job := Job{Subject: "1", Checks: []Check{b.health()}}
	got := b.until(job, Passed)
	assert.Equal(t, "GET /health answers 200", got.Message, "without the query, which may hold a secret")
	assert.Equal(t, "ns/dev", <-b.changed, "the object is woken")

	b.engine(broken)
	time.Sleep(50 * time.Millisecond)
	assert.EqualValues(t, 1, b.hits.Load(), "the same job again sends nothing")
	job.Subject = "2"
	got = b.until(job, Failed)
	assert.Equal(t, `GET /health answers 500, want status == 200; body: "no model\n"`, got.Message)
}

// TestExcerptIsMaskedBeforeItIsCut holds that a secret that an engine echoes is masked although the excerpt ends in its middle.
func TestExcerptIsMaskedBeforeItIsCut(t *testing.T) {
	b := newBench(t)
	for lead := excerpt - 8; lead <= excerpt; lead++ {
		b.engine(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, strings.Repeat("x", lead)+"s3cr3t", http.StatusTeapot)
		})
		got := b.until(Job{Subject: fmt.Sprint(lead), Checks: []Check{b.health()}}, Failed)
		assert.NotContains(t, got.Message, "s3", lead)
	}
}

func TestOneLostPacketIsNoFailure(t *testing.T) {
	b := newBench(t)
	job := Job{Subject: "1", Checks: []Check{b.health(func(c *Check) { c.Retries = 1 })}}
	b.engine(func(w http.ResponseWriter, r *http.Request) {
		if b.hits.Load() == 1 {
			broken(w, r)
			return
		}
		ok(w, r)
	})
	b.until(job, Passed)
	assert.EqualValues(t, 2, b.hits.Load(), "the second attempt counts")
}

func TestFailureThreshold(t *testing.T) {
	b := newBench(t)
	job := Job{Subject: "1", Interval: 50 * time.Millisecond, Checks: []Check{b.health(func(c *Check) { c.Threshold = 3 })}}
	b.until(job, Passed)
	b.engine(broken)
	before := b.hits.Load()
	b.until(job, Failed)
	assert.EqualValues(t, 3, b.hits.Load()-before, "three runs in a row")

	fresh := Job{Subject: "2", Checks: job.Checks}
	before = b.hits.Load()
	b.until(fresh, Failed)
	assert.EqualValues(t, 1, b.hits.Load()-before, "what has never passed fails at once")
}

func TestLogCheck(t *testing.T) {
	b := newBench(t)
	job := Job{Subject: "1", Interval: 20 * time.Millisecond, Logs: b, Redact: b.redact, Checks: []Check{b.python(), func() Check {
		c := b.python()
		c.Name = "again"
		return c
	}()}}
	got := b.until(job, Pending)
	require.Eventually(t, func() bool {
		got = b.Want("ns/dev", job).Results[0]
		return strings.Contains(got.Message, "not in the log yet")
	},
		30*time.Second, time.Millisecond, "lines come late")
	b.log("Starting with Python 3.13.1")
	b.until(job, Passed)
	b.mu.Lock()
	reads := b.reads
	b.mu.Unlock()
	time.Sleep(100 * time.Millisecond)
	b.mu.Lock()
	assert.Equal(t, reads, b.reads, "the lines of the start stay as they are: they are not read again")
	b.mu.Unlock()

	b.log("Starting with Python 3.12")
	job.Subject = "2"
	b.until(job, Failed)
}

func TestChecksOfOneRunShareARead(t *testing.T) {
	b := newBench(t)
	b.log("Python 3.13")
	second := b.python()
	second.Name = "second"
	job := Job{Subject: "1", Checks: []Check{b.python(), second}}
	job.Checks[1].Logs = job.Checks[0].Logs
	b.until(job, Passed)
	b.mu.Lock()
	defer b.mu.Unlock()
	assert.Equal(t, 1, b.reads)
}

func TestUnreadableLogIsUndecided(t *testing.T) {
	b := newBench(t)
	b.refuses = errors.New("too many requests")
	job := Job{Subject: "1", Checks: []Check{b.python()}}
	require.Eventually(t, func() bool {
		return strings.Contains(b.Want("ns/dev", Job{Subject: "1", Checks: job.Checks, Interval: time.Hour, Logs: b, Redact: b.redact}).Results[0].Message, "Railway does not give the log")
	}, 30*time.Second, time.Millisecond)
	time.Sleep(300 * time.Millisecond)
	assert.Equal(t, Pending, b.until(job, Pending).Outcome, "nothing is known of the engine, however long it lasts")
}

func TestGentle(t *testing.T) {
	b := newBench(t)
	job := Job{Subject: "1", Interval: 10 * time.Millisecond, Gentle: true, Checks: []Check{b.health()}}
	b.until(job, Passed)
	time.Sleep(100 * time.Millisecond)
	assert.EqualValues(t, 1, b.hits.Load(), "an engine that is meant to sleep is left alone")
	job.Forced = "now"
	b.until(job, Passed)
	require.Eventually(t, func() bool { return b.hits.Load() == 2 }, 30*time.Second, time.Millisecond, "but on demand")

	job.Checks = []Check{b.health(func(c *Check) { c.Unavailable = sleeps })}
	assert.Equal(t, sleeps, b.until(job, Skipped).Message)
	time.Sleep(50 * time.Millisecond)
	assert.EqualValues(t, 2, b.hits.Load(), "not while it sleeps")
}

func TestLoad(t *testing.T) {
	b := newBench(t)
	load := func(expectation string, change ...func(*Load)) Check {
		l := &Load{Request: Request{Method: "POST", Host: "example.com", Path: "/work", Body: "{}"}, Requests: 40, Concurrency: 5, Duration: 5 * time.Second}
		for _, f := range change {
			f(l)
		}
		return Check{Name: "load", Fingerprint: fmt.Sprint(expectation, *l), Load: l, Expect: expect(t, KindLoad, expectation), Timeout: time.Second, Threshold: 1}
	}
	var n atomic.Int64
	b.engine(func(w http.ResponseWriter, r *http.Request) {
		switch n.Add(1) % 4 {
		case 0:
			w.WriteHeader(http.StatusTooManyRequests)
		case 1:
			broken(w, r)
		default:
			ok(w, r)
		}
	})
	got := b.until(Job{Subject: "1", Checks: []Check{load(`requests == 40 && codes["429"] == 10 && errorRate == 0.25 && p50Ms <= p95Ms && p95Ms <= p99Ms`)}}, Passed)
	assert.Equal(t, "40 requests to /work: 200 ×20, 429 ×10, 500 ×10", got.Message)
	assert.EqualValues(t, 40, b.hits.Load(), "no more than asked for")

	b.engine(func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-time.After(50 * time.Millisecond):
			ok(w, r)
		case <-r.Context().Done():
		}
	})
	before := time.Now()
	b.until(Job{Subject: "2", Checks: []Check{load(`requests < 1000`, func(l *Load) { l.Requests, l.Duration = 1000, 200*time.Millisecond })}}, Passed)
	assert.Less(t, time.Since(before), 2*time.Second, "it ends with its duration")
}

func TestStructured(t *testing.T) {
	for text, want := range map[string]bool{
		`{"timestamp":"2026","level":"info","message":"x"}`: true,
		`{"time":1,"severity":"INFO"}`:                      true,
		`{"message":"no time"}`:                             false,
		`plain text`:                                        false,
		`[1,2]`:                                             false,
	} {
		assert.Equal(t, want, structured(model.LogLine{Message: text}), text)
	}
	assert.True(t, structured(model.LogLine{Message: "x", Attributes: map[string]string{"level": "info", "logger": "engine"}}), "Railway took it apart")
	assert.False(t, structured(model.LogLine{Message: "x", Attributes: map[string]string{"level": "info"}}), "every line has a level on Railway")
}

func TestForget(t *testing.T) {
	b := newBench(t)
	job := Job{Subject: "1", Interval: 10 * time.Millisecond, Checks: []Check{b.health()}}
	b.until(job, Passed)
	b.Forget("ns/dev")
	time.Sleep(50 * time.Millisecond)
	before := b.hits.Load()
	time.Sleep(100 * time.Millisecond)
	assert.Equal(t, before, b.hits.Load())
}
