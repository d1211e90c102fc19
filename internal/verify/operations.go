// Copyright The engine-operator Authors.
// SPDX-License-Identifier: Apache-2.0

package verify

import (
	"github.com/google/cel-go/common/operators"
	"github.com/google/cel-go/common/types"
	"github.com/google/cel-go/common/types/ref"
	"github.com/google/cel-go/common/types/traits"
)

const (
	// lenient is the one function that takes errors as arguments: the loops of all() and exists() go on after one.
	lenient = operators.NotStrictlyFalse
	// lookup is [] with a key that is computed.
	lookup = "@index"
	// maxNumber is the longest text that is read as a number, a time or a duration, in bytes.
	maxNumber = 64
)

// operations are all functions and operators of the language besides &&, ||, ?:, [constant] and .field, which cel-go does.
// Each charges what its arguments make it cost before it does anything.
var operations map[string]func(*meter, []ref.Val) ref.Val

func init() { // the table refers to functions that are called by functions in the table
	operations = map[string]func(*meter, []ref.Val) ref.Val{
		lenient:                 notFalse,
		lookup:                  element,
		operators.In:            contained,
		operators.Equals:        func(m *meter, a []ref.Val) ref.Val { return types.Bool(m.equal(a[0], a[1])) },
		operators.NotEquals:     func(m *meter, a []ref.Val) ref.Val { return types.Bool(!m.equal(a[0], a[1])) },
		operators.LogicalNot:    scalar(func(a []ref.Val) ref.Val { return a[0].(traits.Negater).Negate() }, types.BoolType),
		operators.Negate:        scalar(func(a []ref.Val) ref.Val { return a[0].(traits.Negater).Negate() }, types.IntType, types.DoubleType),
		operators.Add:           add,
		operators.Subtract:      scalar(func(a []ref.Val) ref.Val { return a[0].(traits.Subtractor).Subtract(a[1]) }, arithmetic...),
		operators.Multiply:      scalar(func(a []ref.Val) ref.Val { return a[0].(traits.Multiplier).Multiply(a[1]) }, numbers...),
		operators.Divide:        scalar(func(a []ref.Val) ref.Val { return a[0].(traits.Divider).Divide(a[1]) }, numbers...),
		operators.Modulo:        scalar(func(a []ref.Val) ref.Val { return a[0].(traits.Modder).Modulo(a[1]) }, types.IntType, types.UintType),
		operators.Less:          compare(func(n types.Int) bool { return n < 0 }),
		operators.LessEquals:    compare(func(n types.Int) bool { return n <= 0 }),
		operators.Greater:       compare(func(n types.Int) bool { return n > 0 }),
		operators.GreaterEquals: compare(func(n types.Int) bool { return n >= 0 }),
		"size":                  size,
		"int":                   convert(types.IntType),
		"uint":                  convert(types.UintType),
		"double":                convert(types.DoubleType),
		"bool":                  convert(types.BoolType),
		"string":                convert(types.StringType),
		"timestamp":             convert(types.TimestampType),
		"duration":              convert(types.DurationType),
		"dyn":                   func(_ *meter, a []ref.Val) ref.Val { return a[0] },
		"contains":              texts(contains),
		"startsWith":            texts(startsWith),
		"endsWith":              texts(endsWith),
		"matches":               texts(matches),
		"lowerAscii":            texts(lowerASCII),
		"upperAscii":            texts(upperASCII),
		"trim":                  texts(trim),
		"charAt":                charAt,
		"indexOf":               texts(indexOf),
		"lastIndexOf":           texts(lastIndexOf),
		"replace":               texts(replace),
		"split":                 texts(split),
		"substring":             substring,
		"join":                  join,
	}
}

var (
	numbers    = []ref.Type{types.IntType, types.UintType, types.DoubleType}
	arithmetic = append([]ref.Type{types.TimestampType, types.DurationType}, numbers...)
)

func noOverload() ref.Val { return types.NewErr("no such overload") }

// scalar is an operation on values of a fixed size; the first argument must be of one of the types.
func scalar(does func([]ref.Val) ref.Val, allowed ...ref.Type) func(*meter, []ref.Val) ref.Val {
	return func(_ *meter, args []ref.Val) ref.Val {
		for _, t := range allowed {
			if args[0].Type() == t {
				return does(args)
			}
		}
		return noOverload()
	}
}

// notFalse is true for everything but false.
func notFalse(_ *meter, args []ref.Val) ref.Val { return types.Bool(args[0] != types.False) }

// add adds numbers, times and durations, and joins texts. Lists are joined only by the loop of map() and filter(), in place:
// joining lists by hand makes lists whose size nobody has paid for.
func add(m *meter, args []ref.Val) ref.Val {
	switch left := args[0].(type) {
	case types.String:
		right, ok := args[1].(types.String)
		if !ok {
			return noOverload()
		}
		if problem := m.text(len(left) + len(right)); problem != nil {
			return problem
		}
		return left + right
	case traits.MutableLister:
		return left.Add(args[1])
	}
	return scalar(func(a []ref.Val) ref.Val { return a[0].(traits.Adder).Add(a[1]) }, arithmetic...)(m, args)
}

