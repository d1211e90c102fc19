// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package railwaysim

import (
	"encoding/base64"
	"strconv"
)

// connection pages over a list as Relay does.
func connection[T any](items []T, describe func(T) node) lazy {
	return func(args map[string]any) (any, error) {
		start, end := 0, len(items)
		if after, ok := decodeCursor(args["after"]); ok {
			start = min(after+1, end)
		}
		if before, ok := decodeCursor(args["before"]); ok {
			end = max(min(before, end), start)
		}
		hasNext, hasPrevious := end < len(items), start > 0
		if first, ok := number(args["first"]); ok && start+first < end {
			end, hasNext = start+first, true
		}
		if last, ok := number(args["last"]); ok && end-last > start {
			start, hasPrevious = end-last, true
		}
		edges := []any{}
		for i := start; i < end; i++ {
			edges = append(edges, node{"cursor": cursor(i), "node": describe(items[i])})
		}
		page := node{"hasNextPage": hasNext, "hasPreviousPage": hasPrevious, "startCursor": nil, "endCursor": nil}
		if len(edges) > 0 {
			page["startCursor"], page["endCursor"] = cursor(start), cursor(end-1)
		}
		return node{"edges": edges, "pageInfo": page}, nil
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
