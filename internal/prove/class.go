package prove

import (
	"fmt"
	"math/big"
	"slices"
	"time"
)

// A sort is a kind of values that can be compared with each other.
type sort uint8

const (
	ofString sort = iota + 1
	ofBool
	ofInt      // signed integers and enums
	ofUint     // unsigned integers
	ofTime     // in nanoseconds since 1970
	ofDuration // in nanoseconds
)

// A class is the values of places that are compared with each other, and of the constants
// that they are compared with: strings, bools, or *big.Int for the other sorts.
type class struct {
	sort      sort
	into      *class // what it was merged into; nil where it is the whole class
	constants []any
	ordered   bool // its values are compared by order
	look      look // how conditions look into its texts
	// places is how many places of one value are in it, and further how many elements of
	// lists may have to be of no such value.
	places, further int
	low, high       *big.Int // the widest range of its places; nil for strings and bools

	values []any // the constants, then the fresh values
	used   int   // how many of the fresh values the search has used
}

func newClass(of sort) *class {
	made := &class{sort: of}
	if of == ofBool {
		made.constants = []any{false, true}
	}
	return made
}

// whole returns the class that c is, or is a part of.
func (c *class) whole() *class {
	for c.into != nil {
		c = c.into
	}
	return c
}

// merge makes two classes one. Both are of one sort.
func merge(a, b *class) *class {
	a, b = a.whole(), b.whole()
	if a == b {
		return a
	}
	b.into = a
	for _, constant := range b.constants {
		a.add(constant)
	}
	a.ordered = a.ordered || b.ordered
	a.look.merge(&b.look)
	a.places, a.further = a.places+b.places, a.further+b.further
	a.widen(b.low, b.high)
	return a
}

// add adds a constant.
func (c *class) add(constant any) {
	c = c.whole()
	if !slices.ContainsFunc(c.constants, func(known any) bool { return same(known, constant) }) {
		c.constants = append(c.constants, constant)
	}
}

// widen makes room for the values of a range. Where another range was known, the limits
// of both are constants: a place of the narrower range cannot hold what lies beyond.
func (c *class) widen(low, high *big.Int) {
	c = c.whole()
	switch {
	case low == nil:
	case c.low == nil:
		c.low, c.high = low, high
	case c.low.Cmp(low) != 0 || c.high.Cmp(high) != 0:
		for _, limit := range []*big.Int{c.low, c.high, low, high} {
			c.add(limit)
		}
		if low.Cmp(c.low) < 0 {
			c.low = low
		}
		if high.Cmp(c.high) > 0 {
			c.high = high
		}
	}
}

func same(a, b any) bool {
	one, isNumber := a.(*big.Int)
	if other, ok := b.(*big.Int); isNumber && ok {
		return one.Cmp(other) == 0
	}
	return a == b
}

// isFresh reports whether the value at an index of the class is one of those that stand
// for all that no constant names, and are interchangeable.
func (c *class) isFresh(index int) bool {
	return !c.ordered && c.look.isNone() && index >= len(c.constants)
}

// fill makes the values. Of strings, texts makes the fresh ones. ok is false where it
// takes too long to find them.
func (c *class) fill(need int, texts func(int) string) (ok bool) {
	c.values, c.used = slices.Clone(c.constants), 0
	switch c.sort {
	case ofBool:
	case ofString:
		if !c.look.isNone() {
			fresh, ok := c.look.fresh(c.constants, need, texts)
			c.values = append(c.values, fresh...)
			return ok
		}
		for i := 0; len(c.values) < len(c.constants)+need; i++ {
			if text := texts(i); !slices.Contains(c.constants, any(text)) {
				c.values = append(c.values, text)
			}
		}
	default:
		if c.ordered {
			c.fillOrdered(need)
			return true
		}
		start := new(big.Int)
		if start.Cmp(c.low) < 0 {
			start.Set(c.low)
		}
		for need > 0 && start.Cmp(c.high) <= 0 {
			if value := new(big.Int).Set(start); !slices.ContainsFunc(c.constants, func(known any) bool { return same(known, value) }) {
				c.values = append(c.values, value)
				need--
			}
			start.Add(start, c.step())
		}
	}
	return true
}

// step is how far apart the fresh values of the class are where there is room.
func (c *class) step() *big.Int {
	if c.sort == ofTime || c.sort == ofDuration {
		return big.NewInt(int64(time.Second))
	}
	return big.NewInt(1)
}

// fillOrdered makes the values of a class that is compared by order: its constants, and so
// many in each gap beside them that its places can be in every order there.
func (c *class) fillOrdered(need int) {
	if len(c.constants) == 0 {
		zero := new(big.Int)
		if zero.Cmp(c.low) < 0 {
			zero.Set(c.low)
		}
		c.constants = []any{zero}
	}
	slices.SortFunc(c.constants, func(a, b any) int { return number(a).Cmp(number(b)) })
	c.values = slices.Clone(c.constants)
	one := big.NewInt(1)
	first, last := number(c.constants[0]), number(c.constants[len(c.constants)-1])
	for i, value := 0, new(big.Int).Sub(first, c.step()); i < need && value.Cmp(c.low) >= 0; i++ {
		c.values = append(c.values, value)
		value = new(big.Int).Sub(value, c.step())
	}
	if room := new(big.Int).Sub(first, c.low); room.Sign() > 0 && room.Cmp(new(big.Int).Mul(c.step(), big.NewInt(int64(need)))) < 0 {
		c.fillGap(new(big.Int).Sub(c.low, one), first, need)
	}
	for i := range len(c.constants) - 1 {
		c.fillGap(number(c.constants[i]), number(c.constants[i+1]), need)
	}
	c.fillGap(last, new(big.Int).Add(c.high, one), need)
	slices.SortFunc(c.values, func(a, b any) int { return number(a).Cmp(number(b)) })
	c.values = slices.CompactFunc(c.values, same)
}

// fillGap adds values between two others, as many as there is room for.
func (c *class) fillGap(after, before *big.Int, need int) {
	room := new(big.Int).Sub(before, after)
	step := c.step()
	for _, smaller := range []int64{int64(time.Microsecond), 1} {
		if room.Cmp(new(big.Int).Mul(step, big.NewInt(int64(need+1)))) <= 0 && step.IsInt64() && step.Int64() > smaller {
			step = big.NewInt(smaller)
		}
	}
	value := new(big.Int).Set(after)
	for range need {
		value = new(big.Int).Add(value, step)
		if value.Cmp(before) >= 0 {
			return
		}
		c.values = append(c.values, value)
	}
}

func number(value any) *big.Int {
	of, ok := value.(*big.Int)
	if !ok {
		panic(fmt.Sprintf("prove: %T is no number", value)) // a fault of this package
	}
	return of
}
