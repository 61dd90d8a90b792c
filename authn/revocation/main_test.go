package revocation_test

import (
	"log/slog"
	"testing"

	"go.uber.org/goleak"
)

// TestMain sees that no goroutine outlives what it belongs to.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	goleak.VerifyTestMain(m)
}
