package raw

import "slices"

// A Spread is the median of what was measured, with the least and the most. The zero
// Spread is of no samples.
type Spread struct{ Least, Median, Most float64 }

// Has reports whether the row was measured so.
func (r Row) Has(measure string) bool {
	return slices.ContainsFunc(r.Samples, func(sample Sample) bool {
		_, ok := sample[measure]
		return ok
	})
}

// Spread returns that of one measure. Samples without the measure do not count.
func (r Row) Spread(measure string) Spread {
	var values []float64
	for _, sample := range r.Samples {
		if value, ok := sample[measure]; ok {
			values = append(values, value)
		}
	}
	return spreadOf(values)
}

// Ratio returns the spread of a measure of r over that of another row, taken round by
// round, so that what the machine did besides falls on both.
func (r Row) Ratio(over Row, measure string) Spread {
	return r.pairs(over, measure, func(a, b float64) float64 { return a / b })
}

// Difference returns the spread of how much more r has of a measure than another row,
// taken round by round.
func (r Row) Difference(over Row, measure string) Spread {
	return r.pairs(over, measure, func(a, b float64) float64 { return a - b })
}

func (r Row) pairs(over Row, measure string, compare func(a, b float64) float64) Spread {
	var values []float64
	for i := range min(len(r.Samples), len(over.Samples)) {
		a, ok := r.Samples[i][measure]
		b, also := over.Samples[i][measure]
		if ok && also {
			values = append(values, compare(a, b))
		}
	}
	return spreadOf(values)
}

// spreadOf sorts values and returns their spread. Between two medians it takes the mean.
func spreadOf(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	slices.Sort(values)
	middle := len(values) / 2
	median := values[middle]
	if len(values)%2 == 0 {
		median = (median + values[middle-1]) / 2
	}
	return Spread{values[0], median, values[len(values)-1]}
}
