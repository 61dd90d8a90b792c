package server

import (
	"context"
	"log/slog"
)

// shortened is a log whose messages have a limit. It takes what net/http says of
// connections: the error of a TLS handshake quotes lists that the client made.
type shortened struct{ slog.Handler }

// Handle implements [slog.Handler].
func (s shortened) Handle(ctx context.Context, record slog.Record) error {
	record.Message = short(record.Message)
	return s.Handler.Handle(ctx, record)
}
