package telemetry

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/sallyport-rpc/sallyport/action/event"
)

// measurements are what is counted and timed of gates. They implement
// [event.Observer].
type measurements struct {
	decisions, rechecks, refused, shed, limited, questions, shadows metric.Int64Counter
	live                                                            metric.Int64UpDownCounter
	gate, step, validation                                          metric.Float64Histogram

	// sets are attributes by what they are of, so that a call makes none. What they are
	// of comes from declarations, so there are few.
	sets  sync.Map // of decided to *labels
	steps [event.StageHandle]metric.MeasurementOption
}

// decided is what the attributes of a decision come from.
type decided struct {
	kind      event.Kind
	procedure string
	outcome   event.Outcome
	stage     event.Stage
	code      uint32
	grant     string
	limit     string // what it counts
	shadow    event.Shadow
}

// labels are the attributes for one kind of decision.
type labels struct {
	decision, method, outcome, recheck, code, limit, shadow metric.MeasurementOption
	span                                                    []attribute.KeyValue
}

// seconds are the bounds of buckets for what takes microseconds.
var seconds = metric.WithExplicitBucketBoundaries(
	1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 5e-2, 0.25, 1, 5)

func newMeasurements(meter metric.Meter) (*measurements, error) {
	m := &measurements{}
	var errs [11]error
	m.decisions, errs[0] = meter.Int64Counter("sallyport.decisions", metric.WithDescription("What gates decided."))
	m.rechecks, errs[1] = meter.Int64Counter("sallyport.rechecks", metric.WithDescription("Callers of live streams that were looked at again."))
	m.refused, errs[2] = meter.Int64Counter("sallyport.refused", metric.WithDescription("Calls that were refused before they came to a gate."))
	m.shed, errs[3] = meter.Int64Counter("sallyport.shed", metric.WithDescription("Calls for which the server had no room."))
	m.live, errs[4] = meter.Int64UpDownCounter("sallyport.streams.live", metric.WithDescription("Streams that were let in and have not ended."))
	m.gate, errs[5] = meter.Float64Histogram("sallyport.gate.duration", metric.WithUnit("s"), seconds,
		metric.WithDescription("The time from a message's arrival to the decision."))
	m.step, errs[6] = meter.Float64Histogram("sallyport.gate.step.duration", metric.WithUnit("s"), seconds,
		metric.WithDescription("The time of each step of a gate; decoding includes the wait for the message."))
	m.validation, errs[7] = meter.Float64Histogram("sallyport.validation.duration", metric.WithUnit("s"), seconds,
		metric.WithDescription("The time that the rules of a request took."))
	m.limited, errs[8] = meter.Int64Counter("sallyport.limited", metric.WithDescription("Calls for which a limit of their action had no room."))
	m.questions, errs[9] = meter.Int64Counter("sallyport.questions", metric.WithDescription("Questions whether a call would be let in."))
	m.shadows, errs[10] = meter.Int64Counter("sallyport.shadow", metric.WithDescription("What shadows of actions would have decided."))
	for stage := range event.StageHandle {
		m.steps[stage] = attributes(attribute.String("step", stage.String()))
	}
	return m, errors.Join(errs[:]...)
}

func attributes(list ...attribute.KeyValue) metric.MeasurementOption {
	return metric.WithAttributeSet(attribute.NewSet(list...))
}

// labels returns the attributes for an observation.
func (m *measurements) labels(of *event.Observation) *labels {
	key := decided{of.Kind, of.Procedure, of.Outcome, of.Stage, uint32(of.Code), of.Grant, of.Limit.String(), of.Shadow}
	if known, ok := m.sets.Load(key); ok {
		return known.(*labels) //nolint:forcetypeassert // nothing else is stored
	}
	method, outcome := attribute.String("rpc.method", method(of.Procedure)), attribute.String("outcome", of.Outcome.String())
	code := attribute.String("code", "ok")
	if of.Code != 0 {
		code = attribute.String("code", of.Code.String())
	}
	stage, grant := attribute.String("stage", of.Stage.String()), attribute.String("grant", of.Grant)
	made := &labels{
		decision: attributes(method, attribute.String("kind", of.Kind.String()), outcome, stage, code, grant),
		method:   attributes(method),
		outcome:  attributes(outcome),
		recheck:  attributes(method, outcome, code),
		code:     attributes(code),
		limit:    attributes(method, attribute.String("per", of.Limit.String())),
		shadow:   attributes(method, outcome, attribute.String("shadow", of.Shadow.String())),
		span: []attribute.KeyValue{
			attribute.String("sallyport.outcome", of.Outcome.String()), attribute.String("sallyport.stage", of.Stage.String()),
			attribute.String("sallyport.grant", of.Grant),
		},
	}
	known, _ := m.sets.LoadOrStore(key, made)
	return known.(*labels) //nolint:forcetypeassert // nothing else is stored
}

// method is a procedure as OpenTelemetry writes it.
func method(procedure string) string {
	if procedure == "" {
		return ""
	}
	return procedure[1:]
}

// Observe implements [event.Observer].
func (m *measurements) Observe(ctx context.Context, of event.Observation) {
	labels := m.labels(&of)
	switch of.Kind { //nolint:exhaustive // the others are of no call
	case event.Decided, event.Opened:
		m.decisions.Add(ctx, 1, labels.decision)
		m.time(ctx, &of, labels)
		if of.Limit != 0 {
			m.limited.Add(ctx, 1, labels.limit)
		}
		if of.Kind == event.Opened && of.Outcome == event.Allow {
			m.live.Add(ctx, 1, labels.method)
		}
		if span := trace.SpanFromContext(ctx); span.IsRecording() {
			span.SetAttributes(labels.span...)
		}
	case event.Message:
		m.decisions.Add(ctx, 1, labels.decision)
	case event.Question:
		m.questions.Add(ctx, 1, labels.recheck)
	case event.Shadowed:
		m.shadows.Add(ctx, 1, labels.shadow)
	case event.Recheck:
		m.rechecks.Add(ctx, 1, labels.recheck)
	case event.Ended:
		if of.Stream {
			m.live.Add(ctx, -1, labels.method)
		}
	case event.Refused:
		if of.Shed {
			m.shed.Add(ctx, 1, labels.method)
		} else {
			m.refused.Add(ctx, 1, labels.code)
		}
	}
}

// time records how long a gate took.
func (m *measurements) time(ctx context.Context, of *event.Observation, labels *labels) {
	m.gate.Record(ctx, of.Duration.Seconds(), labels.outcome)
	for stage, took := range of.Steps {
		if took > 0 {
			m.step.Record(ctx, took.Seconds(), m.steps[stage])
		}
	}
	if took := of.Steps[event.StageValidate]; took > 0 {
		m.validation.Record(ctx, took.Seconds(), labels.method)
	}
}
