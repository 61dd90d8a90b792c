package redislimit

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-rpc/sallyport/internal/option"
	"github.com/sallyport-rpc/sallyport/internal/recovered"
	"github.com/sallyport-rpc/sallyport/limit"
)

// pause is how long Redis is left alone after it did not answer.
const pause = time.Second

// A Limiter is a [limit.Limiter] that counts in Redis. Make one with [New]. It is safe for
// concurrent use.
type Limiter struct {
	limiter *redis_rate.Limiter
	settings

	mu   sync.Mutex
	down time.Time // until when Redis is left alone
	err  error     // what it failed with
}

var _ limit.Limiter = (*Limiter)(nil)

// New returns a limiter on a client, which the caller closes. The error names everything
// that is wrong with the arguments.
func New(client redis.UniversalClient, options ...Option) (*Limiter, error) {
	memory, err := limit.NewMemory()
	if err != nil {
		return nil, err
	}
	chosen := settings{prefix: "sallyport:", timeout: 250 * time.Millisecond, fallback: memory}
	err = option.Apply("redislimit", &chosen, options)
	if client == nil {
		err = errors.Join(errors.New("redislimit: a client is required"), err)
	}
	if err != nil {
		return nil, err
	}
	return &Limiter{limiter: redis_rate.NewLimiter(client), settings: chosen}, nil
}

// Take implements [limit.Limiter]. Calls that come to several processes at once can each
// find room in one of several limits and not in another, and are counted by both: never
// more are admitted than the limits say.
func (l *Limiter) Take(ctx context.Context, buckets []limit.Bucket) (wait time.Duration, over int, err error) {
	if err := l.resting(); err != nil {
		return l.fallBack(ctx, buckets, err)
	}
	found := l.askInTime(ctx, buckets)
	switch err := found.err; {
	case err == nil:
		return found.wait, found.over, nil
	case ctx.Err() != nil:
		return 0, 0, ctx.Err() // the caller is gone, which says nothing of Redis
	}
	l.rest(ctx, found.err)
	return l.fallBack(ctx, buckets, found.err)
}

// An answer is what [Limiter.Take] returns.
type answer struct {
	wait time.Duration
	over int
	err  error
}

// askInTime counts a call in Redis, for as long as the timeout lasts. A client reads for as
// long as its own settings say, also where its context has ended, so it is left behind
// until then.
func (l *Limiter) askInTime(ctx context.Context, buckets []limit.Bucket) answer {
	ctx, cancel := context.WithTimeout(ctx, l.timeout)
	answers := make(chan answer, 1)
	go func() {
		defer cancel()
		defer func() {
			if thrown := recover(); thrown != nil { // here a panic would end the process
				answers <- answer{err: recovered.New("counting in Redis", thrown)}
			}
		}()
		wait, over, err := l.ask(ctx, buckets)
		answers <- answer{wait, over, err}
	}()
	select {
	case found := <-answers:
		return found
	case <-ctx.Done():
	}
	select {
	case found := <-answers: // its context has ended because it is done
		return found
	default:
		return answer{err: context.Cause(ctx)}
	}
}

// ask counts a call in Redis.
func (l *Limiter) ask(ctx context.Context, buckets []limit.Bucket) (wait time.Duration, over int, err error) {
	if len(buckets) > 1 {
		// One that has no room keeps the others from being used up.
		wait, over, err = l.each(ctx, buckets, 0)
		if err != nil || wait > 0 {
			return wait, over, err
		}
	}
	return l.each(ctx, buckets, 1)
}

// each takes calls, one or none, from each bucket, and returns the longest wait until one
// more has room in all of them.
func (l *Limiter) each(ctx context.Context, buckets []limit.Bucket, calls int) (wait time.Duration, over int, err error) {
	for i := range buckets {
		longer, err := l.take(ctx, &buckets[i], calls)
		if err != nil {
			return 0, 0, err
		}
		if longer > wait {
			wait, over = longer, i
		}
	}
	return wait, over, nil
}

// parts is how many parts a call is counted in. redis_rate counts in floating point, by
// which a call that has just enough room may be refused: a thousandth of a call more than
// the burst keeps it from that.
const parts = 1000

// take takes a call from a bucket, or none, and returns after how long there is room for
// one. 0 says that there is, and that the call was taken.
func (l *Limiter) take(ctx context.Context, bucket *limit.Bucket, calls int) (time.Duration, error) {
	of := bucket.Limit
	if of.Requests < 1 || of.Burst < 1 || of.Window <= 0 {
		return 1<<63 - 1, nil // it lets nothing through
	}
	rate := redis_rate.Limit{Rate: of.Requests * parts, Burst: of.Burst*parts + 1, Period: of.Window}
	result, err := l.limiter.AllowN(ctx, l.key(bucket), rate, calls*parts)
	switch {
	case err != nil:
		return 0, err
	case calls > 0 && result.Allowed > 0, calls == 0 && result.Remaining >= parts:
		return 0, nil
	case calls > 0:
		return max(result.RetryAfter, time.Microsecond), nil
	default:
		return max(result.ResetAfter-time.Duration(of.Burst-1)*of.Interval(), time.Microsecond), nil
	}
}

// key is the key of a bucket: a digest, so that ids and addresses of callers are not
// readable in Redis, and a long id takes no more room than a short one.
func (l *Limiter) key(bucket *limit.Bucket) string {
	of := bucket.Limit
	caller := ""
	switch of.Per {
	case limit.Principal:
		caller = bucket.Principal
	case limit.Address:
		caller = bucket.Network.String()
	case limit.Action:
	}
	digest := sha256.Sum256(fmt.Appendf(nil, "%q %d %d %d %d %q", bucket.Procedure, of.Per, of.Requests, of.Window, of.Burst, caller))
	return l.prefix + base64.RawURLEncoding.EncodeToString(digest[:])
}

// resting returns what Redis failed with, while it is left alone.
func (l *Limiter) resting() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil && time.Now().Before(l.down) {
		return l.err
	}
	return nil
}

// rest leaves Redis alone for a while.
func (l *Limiter) rest(ctx context.Context, err error) {
	l.mu.Lock()
	known := l.err != nil && time.Now().Before(l.down)
	l.down, l.err = time.Now().Add(pause), err
	l.mu.Unlock()
	if known {
		return
	}
	logger := l.logger
	if logger == nil {
		logger = slog.Default()
	}
	logger.LogAttrs(ctx, slog.LevelWarn, "limits are not counted in Redis", slog.Bool("refused", l.fallback == nil), slog.String("error", err.Error()))
}

// fallBack counts without Redis.
func (l *Limiter) fallBack(ctx context.Context, buckets []limit.Bucket, err error) (wait time.Duration, over int, failed error) {
	if l.fallback == nil {
		return 0, 0, fmt.Errorf("redislimit: %w", err)
	}
	return l.fallback.Take(ctx, buckets)
}
