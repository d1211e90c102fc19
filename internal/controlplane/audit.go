// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package controlplane

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/envtest"
)

// auditPolicy logs each write once, when it has been answered. The API server's own writes are left out.
const auditPolicy = `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived, ResponseStarted]
rules:
- {level: None, users: ["system:apiserver"]}
- {level: Metadata, verbs: [create, update, patch, delete, deletecollection]}
`

// auditTo makes the API server log its writes to the file. It answers a write only when the line is in the file.
func auditTo(env *envtest.Environment, file string) error {
	policy := file + ".policy.yaml"
	if err := os.WriteFile(policy, []byte(auditPolicy), 0o600); err != nil {
		return fmt.Errorf("write audit policy: %w", err)
	}
	env.ControlPlane.GetAPIServer().Configure().
		Set("audit-policy-file", policy).Set("audit-log-path", file).Set("audit-log-mode", "blocking")
	return nil
}

// Write is a kind of write in the audit log.
type Write struct {
	User string
	// Verb is create, update, patch, delete or deletecollection.
	Verb string
	// Resource has its subresource behind a slash, for example engineenvironments/status.
	Resource string
}

// Audit counts the writes in an audit log. It is safe for concurrent use.
type Audit struct {
	mu     sync.Mutex
	file   string
	read   int64
	counts map[Write]int
}

// NewAudit counts the log of Options.AuditLog.
func NewAudit(file string) *Audit { return &Audit{file: file, counts: map[Write]int{}} }

// Writes returns how many writes there were by now, whatever the answer. A write that was answered is counted.
func (a *Audit) Writes() (map[Write]int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.catchUp(); err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	counts := make(map[Write]int, len(a.counts))
	for write, n := range a.counts {
		counts[write] = n
	}
	return counts, nil
}

// catchUp counts the whole lines that were added.
func (a *Audit) catchUp() error {
	log, err := os.Open(a.file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	if _, err := log.Seek(a.read, io.SeekStart); err != nil {
		return err
	}
	lines := bufio.NewReaderSize(log, 1<<20)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil // what is left is half a line
		}
		if err != nil {
			return err
		}
		a.read += int64(len(line))
		if err := a.count(line); err != nil {
			return err
		}
	}
}

func (a *Audit) count(line []byte) error {
	var event struct {
		Verb string `json:"verb"`
		User struct {
			Username string `json:"username"`
		} `json:"user"`
		ObjectRef struct {
			Resource    string `json:"resource"`
			Subresource string `json:"subresource"`
		} `json:"objectRef"`
	}
	if err := json.Unmarshal(line, &event); err != nil {
		return err
	}
	resource := strings.TrimSuffix(event.ObjectRef.Resource+"/"+event.ObjectRef.Subresource, "/")
	a.counts[Write{event.User.Username, event.Verb, resource}]++
	return nil
}

// Since are the writes that came after before.
func Since(before, after map[Write]int) map[Write]int {
	since := map[Write]int{}
	for write, n := range after {
		if n -= before[write]; n > 0 {
			since[write] = n
		}
	}
	return since
}
