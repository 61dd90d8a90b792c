package policy_test

import (
	"testing"
	"time"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// A sign-in is fresh within the age, at its very end too, and by a clock that is a minute
// ahead.
func TestFreshnessOf(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		since  time.Time
		maxAge time.Duration
		want   policy.Freshness
	}{
		"any age":                {now.Add(-time.Hour), 0, policy.Fresh},
		"any age, not known":     {time.Time{}, 0, policy.Fresh},
		"any age, in the future": {now.Add(time.Hour), 0, policy.Fresh},
		"not known":              {time.Time{}, time.Minute, policy.TimeUnknown},
		"just within":            {now.Add(-time.Minute), time.Minute, policy.Fresh},
		"just over":              {now.Add(-time.Minute - 1), time.Minute, policy.TooLongAgo},
		"a clock just ahead":     {now.Add(time.Minute), time.Minute, policy.Fresh},
		"a clock too far ahead":  {now.Add(time.Minute + 1), time.Minute, policy.InTheFuture},
	} {
		principal := authn.NewPrincipal("ada", authn.Details{AuthenticatedAt: test.since})
		if got := policy.FreshnessOf(principal, now, test.maxAge); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
	var zero policy.Freshness
	if zero == policy.Fresh {
		t.Error("the zero value is fresh")
	}
}
