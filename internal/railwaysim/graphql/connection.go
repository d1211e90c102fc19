// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package graphql

import (
	"encoding/base64"
	"strconv"
)

// Connection pages over a list as Relay does.
func Connection[T any](items []T, describe func(T) Node) Lazy {
	return func(args map[string]any) (any, error) {
		start, end := 0, len(items)
		if after, ok := decodeCursor(args["after"]); ok {
			start = min(after+1, end)
		}
		if before, ok := decodeCursor(args["before"]); ok {
			end = max(min(before, end), start)
		}
		hasNext, hasPrevious := end < len(items), start > 0
		if first, ok := whole(args["first"]); ok && start+first < end {
			end, hasNext = start+first, true
		}
		if last, ok := whole(args["last"]); ok && end-last > start {
			start, hasPrevious = end-last, true
		}
		edges := []any{}
		for i := start; i < end; i++ {
			edges = append(edges, Node{"cursor": cursor(i), "node": describe(items[i])})
		}
		page := Node{"hasNextPage": hasNext, "hasPreviousPage": hasPrevious, "startCursor": nil, "endCursor": nil}
		if len(edges) > 0 {
			page["startCursor"], page["endCursor"] = cursor(start), cursor(end-1)
		}
		return Node{"edges": edges, "pageInfo": page}, nil
	}
}

func cursor(i int) string { return base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(i))) }

func decodeCursor(value any) (int, bool) {
	encoded, _ := value.(string)
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || encoded == "" {
		return 0, false
	}
	i, err := strconv.Atoi(string(raw))
	return i, err == nil
}

func whole(value any) (int, bool) {
	switch n := value.(type) {
	case int64:
		return int(n), true
	case int:
		return n, true
	default:
		return 0, false
	}
}
