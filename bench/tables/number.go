package tables

import (
	"fmt"
	"math"
	"strconv"
)

// Duration writes nanoseconds with about three digits.
func Duration(ns float64) string {
	switch size := math.Abs(ns); {
	case size >= 1e9:
		return fmt.Sprintf("%.2f s", ns/1e9)
	case size >= 1e7:
		return fmt.Sprintf("%.0f ms", ns/1e6)
	case size >= 1e6:
		return fmt.Sprintf("%.1f ms", ns/1e6)
	case size >= 1e4:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	case size >= 1e3:
		return fmt.Sprintf("%.2f µs", ns/1e3)
	case size >= 100:
		return fmt.Sprintf("%.0f ns", ns)
	default:
		return fmt.Sprintf("%.1f ns", ns)
	}
}

// Count writes a whole number, with a comma before each three digits.
func Count(value float64) string {
	digits := strconv.FormatFloat(math.Round(math.Abs(value)), 'f', 0, 64)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if value < 0 && digits != "0" {
		return "-" + digits
	}
	return digits
}

// Decimal writes a number with at most one digit behind the point.
func Decimal(value float64) string {
	return strconv.FormatFloat(math.Round(value*10)/10, 'f', -1, 64)
}

// Mebibytes writes bytes as MiB.
func Mebibytes(value float64) string { return fmt.Sprintf("%.0f MiB", value/(1<<20)) }
