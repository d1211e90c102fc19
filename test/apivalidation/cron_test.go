// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package apivalidation

import (
	"fmt"
	"testing"
)

// TestCronSchedules holds which schedules are admitted: five fields of numbers that exist, at least 5 minutes apart.
func TestCronSchedules(t *testing.T) {
	const (
		form = "cronSchedule has five fields in UTC, minute (0-59), hour (0-23), day of month (1-31), month (1-12) and day of week " +
			"(0-6, 0 is Sunday), each *, a number, a range or a list, with /step where wanted; for example 0 3 * * *"
		tooOften = "cronSchedule runs at most every 5 minutes: in its first field use */5 or more, or minutes in ascending order and " +
			"at least 5 apart"
	)
	cases := []struct{ schedule, want, reason string }{
		{"0 3 * * *", "", "once a day"},
		{"*/5 * * * *", "", "as often as Railway allows"},
		{"0-59/15 8-18 * * 1-5", "", "ranges and steps"},
		{"5/10 * * * *", "", "a step from a start"},
		{"59 23 31 12 6", "", "the last of everything"},
		{"00 00 01 01 0", "", "the first of everything, with zeros"},
		{"0,5,10,15,20,25,30,35,40,45,50,55 * * * *", "", "the longest list"},
		{"0,30 1,13 1,15 */3 1,3,5", "", "lists in every field"},
		{"a b c d e", form, "five words are no schedule"},
		{"0 * * *", form, "four fields"},
		{"0 0 * * * *", form, "six fields"},
		{"60 * * * *", form, "an hour has 60 minutes"},
		{"0 24 * * *", form, "a day has 24 hours"},
		{"0 0 0 * *", form, "months begin with day 1"},
		{"0 0 32 * *", form, "and end with 31 at most"},
		{"0 0 * 13 *", form, "12 months"},
		{"0 0 * * 7", form, "a week begins with Sunday, 0"},
		{"0 0 * * MON", form, "names: nothing says that Railway knows them"},
		{"0  3 * * *", form, "one space between fields"},
		{"0 3 * * * ", form, "and none after them"},
		{"0, 3 * * *", form, "a list without its end"},
		{"0 3 * * */0", form, "a step of nothing"},
		{"@daily", form, "Railway knows no shorthands"},
		{"* * * * *", tooOften, "every minute"},
		{"*/4 * * * *", tooOften, "every four minutes"},
		{"*/1 * * * *", tooOften, "every minute, in other words"},
		{"0-10 * * * *", tooOften, "every minute of ten"},
		{"0-10/2 * * * *", tooOften, "every other one"},
		{"30,0-10 3 * * *", tooOften, "in a list too"},
		{"1/3 * * * *", tooOften, "every three minutes from the first"},
		{"0,4 * * * *", tooOften, "two that are four apart"},
		{"0,10,14 * * * *", tooOften, "anywhere in the list"},
		{"30,0 * * * *", tooOften, "a list that does not ascend: nobody could compare it at a glance, nor does the rule"},
		{"0,0 * * * *", tooOften, "twice the same minute"},
	}
	c, namespace := kube(t)
	for _, tc := range cases {
		t.Run(tc.schedule, func(t *testing.T) {
			patch := fmt.Sprintf("engine: {deploy: {cronSchedule: %q}}", tc.schedule)
			err := try(t, c, environment(namespace, "cron", spec(t, "Dev", patch)))
			var want []string
			if tc.want != "" {
				want = []string{fmt.Sprintf("spec.engine.deploy.cronSchedule: Invalid value: %q: ", tc.schedule) + tc.want}
			}
			refuses(t, want, err, tc.reason)
		})
	}
}
