// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"context"
	"fmt"
	"maps"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// mayAllocate is what one evaluation may allocate, in bytes.
const mayAllocate = 64 << 20

// mayTake is how much of a processor's time one evaluation may take: ten times what a regular expression takes that does all the work
// that the meter allows, on this machine and in this build; without the race detector that is about a second. No clock on the wall is
// asked: the race detector, a fuzzer's instrumentation and other processes slow both down.
var mayTake = sync.OnceValue(func() time.Duration {
	const expression = `body.matches("(\\pL?){40}z")`
	compiled, err := Compile(KindHTTP, expression)
	if err != nil {
		panic(err)
	}
	length := 0
	for _, p := range compiled.patterns {
		length = maxWork / p.size * 9 / 10
	}
	found := variables(KindHTTP, strings.Repeat("a", length))
	return 10 * processorTime(func() {
		if _, err = compiled.holds(context.Background(), found); err != nil {
			panic(err) // it is one operation, and affordable
		}
	})
})

// chain repeats a step of an expression.
func chain(start, step, end string, times int) string {
	return start + strings.Repeat(step, times) + end
}

// wide is a list of 50 lists of 50 lists of 50 lists of 50 of the same thing.
var wide = chain(`[json]`, `.map(a, [`+strings.TrimSuffix(strings.Repeat("a,", 50), ",")+`])`, ``, 4)

// hostile are expressions that somebody could write to stop the operator. Those that name body, json and headers are about an
// answer, those that name logs about a log.
var hostile = map[string]string{
	"doubled text":             chain(`["xxxxxxxxxxxxxxxx"]`, `.map(a, a + a)`, `.size() > 0`, 60),
	"doubled body":             chain(`[body]`, `.map(a, a + a)`, `.size() > 0`, 60),
	"doubled list":             chain(`[[1]]`, `.map(a, a + a)`, `[0].size() > 0`, 60),
	"doubled dyn list":         chain(`[dyn([1])]`, `.map(a, a + a)`, `[0].size() > 0`, 60),
	"list of itself, compared": chain(`[json]`, `.map(a, [a, a])`, ``, 50) + ` == ` + chain(`[json]`, `.map(b, [b, b])`, ``, 50),
	"list of itself, unequal":  chain(`[json]`, `.map(a, [a, a])`, ``, 50) + ` != [[1]]`,
	"list of itself, sought":   `json in ` + chain(`[json]`, `.map(a, [a, a])`, ``, 50),
	"map of itself, compared":  chain(`[json]`, `.map(a, {"a": a, "b": a})`, ``, 4) + ` == ` + chain(`[json]`, `.map(b, {"a": b, "b": b})`, ``, 4),
	"wide list, four loops":    wide + ` == ` + wide,
	"wide list of itself":      chain(`[json]`, `.map(a, [a,a,a,a,a,a,a,a,a,a,a,a])`, ``, 20) + ` == ` + chain(`[json]`, `.map(a, [a,a,a,a,a,a,a,a,a,a,a,a])`, ``, 20),
	"replace grows":            chain(`body`, `.replace("a", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")`, `.size() > 0`, 12),
	"replace nothing":          chain(`body`, `.replace("", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")`, `.size() > 0`, 12),
	"replace by the body":      `body.replace("", body).size() > 0`,
	"join the body":            `body.split("").join(body).size() > 0`,
	"split and split":          `body.split("").all(a, body.split("").all(b, body.split("").size() > 0))`,
	"split in a loop":          `[1,2,3,4,5,6,7,8,9].map(a, body.split("")).map(b, b.map(c, body.split(""))).size() > 0`,
	"case in a loop":           `json.all(a, json.all(b, body.lowerAscii().upperAscii().trim() != ""))`,
	"compare long texts":       `json.all(a, json.all(b, json.all(c, body == body && body <= body)))`,
	"computed key":             `json.exists(a, json.exists(b, headers[body] == "x"))`,
	"computed key of a list":   `json.exists(a, json[body] == 1)`,
	"number of a body":         `json.exists(a, json.exists(b, int(body) == 1 || double(body) == 1.0))`,
	"time of a body":           `json.exists(a, json.exists(b, timestamp(body) == timestamp(body) || duration(body) == duration(body)))`,
	"loops in loops":           `json.all(a, json.all(b, json.all(c, a == a && b == b && c == c)))`,
	"silent loops":             `json.filter(a, json.filter(b, json.filter(c, c).size() > 0).size() > 0).size() > 0`,
	"errors in loops":          `json.exists(a, json.exists(b, json.exists(c, a.x.y.z)))`,
	"made in loops":            `json.map(a, json.map(b, json.map(c, [a, b, c]))).size() > 0`,
	"list over list":           chain(`[json]`, `.map(a, a.map(b, a))`, `.size() > 0`, 30),
	"maps in loops":            `json.map(a, json.map(b, {"a": a, "b": b, "c": {"a": a}})).size() > 0`,
	"conditional loops":        `json.all(a, json.all(b, json.all(c, a == b ? (b == c ? true : true) : true)))`,
	"loop over many keys":      `headers.all(a, headers.all(b, headers.all(c, headers[a] != headers[b] || c == c)))`,
	"list of keys, list again": `json.all(a, json.all(k, true))`,
	"regex over the body":      `body.matches("(.*)(.*)(.*)(.*)(.*)[^a]$")`,
	"counted regex":            `body.matches("(a?){50}a{50}b")`,
	"counted class":            `body.matches("[^b]{200}b")`,
	"many classes":             `body.matches("(\\pL?){40}z")`,
	"regex in a loop":          `json.all(a, body.matches("(x+x+)+y") || true)`,
	"regex counts of counts":   `body.matches("((a{10}){10}){10}")`,
	"index in a loop":          `json.all(a, json.all(b, body.indexOf("y") < 0 && body.lastIndexOf("y") < 0))`,
	"substrings":               `json.all(a, json.all(b, body.substring(1, 100000).substring(5).charAt(7) != ""))`,
	"contains what it is":      `json.all(a, body.contains(body.substring(1)))`,
	"almost contains":          `json.all(a, body.contains(body.substring(1) + "y"))`,
	"lines of lines":           `logs.all(a, logs.all(b, logs.all(c, a.message + b.message + c.message != "")))`,
	"joined lines":             `logs.map(a, a.message).join(",").split("").join("--").size() > 0`,
	"every line in every line": `logs.all(a, logs.all(b, !a.message.contains(b.message + "!")))`,
	"regex of every line":      `logs.all(a, a.message.matches("(a?){60}b") || a.message.matches("(a|b|c)*d(e|f)+g"))`,
	"attributes of lines":      `logs.all(a, logs.all(b, a.attributes == b.attributes))`,
	"equal logs":               `logs.map(a, logs) == logs.map(b, logs)`,
	"equal logs twice":         chain(`[logs]`, `.map(a, logs.map(b, a))`, ``, 20) + ` == ` + chain(`[logs]`, `.map(a, logs.map(b, a))`, ``, 20),
}

