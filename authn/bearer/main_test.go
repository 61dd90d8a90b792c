package bearer_test

import (
	"testing"

	"go.uber.org/goleak"
)

// TestMain sees that no goroutine outlives what it belongs to.
func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
