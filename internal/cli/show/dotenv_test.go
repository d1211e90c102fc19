// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package show_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/engine-operator/engine-operator/internal/cli/show"
	"github.com/engine-operator/engine-operator/internal/desired"
)

// TestWhatIsNotKnownIsAComment: a shell that reads the file carries out nothing of the names in a spec.
func TestWhatIsNotKnownIsAComment(t *testing.T) {
	service := desired.Service{Variables: []desired.Variable{{Name: "KEY", Secret: true}}}
	text := show.Dotenv(service, nil, map[string]string{"KEY": "Secret a\nX=$(id)\r\x1b[2J, key b"}, true)
	assert.Equal(t, "# KEY is not known: from Secret a⏎X=$(id)␍␛[2J, key b\n", text)
}
