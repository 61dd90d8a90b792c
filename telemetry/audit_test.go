package telemetry_test

import (
	"strings"
	"testing"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/audit"
	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/telemetry"
)

var _ telemetry.AuditLog = (*audit.Log)(nil)

// kept is an audit log that has seen something of everything.
type kept struct{}

func (kept) Events() (stored, dropped uint64, waiting int)  { return 11, 2, 3 }
func (kept) Checkpoints() (signed uint64, uncovered int64)  { return 4, 5 }
func (kept) Failures() (writes, checkpoints, places uint64) { return 6, 7, 8 }

// TestAuditLog scrapes what is measured of two audit logs.
func TestAuditLog(t *testing.T) {
	t.Parallel()
	m := newMeasured(t, []telemetry.Option{telemetry.WithAuditLog("calls", kept{}), telemetry.WithAuditLog("money", kept{})})
	families, text := m.scrape(t)
	for _, log := range []string{"calls", "money"} {
		for _, test := range []struct {
			name   string
			labels []string
			want   float64
		}{
			{"sallyport_audit_events_total", []string{"result", "stored"}, 11},
			{"sallyport_audit_events_total", []string{"result", "dropped"}, 2},
			{"sallyport_audit_waiting", nil, 3},
			{"sallyport_audit_checkpoints_total", nil, 4},
			{"sallyport_audit_uncovered", nil, 5},
			{"sallyport_audit_failures_total", []string{"of", "write"}, 6},
			{"sallyport_audit_failures_total", []string{"of", "checkpoint"}, 7},
			{"sallyport_audit_failures_total", []string{"of", "place"}, 8},
		} {
			if got := value(families, test.name, append(test.labels, "log", log)...); got != test.want {
				t.Errorf("%s%v of %s is %v, want %v\n%s", test.name, test.labels, log, got, test.want, text)
			}
		}
	}
}

// Without an audit log there is no metric of one.
func TestNoAuditLog(t *testing.T) {
	t.Parallel()
	if _, text := newMeasured(t, nil).scrape(t); strings.Contains(text, "sallyport_audit") {
		t.Errorf("there are metrics of an audit log:\n%s", text)
	}
}

// An audit log needs a name, and must be one.
func TestAuditLogRefused(t *testing.T) {
	t.Parallel()
	registry, err := action.NewRegistry(authn.Schemes{})
	if err != nil {
		t.Fatal(err)
	}
	for name, option := range map[string]telemetry.Option{
		"nil":     telemetry.WithAuditLog("calls", nil),
		"no name": telemetry.WithAuditLog("", kept{}),
	} {
		if _, err := telemetry.New(registry, option); err == nil || !strings.Contains(err.Error(), "an audit log is nil, or has no name") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
