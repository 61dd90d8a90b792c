package smt

import (
	"fmt"
	"math/big"
	"strings"
	"time"
	"unicode/utf8"
)

// Values are those of variables, by their names: bool, *big.Int or string.
type Values map[string]any

// Evaluate returns the value of a term. An error says that a variable has none of its
// sort.
func (v Values) Evaluate(of *Term) (any, error) {
	evaluation := evaluation{v, map[*Term]any{}}
	return evaluation.value(of)
}

// Holds is Evaluate of a Bool.
func (v Values) Holds(of *Term) (bool, error) {
	value, err := v.Evaluate(of)
	holds, ok := value.(bool)
	if err == nil && !ok {
		err = fmt.Errorf("smt: a %s is asked whether it holds", of.sort)
	}
	return holds && err == nil, err
}

// An evaluation has the value of each term that it has come to.
type evaluation struct {
	values Values
	known  map[*Term]any
}

func (e *evaluation) value(of *Term) (any, error) {
	if known, ok := e.known[of]; ok {
		return known, nil
	}
	var operands []any
	for _, operand := range of.operands {
		value, err := e.value(operand)
		if err != nil {
			return nil, err
		}
		operands = append(operands, value)
	}
	value := of.value
	switch of.operation {
	case variable:
		value = e.values[of.name]
	case constant:
	default:
		value = of.computed(operands)
	}
	if sortOf(value) != of.sort {
		return nil, fmt.Errorf("smt: %q is a %T, want a %s", of.name, value, of.sort)
	}
	e.known[of] = value
	return value, nil
}

func sortOf(value any) Sort {
	switch value.(type) {
	case bool:
		return Bool
	case *big.Int:
		return Int
	case string:
		return String
	default:
		return 0
	}
}

// computed is the value of an operation. Its operands are of the right sorts.
func (t *Term) computed(of []any) any {
	switch t.operation {
	case and, or:
		for _, operand := range of {
			if operand == (t.operation == or) {
				return operand
			}
		}
		return t.operation == and
	case not:
		return of[0] == false
	case choice:
		condition, then, otherwise := of[0], of[1], of[2] //nolint:gosec // a choice has three operands
		if condition == true {
			return then
		}
		return otherwise
	case equal:
		if number, ok := of[0].(*big.Int); ok {
			other, isNumber := of[1].(*big.Int)
			return isNumber && number.Cmp(other) == 0
		}
		return of[0] == of[1]
	case less, atMost, plus, minus, times, seconds:
		return t.ofNumbers(of)
	default:
		return t.ofTexts(of)
	}
}

func (t *Term) ofNumbers(of []any) any {
	numbers := make([]*big.Int, len(of))
	for i, operand := range of {
		numbers[i], _ = operand.(*big.Int)
		if numbers[i] == nil {
			return nil
		}
	}
	switch t.operation {
	case less:
		return numbers[0].Cmp(numbers[1]) < 0
	case atMost:
		return numbers[0].Cmp(numbers[1]) <= 0
	case plus:
		return new(big.Int).Add(numbers[0], numbers[1])
	case minus:
		return new(big.Int).Sub(numbers[0], numbers[1])
	case times:
		return new(big.Int).Mul(numbers[0], numbers[1])
	case seconds:
		return new(big.Int).Div(numbers[0], big.NewInt(int64(time.Second)))
	default:
		return nil
	}
}

func (t *Term) ofTexts(of []any) any {
	texts := make([]string, len(of))
	for i, operand := range of {
		text, ok := operand.(string)
		if !ok {
			return nil
		}
		texts[i] = text
	}
	switch t.operation {
	case length:
		return big.NewInt(int64(utf8.RuneCountInString(texts[0])))
	case join:
		return texts[0] + texts[1]
	case prefix:
		return strings.HasPrefix(texts[0], texts[1])
	case suffix:
		return strings.HasSuffix(texts[0], texts[1])
	case part:
		return strings.Contains(texts[0], texts[1])
	case match:
		return t.pattern.whole.MatchString(texts[0])
	default:
		return nil
	}
}
