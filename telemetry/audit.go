package telemetry

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// observeLogs measures audit logs when metrics are collected.
func observeLogs(meter metric.Meter, logs []namedLog) error {
	if len(logs) == 0 {
		return nil
	}
	var errs [5]error
	events, err := meter.Int64ObservableCounter("sallyport.audit.events",
		metric.WithDescription("Events that an audit log stored, or dropped."))
	errs[0] = err
	waiting, err := meter.Int64ObservableGauge("sallyport.audit.waiting",
		metric.WithDescription("Events that wait to be written to an audit log."))
	errs[1] = err
	checkpoints, err := meter.Int64ObservableCounter("sallyport.audit.checkpoints",
		metric.WithDescription("Checkpoints that an audit log signed and stored."))
	errs[2] = err
	uncovered, err := meter.Int64ObservableGauge("sallyport.audit.uncovered",
		metric.WithDescription("Entries of an audit log that no checkpoint covers yet."))
	errs[3] = err
	failures, err := meter.Int64ObservableCounter("sallyport.audit.failures",
		metric.WithDescription("What an audit log could not do: write events, store a checkpoint, keep one at a place."))
	errs[4] = err
	if err := errors.Join(errs[:]...); err != nil {
		return err
	}
	_, err = meter.RegisterCallback(func(_ context.Context, observer metric.Observer) error {
		for _, log := range logs {
			name := attribute.String("log", log.name)
			with := func(key, value string) metric.MeasurementOption {
				return attributes(name, attribute.String(key, value))
			}
			stored, dropped, queued := log.Events()
			observer.ObserveInt64(events, whole(stored), with("result", "stored"))
			observer.ObserveInt64(events, whole(dropped), with("result", "dropped"))
			observer.ObserveInt64(waiting, int64(queued), attributes(name))
			signed, left := log.Checkpoints()
			observer.ObserveInt64(checkpoints, whole(signed), attributes(name))
			observer.ObserveInt64(uncovered, left, attributes(name))
			writes, seals, places := log.Failures()
			observer.ObserveInt64(failures, whole(writes), with("of", "write"))
			observer.ObserveInt64(failures, whole(seals), with("of", "checkpoint"))
			observer.ObserveInt64(failures, whole(places), with("of", "place"))
		}
		return nil
	}, events, waiting, checkpoints, uncovered, failures)
	return err
}

// whole returns a count as metrics have it.
func whole(count uint64) int64 { return int64(count) } //nolint:gosec // no process lives so long
