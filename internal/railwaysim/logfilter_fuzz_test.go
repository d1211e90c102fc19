// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"strings"
	"testing"
)

// FuzzLogFilter holds for any filter: it is read or refused without a panic, a line passes it or its negation, and blanks around it mean
// nothing.
func FuzzLogFilter(f *testing.F) {
	for _, filter := range []string{
		"", "@level:error", `@level:error AND "timeout"`, `-"a b" OR (c d)`, "@httpStatus:>=500", "((", ")", "-", "--a", "a AND", "OR", `"open`, "@", "@:", "a-b", "-(a OR -b) c",
		"@x:\xff", "AND AND",
	} {
		f.Add(filter, "a line about timeouts", "level", "error")
	}
	f.Add("@httpStatus:>=500", "GET /", "httpStatus", "503")
	f.Fuzz(func(t *testing.T, filter, message, key, value string) {
		if len(filter) > 256 { // as the API bounds it
			return
		}
		match, err := parseLogFilter(filter)
		if err != nil {
			if match, err := parseLogFilter(" " + filter + " "); err == nil && !strings.Contains(filter, `"`) {
				t.Errorf("%q is refused, and with blanks it is %v", filter, match)
			}
			return
		}
		d, line := &deployment{ID: "d", ServiceID: "s"}, logLine{message: message, attributes: [][2]string{{key, value}}}
		passes := match(d, line)
		if strings.Count(filter, `"`)%2 != 0 || strings.TrimSpace(filter) == "" {
			return // a quote that is open would take in the parenthesis
		}
		not, err := parseLogFilter("-(" + filter + ")")
		if err != nil {
			t.Fatalf("%q is a filter, and its negation is refused: %v", filter, err)
		}
		if not(d, line) == passes {
			t.Errorf("the line passes both %q and its negation, or none", filter)
		}
	})
}
