// Package event has what a registry of package action reports to operators: an [Event]
// for each thing that happens to a call, with the [Decision] that it is about, and an
// [Observation] of it to measure. Nothing of either reaches a caller.
//
// A [Recorder] keeps events: [LogRecorder] writes them to a logger of log/slog and is
// what a registry has by default, and [ThinningRecorder] keeps what one caller can cause
// at will from another recorder.
//
//	registry, err := action.NewRegistry(schemes, action.WithRecorder(event.LogRecorder(logger)))
package event
