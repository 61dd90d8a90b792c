package event

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sallyport-rpc/sallyport/internal/policy"
)

// LogRecorder returns a [Recorder] that writes each event on one line of a logger:
// allows at debug, denials at info, faults at error. It thins what strangers are
// denied, as [ThinningRecorder] does. A nil logger is [slog.Default] as it is at the
// time of each event.
//
// A line takes at most 4 KiB with the handlers of log/slog, and longer values are cut.
// In values all but printable characters are escaped, also for handlers that escape
// nothing. The contract's fingerprint and event values ([action.WithEventValues]) are
// left out.
func LogRecorder(logger *slog.Logger) Recorder { return ThinningRecorder(logRecorder{logger}) }

type logRecorder struct{ logger *slog.Logger }

func (r logRecorder) to() *slog.Logger {
	if r.logger == nil {
		return slog.Default()
	}
	return r.logger
}

// Enabled implements [Recorder].
func (r logRecorder) Enabled(ctx context.Context, _ Kind, outcome Outcome) bool {
	if outcome == Allow {
		return r.to().Enabled(ctx, slog.LevelDebug)
	}
	return r.to().Enabled(ctx, slog.LevelError) // it may be a fault
}

// How many bytes of a value a line has. Together, with all that a handler of log/slog
// puts around and into them, they stay below 4 KiB.
const (
	maxLogName   = 128
	maxLogReason = 512
	maxLogCause  = 1024
)

// Record implements [Recorder]. It never fails: a logger has no way to say so.
func (r logRecorder) Record(ctx context.Context, event *Event) error {
	level := slog.LevelInfo
	switch {
	case event.Err != nil, event.Cleared != nil && event.Cleared.Undecided != nil:
		level = slog.LevelError
	case event.Outcome == Allow:
		level = slog.LevelDebug
	}
	logger := r.to()
	if logger.Enabled(ctx, level) {
		var room [mostAttributes]slog.Attr
		logger.LogAttrs(ctx, level, event.Kind.String(), logAttributes(room[:0], event)...)
	}
	return nil
}

// mostAttributes is how many attributes a line has at most.
const mostAttributes = 18

// logAttributes appends what a line has of an event. What is not known is left out, but for
// the outcome.
func logAttributes(attributes []slog.Attr, event *Event) []slog.Attr {
	text := func(key, value string, most int) {
		if value != "" {
			attributes = append(attributes, slog.String(key, oneLine(value, most)))
		}
	}
	text("call", event.CallID, maxLogName)
	text("request_id", event.RequestID, maxLogName)
	if event.Peer != nil && event.Peer.Address.IsValid() {
		text("peer", event.Peer.Address.String(), maxLogName)
	}
	text("procedure", event.Procedure, 2*maxLogName)
	if event.Kind != Fault && event.Kind != Refused {
		text("stage", event.Stage.String(), maxLogName)
	}
	attributes = append(attributes, slog.String("outcome", event.Outcome.String()))
	text("principal", event.PrincipalID, maxLogName)
	text("scheme", event.Scheme, maxLogName)
	text("grant", event.Grant, maxLogName)
	text("load", event.Load.String(), maxLogName)
	text("shadow", event.Shadow.String(), maxLogName)
	attributes = append(attributes, slog.Duration("duration", event.Duration))
	if event.Code != 0 {
		text("code", event.Code.String(), maxLogName)
	}
	text("reason", event.Reason, maxLogReason)
	if len(event.Grants) > 0 {
		text("grants", policy.Summary(event.Grants), maxLogCause)
	}
	if event.Cleared != nil {
		text("cleared", strings.Join(event.Cleared.Fields, " "), maxLogReason)
		if event.Cleared.Undecided != nil {
			text("undecided", event.Cleared.Undecided.Error(), maxLogReason)
		}
	}
	if event.Err != nil {
		text("error", event.Err.Error(), maxLogCause)
	}
	if event.NotRecorded > 0 {
		attributes = append(attributes, slog.Int("not_recorded", event.NotRecorded))
	}
	return attributes
}

// oneLine cuts a text and escapes in it what is not printable: line ends, escapes, and
// what changes the direction of a line. A quote and a backslash count twice, as
// handlers escape them.
func oneLine(text string, most int) string {
	if isOneLine(text, most) {
		return text
	}
	return escaped(text, most)
}

func escaped(text string, most int) string {
	var line strings.Builder
	size := 0
	for len(text) > 0 {
		char, width := utf8.DecodeRuneInString(text)
		part := text[:width]
		switch {
		case char == utf8.RuneError && width == 1:
			part = fmt.Sprintf(`\x%02x`, text[0])
		case char == '\n':
			part = `\n`
		case !unicode.IsPrint(char):
			part = fmt.Sprintf(`\u%04x`, char)
		}
		size += len(part) + strings.Count(part, `\`) + strings.Count(part, `"`)
		if size > most {
			return line.String() + "…"
		}
		line.WriteString(part)
		text = text[width:]
	}
	return line.String()
}

// isOneLine reports whether a text is short enough and has nothing to escape, as most texts
// are. It looks at no rune, and allocates nothing.
func isOneLine(text string, most int) bool {
	if len(text) > most {
		return false
	}
	size := len(text)
	for i := range len(text) {
		switch char := text[i]; {
		case char < ' ' || char > '~':
			return false
		case char == '"' || char == '\\':
			size++
		}
	}
	return size <= most
}
