package audit

import (
	"runtime"
	"testing"
	"time"
)

// BenchmarkRecord records allows from 64 callers at once: strict ones wait until their
// event is durable in SQLite.
func BenchmarkRecord(b *testing.B) {
	for name, strict := range map[string]bool{"best effort": false, "strict": true} {
		b.Run(name, func(b *testing.B) {
			f := newFixture(b)
			log := f.open(b, WithCheckpointEvery(1000, time.Second), WithQueue(1<<20))
			recorder := log.Recorder()
			if strict {
				recorder = log.StrictRecorder()
			}
			b.SetParallelism(max(1, 64/runtime.GOMAXPROCS(0)))
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := recorder.Record(b.Context(), allow("ada")); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "events/s")
		})
	}
}
