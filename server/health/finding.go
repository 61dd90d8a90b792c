package health

import (
	"context"
	"log/slog"
	"time"

	"github.com/sallyport-rpc/sallyport/internal/recovered"
)

// A finding is what a check last found. [Checks.mu] guards it.
type finding struct {
	works  bool
	failed bool      // the last one did not work, and was logged
	at     time.Time // when the check began that found it; zero where none has ended
	run    chan struct{}
}

// finding returns what check number i found within the last interval, and runs it where
// it has not run for that long. Callers who come meanwhile wait for the same run.
func (c *Checks) finding(ctx context.Context, i int) bool {
	c.mu.Lock()
	found := c.findings[i]
	if !found.at.IsZero() && time.Since(found.at) < c.interval {
		defer c.mu.Unlock()
		return found.works
	}
	if found.run == nil {
		found.run = make(chan struct{})
		// Its own context: the caller who happens to come first may leave.
		go c.look(context.WithoutCancel(ctx), i, found.run)
	}
	run := found.run
	c.mu.Unlock()
	wait := time.NewTimer(c.timeout)
	defer wait.Stop()
	select {
	case <-run:
	case <-wait.C: // the check does not return when its context ends
		return false
	case <-ctx.Done():
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return found.works
}

// look runs a check, and keeps what it finds.
func (c *Checks) look(ctx context.Context, i int, done chan struct{}) {
	began := time.Now()
	err := c.ask(ctx, c.checks[i])
	c.mu.Lock()
	found := c.findings[i]
	before := found.failed
	found.works, found.failed, found.at, found.run = err == nil, err != nil, began, nil
	c.mu.Unlock()
	close(done)
	name := []slog.Attr{slog.String("check", c.checks[i].name), slog.String("service", c.checks[i].service)}
	switch {
	case err != nil && !before:
		c.log().LogAttrs(ctx, slog.LevelWarn, "a health check fails", append(name, slog.String("error", err.Error()))...)
	case err == nil && before:
		c.log().LogAttrs(ctx, slog.LevelInfo, "a health check works again", name...)
	}
}

// ask runs a check within its time. A panic is an error.
func (c *Checks) ask(ctx context.Context, check check) (err error) {
	defer func() {
		if thrown := recover(); thrown != nil {
			err = recovered.New("the health check", thrown)
		}
	}()
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	if err := check.run(ctx); err != nil {
		return err
	}
	return ctx.Err()
}
