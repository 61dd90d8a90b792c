// Package telemetry gives the calls of a server traces and metrics of OpenTelemetry: those
// that connectrpc.com/otelconnect makes of any call, and what only a gate knows.
//
//	measured, err := telemetry.New(registry, telemetry.WithMeterProvider(meters), telemetry.WithTracerProvider(tracers))
//	srv, err := server.New(registry, measured.Server())
//	log := slog.New(telemetry.LogHandler(slog.NewJSONHandler(os.Stderr, nil)))
//
// The metrics, with their attributes:
//
//	rpc.server.call.duration       otelconnect's, by method and code
//	sallyport.decisions            by rpc.method, kind, outcome, stage, code, grant
//	sallyport.gate.duration        by outcome
//	sallyport.gate.step.duration   by step: decode, validate, authenticate, authorize
//	sallyport.validation.duration  by rpc.method
//	sallyport.streams.live         by rpc.method
//	sallyport.rechecks             by rpc.method, outcome, code
//	sallyport.questions            by rpc.method, outcome, code
//	sallyport.refused              calls that came to no gate, by code
//	sallyport.shed                 calls for which there was no room, by rpc.method
//	sallyport.cache.lookups        by cache, result
//	sallyport.contract.info        1, by fingerprint and number of actions
//
// No attribute has an id, an address or anything else that a caller chose: all values
// come from declarations and are few. A span has its call's id, so that it is found from a
// line of the log, and no id of a principal.
package telemetry
