package telemetry

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/sallyport-rpc/sallyport/action"
)

// observeState measures what is looked up when metrics are collected: the contract and
// the caches.
func observeState(meter metric.Meter, registry *action.Registry, caches []namedCache) error {
	_, err := meter.Int64ObservableGauge("sallyport.contract.info",
		metric.WithDescription("The fingerprint of all that the registry declares."),
		metric.WithInt64Callback(func(_ context.Context, observer metric.Int64Observer) error {
			if fingerprint := registry.Fingerprint(); fingerprint != "" {
				observer.Observe(1, attributes(attribute.String("fingerprint", fingerprint), attribute.Int("actions", len(registry.Actions()))))
			}
			return nil
		}))
	if err != nil || len(caches) == 0 {
		return err
	}
	_, err = meter.Int64ObservableCounter("sallyport.cache.lookups",
		metric.WithDescription("How often a cache of credentials was asked."),
		metric.WithInt64Callback(func(_ context.Context, observer metric.Int64Observer) error {
			for _, cache := range caches {
				hits, misses := cache.Lookups()
				observer.Observe(whole(hits), attributes(attribute.String("cache", cache.name), attribute.String("result", "hit")))
				observer.Observe(whole(misses), attributes(attribute.String("cache", cache.name), attribute.String("result", "miss")))
			}
			return nil
		}))
	return err
}