// text charges a new text of so many bytes, or says that it would be too long.
func (m *meter) text(bytes int) ref.Val {
	if bytes > maxText {
		return types.NewErr("the text would be longer than %d bytes", maxText)
	}
	m.use(bytes/8, bytes)
	return nil
}

func compare(holds func(types.Int) bool) func(*meter, []ref.Val) ref.Val {
	return func(m *meter, args []ref.Val) ref.Val {
		left, ok := args[0].(traits.Comparer)
		if !ok {
			return noOverload()
		}
		m.scan(min(length(args[0]), length(args[1])))
		switch order := left.Compare(args[1]).(type) {
		case types.Int:
			return types.Bool(holds(order))
		default:
			return order
		}
	}
}

// length is how many bytes a text has; 0 for every other value.
func length(value ref.Val) int {
	switch v := value.(type) {
	case types.String:
		return len(v)
	case types.Bytes:
		return len(v)
	default:
		return 0
	}
}

// equal compares as cel-go does, and charges for each element that it looks at: a list whose elements are one list many times
// over is small and takes for ever to compare.
func (m *meter) equal(a, b ref.Val) bool {
	m.step()
	m.wrapped(a)
	m.wrapped(b)
	switch left := a.(type) {
	case traits.Mapper:
		right, ok := b.(traits.Mapper)
		return ok && m.equalMaps(left, right)
	case traits.Lister:
		right, ok := b.(traits.Lister)
		return ok && m.equalLists(left, right)
	}
	switch b.(type) {
	case traits.Mapper, traits.Lister:
		return false
	}
	m.scan(min(length(a), length(b)))
	return types.Equal(a, b) == types.True
}

func (m *meter) equalLists(a, b traits.Lister) bool {
	if a.Size() != b.Size() {
		return false
	}
	for i := types.IntZero; i < a.Size().(types.Int); i++ {
		if !m.equal(a.Get(i), b.Get(i)) {
			return false
		}
	}
	return true
}

func (m *meter) equalMaps(a, b traits.Mapper) bool {
	if a.Size() != b.Size() {
		return false
	}
	m.keys(a)
	for it := a.Iterator(); it.HasNext() == types.True; {
		key := it.Next()
		m.scan(length(key))
		right, found := b.Find(key)
		if !found || !m.equal(a.Get(key), right) {
			return false
		}
	}
	return true
}

// keys charges listing the keys of a map.
func (m *meter) keys(of traits.Mapper) {
	n := int(of.Size().(types.Int))
	m.use(n, 16*n)
}

// contained is x in list, or key in map.
func contained(m *meter, args []ref.Val) ref.Val {
	switch in := args[1].(type) {
	case traits.Mapper:
		if !isKey(args[0]) {
			return types.False
		}
		m.scan(length(args[0]))
		_, found := in.Find(args[0])
		return types.Bool(found)
	case traits.Lister:
		for i := types.IntZero; i < in.Size().(types.Int); i++ {
			if m.equal(args[0], in.Get(i)) {
				return types.True
			}
		}
		return types.False
	default:
		return noOverload()
	}
}

// isKey reports whether a map can have such a key.
func isKey(value ref.Val) bool {
	switch value.Type() {
	case types.StringType, types.IntType, types.UintType, types.DoubleType, types.BoolType:
		return true
	default:
		return false
	}
}

// element is list[i], or map[key].
func element(m *meter, args []ref.Val) ref.Val {
	switch of := args[0].(type) {
	case traits.Mapper:
		if !isKey(args[1]) {
			return noOverload()
		}
		m.scan(length(args[1]))
		if value, found := of.Find(args[1]); found {
			return value
		}
		return types.NewErr("no such key")
	case traits.Lister:
		if length(args[1]) > 0 {
			return noOverload()
		}
		return of.Get(args[1])
	default:
		return noOverload()
	}
}

func size(m *meter, args []ref.Val) ref.Val {
	of, ok := args[0].(traits.Sizer)
	if !ok {
		return noOverload()
	}
	m.scan(length(args[0]))
	return of.Size()
}

// convert turns a scalar into another type. A long text is neither a number nor a time.
func convert(to *types.Type) func(*meter, []ref.Val) ref.Val {
	return func(m *meter, args []ref.Val) ref.Val {
		switch args[0].Type() {
		case to:
			return args[0]
		case types.StringType:
			if length(args[0]) > maxNumber {
				return types.NewErr("the text is too long for %s", to)
			}
		case types.IntType, types.UintType, types.DoubleType, types.BoolType, types.TimestampType, types.DurationType:
		default:
			return noOverload()
		}
		m.use(stepWork, wrapMemory)
		return args[0].ConvertToType(to)
	}
}
