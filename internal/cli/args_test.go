// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package cli_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestWrongArguments: whoever mistypes is told what to type.
func TestWrongArguments(t *testing.T) {
	s := newShell(t)
	for _, tt := range []struct {
		args []string
		says string
	}{
		{[]string{"statsu"}, `there is no command "statsu"; did you mean status?`},
		{[]string{"xyzzy"}, `there is no command "xyzzy" (engine-operator --help lists them)`},
		{[]string{"rollback"}, "name the tier: engine-operator rollback NAME"},
		{[]string{"diff", "dev"}, "name 2 tiers: engine-operator diff A B"},
		{[]string{"approve", "dev", "preview"}, `"preview" is one too many: engine-operator approve NAME`},
	} {
		r := s.run(tt.args...)
		assert.Equal(t, 1, r.code, "%v", tt.args)
		assert.Contains(t, r.err, tt.says, "%v", tt.args)
	}
}
