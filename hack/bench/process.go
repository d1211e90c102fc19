// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is a tick of the times in /proc/<pid>/stat: USER_HZ, 100 on every Linux that Go runs on.
const clockTick = time.Second / 100

// cpuTime is what the process has used of the processors, in user and kernel mode.
func cpuTime(pid int) (time.Duration, error) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, fmt.Errorf("read the CPU time: %w", err)
	}
	_, after, _ := strings.Cut(string(raw), ") ") // the name before it may hold blanks
	fields := strings.Fields(after)
	if len(fields) < 13 {
		return 0, fmt.Errorf("/proc/%d/stat has too few fields", pid)
	}
	var ticks int64
	for _, field := range fields[11:13] { // utime and stime, fields 14 and 15 of proc(5)
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
		ticks += n
	}
	return time.Duration(ticks) * clockTick, nil
}

// memory is what the process holds of the main memory, in bytes, now and at most since it started.
func memory(pid int) (now, peak int64, err error) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0, 0, fmt.Errorf("read the memory: %w", err)
	}
	for line := range strings.Lines(string(raw)) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.ParseInt(fields[1], 10, 64)
		switch fields[0] {
		case "VmRSS:":
			now = kib << 10
		case "VmHWM:":
			peak = kib << 10
		}
	}
	if now == 0 || peak == 0 {
		return 0, 0, fmt.Errorf("/proc/%d/status tells no resident memory", pid)
	}
	return now, peak, nil
}

// children are the processes that this one started and that run now, by their names, which the kernel cuts at 15 bytes.
func children() (map[string]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	found, self := map[string]int{}, strconv.Itoa(os.Getpid())
	for _, stat := range stats {
		raw, err := os.ReadFile(stat)
		if err != nil {
			continue // it has ended
		}
		head, after, _ := strings.Cut(string(raw), ") ")
		pid, name, _ := strings.Cut(head, " (")
		if fields := strings.Fields(after); len(fields) > 1 && fields[1] == self { // the parent, field 4 of proc(5)
			found[name], _ = strconv.Atoi(pid)
		}
	}
	return found, nil
}

// metric reads a metric from an operator's metrics: the sum of all its series.
func metric(ctx context.Context, address, name string) (float64, error) {
	body, err := get(ctx, "http://"+address+"/metrics")
	if err != nil {
		return 0, err
	}
	defer func() { _ = body.Body.Close() }()
	lines := bufio.NewScanner(body.Body)
	lines.Buffer(nil, 1<<20)
	sum, found := 0.0, false
	for lines.Scan() {
		series, text, _ := strings.Cut(lines.Text(), " ")
		if series != name && !strings.HasPrefix(series, name+"{") {
			continue
		}
		value, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return 0, fmt.Errorf("metric %s: %w", name, err)
		}
		sum, found = sum+value, true
	}
	if !found {
		return 0, errors.Join(fmt.Errorf("the operator has no metric %s", name), lines.Err())
	}
	return sum, lines.Err()
}

func get(ctx context.Context, url string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		_ = response.Body.Close()
		return nil, fmt.Errorf("%s answers %s", url, response.Status)
	}
	return response, nil
}

// saveProfile stores a profile of the operator.
func saveProfile(ctx context.Context, address, path, file string) error {
	response, err := get(ctx, "http://"+address+"/debug/pprof/"+path)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	if _, err := out.ReadFrom(response.Body); err != nil {
		return err
	}
	return out.Close()
}
