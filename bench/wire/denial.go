package main

import (
	"crypto/rand"
	"log/slog"
	"os"
	"time"
)

// denials is where every peer logs, Sallyport included: text to the standard error.
var denials = slog.New(slog.NewTextHandler(os.Stderr, nil))

// A denial is what a peer that takes access seriously writes down of a call that it
// denied: what Sallyport writes.
type denial struct {
	code, reason string
	caller       *user // nil: unknown
	begun        time.Time
}

func (d denial) log() {
	principal := ""
	if d.caller != nil {
		principal = d.caller.id
	}
	denials.Warn("decision",
		slog.String("call", rand.Text()), slog.String("peer", "127.0.0.1"), slog.String("procedure", writeNote), slog.String("outcome", "deny"),
		slog.String("principal", principal), slog.String("scheme", "session"), slog.Duration("duration", time.Since(d.begun)),
		slog.String("code", d.code), slog.String("reason", d.reason), slog.String("grants", "1: no admin; 2: not the owner"))
}
