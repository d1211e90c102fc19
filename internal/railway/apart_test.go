// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railway

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
)

// followAll follows that many environments, e0 and on.
func (f *fixture) followAll(n int) {
	for i := range n {
		f.Follow(fmt.Sprint("ns/", i), f.target(fmt.Sprint("e", i)))
	}
}

// apart counts the environments that are read alone.
func (f *fixture) apart() int {
	f.Watch.mu.Lock()
	defer f.Watch.mu.Unlock()
	n := 0
	for _, one := range f.Watch.followers {
		if one.apart {
			n++
		}
	}
	return n
}

// before lets a function answer requests; where it returns nil, the one that was there does.
func (f *fixture) before(answer func(body string) *http.Response) {
	inner := f.pool.wire.http.Transport
	f.pool.wire.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if own := answer(string(body)); own != nil {
			return own, nil
		}
		return inner.RoundTrip(r)
	})
}

func answering(body string) *http.Response {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// TestBatchesGrowAgain: after an outage in which every request took too long, environments are read together again.
func TestBatchesGrowAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := watching(t)
		f.followAll(40)
		time.Sleep(10 * time.Minute)
		f.world.set(func(w *world) { w.status = http.StatusGatewayTimeout })
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		c := f.target("e0").Client
		assert.Equal(t, 1, c.batch.now(), "nothing less is refused")
		f.world.set(func(w *world) { w.status = http.StatusOK })
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		assert.GreaterOrEqual(t, c.batch.now(), 40)
		since := len(f.world.sizes(0))
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		assert.Equal(t, 40, slices.Max(f.world.sizes(since)))
	})
}

// TestManyInvisibleEnvironmentsStarveNobody: each is read alone, in its turn and within the budget.
func TestManyInvisibleEnvironmentsStarveNobody(t *testing.T) {
	const all, limit = 200, 2000
	for _, invisible := range []int{60, 140} {
		synctest.Test(t, func(t *testing.T) {
			f := watching(t)
			var mu sync.Mutex
			used, most, hour := 0, 0, time.Now()
			inner := f.pool.wire.http.Transport
			f.pool.wire.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
				response, err := inner.RoundTrip(r)
				mu.Lock()
				defer mu.Unlock()
				if time.Since(hour) >= time.Hour {
					hour, used = hour.Add(time.Hour), 0
				}
				used++
				most = max(most, used)
				if err == nil {
					response.Header = http.Header{}
					response.Header.Set("X-RateLimit-Limit", fmt.Sprint(limit))
					response.Header.Set("X-RateLimit-Remaining", fmt.Sprint(max(0, limit-used)))
					response.Header.Set("X-RateLimit-Reset", hour.Add(time.Hour).UTC().Format(time.RFC3339))
				}
				return response, err
			})
			f.followAll(all)
			time.Sleep(20 * time.Minute)
			f.world.set(func(w *world) {
				for i := range invisible {
					w.refuses[fmt.Sprint("e", i)] = true
				}
			})
			oldest := time.Duration(0)
			for range 360 {
				time.Sleep(10 * time.Second)
				for i := invisible; i < all; i += 7 {
					snapshot, _ := f.Latest(fmt.Sprint("ns/", i))
					oldest = max(oldest, time.Since(snapshot.ReadAt))
				}
			}
			stretched := f.target("e0").Client.Budget().Stretch(time.Minute)
			assert.Less(t, oldest, 2*stretched+2*time.Minute, "%d of %d are invisible; in force: %s", invisible, all, stretched)
			assert.Less(t, stretched, 8*time.Minute)
			mu.Lock()
			defer mu.Unlock()
			assert.Less(t, most, limit, "the hour's limit is not used up")
		})
	}
}

// TestARefusedTokenSetsNobodyApart: Railway refuses the token, whether it names a field or not. A request for many stays one.
func TestARefusedTokenSetsNobodyApart(t *testing.T) {
	const all = 100
	for reason, path := range map[string]string{
		"without a path": "", "with the path of a field": "environment", "and does not say so of the token itself": "unasked",
	} {
		synctest.Test(t, func(t *testing.T) {
			f := watching(t)
			var requests atomic.Int64
			var revoked atomic.Bool
			f.before(func(body string) *http.Response {
				if !revoked.Load() {
					return nil
				}
				requests.Add(1)
				at := ""
				switch {
				case path == "":
				case strings.Contains(body, "environmentId_0"):
					at = `,"path":["environment_0"]`
				case strings.Contains(body, "environmentId"):
					at = `,"path":["environment"]`
				case path == "unasked":
					return &http.Response{StatusCode: http.StatusServiceUnavailable, Header: http.Header{}, Body: http.NoBody}
				}
				return answering(`{"errors":[{"message":"Not Authorized"` + at + `}],"data":null}`)
			})
			f.followAll(all)
			time.Sleep(10 * time.Minute)
			synctest.Wait()
			revoked.Store(true)
			time.Sleep(time.Hour)
			synctest.Wait()
			assert.Zero(t, f.apart(), reason)
			assert.Less(t, requests.Load(), int64(3*all), "%s: in an hour of 60 polls each", reason)
		})
	}
}

// TestAForksSourceIsNotTheForksError: that it may not be seen is no error of the fork, also where another environment's takes the data of all.
func TestAForksSourceIsNotTheForksError(t *testing.T) {
	c, w := readingClient(t, 3)
	c.gql.wire.http.Transport = roundTripper(func(r *http.Request) (*http.Response, error) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		if strings.Contains(string(body), `"environmentId_2"`) {
			return answering(`{"errors":[{"message":"Not Authorized","path":["environment_0","sourceEnvironment"]},` +
				`{"message":"Not Authorized","path":["environment_1"]}],"data":null}`), nil
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		return w.RoundTrip(r)
	})
	outcomes := readOutcomes(t, c, wantsOf(3))
	for i, want := range []Class{None, Unauthorized, None} {
		assert.Equal(t, want, ClassOf(outcomes[i].err), "environment %d", i)
	}
}
