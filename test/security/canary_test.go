// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package security

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

const projectID = "0bb01547-570d-4109-a5e8-138691f6a2d1"

// canaries are the planted values, by what they are. They occur nowhere else.
var canaries = map[string]string{
	"token":          "7b1e9c52-4d0a-4f6e-9a83-c25d8e1f7a60",
	"rejected token": "e58a3d17-6c2b-4b94-8f70-1d9e4a7c3b26",
	"variable":       `Qw8/zR+t"Lm\4k=Yv&Pj% 9xN<dE>`,
	"rotated":        "Xs3Ce7Vr1Bt9Nu5Mj2Ki",
	"rotated sealed": "sk-proj-L8oPq2AzWs4XeDc6RfVt",
	"short variable": "hK7vQ2",
	"lines":          "-----BEGIN PRIVATE KEY-----\nMhT6rWq0ZxLp3Vb8SnYd5GfJc2Ku7EaQ\n-----END PRIVATE KEY-----\n",
	"sealed":         "sk-proj-U4nB7xWmZ0tRq9LdVh3YcKf6",
	"whole Secret":   "gT5yHnJ8uKiM2oLpVbXz",
	"pull password":  "ghp_Zk3Jw9QxVt7RbNm5LsYd1HfGc8",
	"header":         "Bearer eyJrWnQ4.TmVxUzhM.Y2FuYXJ5LWhlYWRlcg",
	"body":           "Vf2Xc6Bn0Mq4Wr8Ty1Ui5Po9",
	"refused name":   "Dj7Fk1Gl5Hz9Xv3Cb7Nm",
	"refused header": "Rt4Yu8Io2Pa6Sd0Fg4Hj\nX-Injected: 1",
}

// core is the part of a value that is looked for: of several lines, the longest that is no marker.
func core(value string) string {
	longest := ""
	for line := range strings.SplitSeq(value, "\n") {
		if len(line) > len(longest) && !strings.HasPrefix(line, "-----") {
			longest = line
		}
	}
	return longest
}

// form is a way to write a value, and how much of it may be left where a masked text was cut: seven bytes, the longest part that
// is not masked, written in this form, and one more.
type form struct {
	name  string
	write func(string) string
	part  int
}

func inJSON(value string) string {
	raw, _ := json.Marshal(value) // texts always marshal
	return string(raw[1 : len(raw)-1])
}

// forms are the ways in which values are written to logs and answers.
var forms = []form{
	{"as it is", func(v string) string { return v }, 9},
	{"in JSON", inJSON, 16},
	{"in JSON in JSON", func(v string) string { return inJSON(inJSON(v)) }, 24},
	{"in a URL's query", url.QueryEscape, 22},
	{"in a URL's path", url.PathEscape, 22},
	{"in base64", func(v string) string { return base64.RawStdEncoding.EncodeToString([]byte(v)) }, 12},
	{"in base64 after one byte", func(v string) string { return base64.RawStdEncoding.EncodeToString([]byte("x" + v))[2:] }, 12},
	{"in base64 after two bytes", func(v string) string { return base64.RawStdEncoding.EncodeToString([]byte("xx" + v))[3:] }, 12},
	{"in base64 for URLs", func(v string) string { return base64.RawURLEncoding.EncodeToString([]byte(v)) }, 12},
	{"in hexadecimal", func(v string) string { return hex.EncodeToString([]byte(v)) }, 18},
}

// shows lists which canaries the text shows, and how.
func shows(text string) (found []string) {
	for name, value := range canaries {
		value = core(value)
		for _, f := range forms {
			if written := f.write(value); len(value) < 8 {
				if !strings.Contains(f.name, "after") && regexp.MustCompile(`(^|\W)`+regexp.QuoteMeta(written)+`($|\W)`).MatchString(text) {
					found = append(found, name+" "+f.name)
				}
			} else if part := partOf(text, written, f.part); part != "" {
				found = append(found, name+" "+f.name+": "+part)
			}
		}
	}
	return found
}

// partOf returns a part of that size of the value that the text has.
func partOf(text, value string, size int) string {
	size = min(size, len(value))
	for at := range len(value) - size + 1 {
		if part := value[at : at+size]; strings.Contains(text, part) {
			return part
		}
	}
	return ""
}

// everyForm is a text that tells the values of these names in every form.
func everyForm(names ...string) string {
	var lines []string
	for _, name := range names {
		for _, f := range forms {
			if !strings.Contains(f.name, "after") {
				lines = append(lines, f.write(core(canaries[name])))
			}
		}
	}
	return strings.Join(lines, " , ")
}

// TestShows holds that what looks for leaks finds them: every canary, in every form, and half of one.
func TestShows(t *testing.T) {
	assert.Empty(t, shows("nothing of interest: "+projectID+" ghcr.io/acme/ai-engine:1.4.2"))
	for name, value := range canaries {
		for _, f := range forms {
			if len(value) < 8 && strings.Contains(f.name, "after") {
				continue
			}
			assert.NotEmpty(t, shows("before "+f.write(core(value))+" after"), "%s %s", name, f.name)
		}
		if len(value) >= 8 {
			assert.NotEmpty(t, shows("cut "+core(value)[:len(core(value))/2+1]+"…"), "half of %s", name)
		}
	}
}