// answers are what engines could send to stop the operator.
var answers = map[string]func() string{
	"nothing":       func() string { return "" },
	"a long text":   func() string { return strings.Repeat("a", maxAnswer) },
	"a long string": func() string { return `["` + strings.Repeat("a", maxAnswer-4) + `"]` },
	"many numbers":  func() string { return "[" + strings.Repeat("1,", maxAnswer/2-1) + "1]" },
	"some numbers":  func() string { return "[" + strings.Repeat("1,", 999) + "1]" },
	"booleans":      func() string { return "[" + strings.Repeat("false,", 999) + "false]" },
	"many lists":    func() string { return "[" + strings.Repeat("[],", maxAnswer/3-1) + "[]]" },
	"many objects":  func() string { return "[" + strings.Repeat("{},", maxAnswer/3-1) + "{}]" },
	"deep lists":    func() string { return strings.Repeat("[", 9000) + strings.Repeat("]", 9000) },
	"deep objects":  func() string { return strings.Repeat(`{"a":`, 9000) + "1" + strings.Repeat("}", 9000) },
	"many keys": func() string {
		keys := make([]string, 0, 20_000)
		for i := range cap(keys) {
			keys = append(keys, fmt.Sprintf(`"%d":1`, i))
		}
		return "{" + strings.Join(keys, ",") + "}"
	},
}

// variables is what a check finds in such an answer, or in a log that is made of it.
func variables(kind Kind, body string) map[string]any {
	switch kind {
	case KindHTTP:
		headers := map[string]string{}
		for i := range 200 {
			headers[fmt.Sprintf("x-%d", i)] = body[:min(len(body), 1000)]
		}
		return answerVariables(&answer{status: 200, body: body, headers: headers})
	case KindLogs:
		lines := make([]any, logLines)
		for i := range lines {
			lines[i] = map[string]any{
				"message": body[:min(len(body), maxLine)], "severity": "info", "structured": true, "attributes": map[string]string{"level": body[:min(len(body), 100)]},
			}
		}
		return map[string]any{"logs": lines}
	default:
		return map[string]any{"requests": 1, "p50Ms": 1, "p95Ms": 1, "p99Ms": 1, "errorRate": 0.5, "codes": map[string]int{"200": 1}}
	}
}

// spend compiles and evaluates, and returns how much of a processor's time the slower of both took and how much was allocated.
func spend(t *testing.T, kind Kind, expression string, found map[string]any) (took time.Duration, memory uint64, err error) {
	t.Helper()
	var compiled *Expectation
	before := allocated()
	took = processorTime(func() { compiled, err = Compile(kind, expression) })
	if err != nil {
		return took, allocated() - before, err
	}
	took = max(took, processorTime(func() { _, err = compiled.holds(t.Context(), found) }))
	return took, allocated() - before, err
}

func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func kindOf(expression string) Kind {
	if strings.Contains(expression, "logs") {
		return KindLogs
	}
	return KindHTTP
}

func TestHostileExpressionsAreBounded(t *testing.T) {
	for answer, body := range answers {
		given := map[Kind]map[string]any{KindHTTP: variables(KindHTTP, body()), KindLogs: variables(KindLogs, body())}
		for name, expression := range hostile {
			kind := kindOf(expression)
			found := given[kind]
			took, memory, err := spend(t, kind, expression, found)
			assert.Less(t, took, mayTake(), "%s of %s: %v", name, answer, err)
			assert.Less(t, memory, uint64(mayAllocate), "%s of %s: %v", name, answer, err)
			if testing.Verbose() {
				t.Logf("%-26s %-14s %10v %6.1f MiB %v", name, answer, took.Round(time.Millisecond), float64(memory)/(1<<20), err)
			}
		}
	}
}

// TestHostileTextsDoNotStopTheCompiler holds that texts that are no expression are refused soon, too.
func TestHostileTextsDoNotStopTheCompiler(t *testing.T) {
	for _, part := range []string{"(", "[", "{", "!", "-", "a.", "a?", "a?b:", "[1].all(a,", "{1:", "a||", "a&&", "a==", "'", "((a", "!!(", "f(", "a[", "x.map(y,"} {
		hostileText(t, strings.Repeat(part, 1024/len(part)))
	}
	for _, parts := range [][2]string{{"[", "]"}, {`{"a":`, "}"}, {"(", ")"}, {"[1].map(a,", ")"}, {"has(", ".a)"}, {"true?1:", ""}, {"!", ""}, {"f(", ")"}} {
		for times := 1; times < 1024/len(parts[0]+parts[1]); times *= 2 {
			hostileText(t, strings.Repeat(parts[0], times)+"1"+strings.Repeat(parts[1], times))
		}
	}
}

func hostileText(t *testing.T, text string) {
	t.Helper()
	took, memory, err := spend(t, KindHTTP, text, nil)
	require.Error(t, err, text)
	assert.Less(t, took, mayTake(), text)
	assert.Less(t, memory, uint64(mayAllocate), text)
}

// FuzzExpectation looks for an expression that takes more than it may, whatever engine answers.
func FuzzExpectation(f *testing.F) {
	var given []map[string]any
	for _, name := range slices.Sorted(maps.Keys(answers)) {
		given = append(given, variables(KindHTTP, answers[name]()), variables(KindLogs, answers[name]()))
	}
	for _, expression := range hostile {
		f.Add(expression, uint8(len(expression)))
	}
	for i, e := range useful {
		f.Add(e.expression, uint8(i))
	}
	f.Fuzz(func(t *testing.T, expression string, answer uint8) {
		if len(expression) > 1024 { // as the API bounds it
			return
		}
		at := 2*(int(answer)%len(answers)) + int(kindOf(expression))
		took, memory, err := spend(t, kindOf(expression), expression, given[at])
		if took > mayTake() || memory > mayAllocate {
			t.Errorf("%v, %d bytes: %v", took, memory, err)
		}
	})
}
