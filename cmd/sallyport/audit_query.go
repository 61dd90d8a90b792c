package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-rpc/sallyport/audit"
	"github.com/sallyport-rpc/sallyport/internal/review"
)

// queryOutputs are the ways to print events.
var queryOutputs = []string{"text", "json", "csv"}

func newAuditQuery() *cobra.Command {
	var named databases
	var query audit.Query
	var since, until, output string
	command := &cobra.Command{
		Use:   "query",
		Short: "Print events of audit logs",
		Long: `Query prints the events that all the flags select, log by log. It proves nothing: see
"sallyport audit verify".`,
		Example: `  sallyport audit query --database audit.db --principal ada --since 24h
  sallyport audit query --database audit.db --outcome deny --procedure '/acme.*/Delete*' -o csv`,
		Args: cobra.NoArgs,
		RunE: verb(func(command *cobra.Command, _ []string) (err error) {
			if query.Since, err = instant("since", since); err != nil {
				return err
			}
			if query.Until, err = instant("until", until); err != nil {
				return err
			}
			printed, err := newEventPrinter(command.OutOrStdout(), output)
			if err != nil {
				return err
			}
			stores, done, err := named.open()
			if err != nil {
				return err
			}
			defer done()
			for _, store := range stores {
				for found, err := range store.Find(command.Context(), query) {
					if err != nil {
						return err
					}
					if err := printed.event(found); err != nil {
						return err
					}
				}
			}
			return printed.end()
		}),
	}
	named.flag(command, "a database of the logs")
	flags := command.Flags()
	flags.StringVar(&query.Log, "log", "", "the name of one log")
	flags.StringVar(&since, "since", "", "events from this time on: 2026-11-26T09:00:00Z, or how long ago, such as 24h")
	flags.StringVar(&until, "until", "", "events before this time")
	flags.StringVar(&query.Kind, "kind", "", "a kind of event, such as decided or ended")
	flags.StringVar(&query.Outcome, "outcome", "", "allow or deny")
	flags.StringVar(&query.Principal, "principal", "", "the id of who called, or the pseudonym")
	flags.StringVar(&query.Procedure, "procedure", "", "an RPC, or a pattern such as '/acme.*/Delete*'")
	flags.StringVar(&query.Call, "call", "", "the id of one call")
	flags.StringVar(&query.Code, "code", "", "what the caller was answered, such as permission_denied")
	flags.StringVar(&query.Shadow, "shadow", "", "what the action's shadow would have decided: would_allow, would_deny, same or undecided")
	outputFlag(command, &output, queryOutputs...)
	return command
}

// instant reads a time, or how long ago it was.
func instant(flag, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if ago, err := time.ParseDuration(text); err == nil {
		return time.Now().Add(-ago), nil
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, misuse{fmt.Sprintf("--%s %q is no time: write one such as 2026-11-26T09:00:00Z, or how long ago, such as 24h", flag, text)}
	}
	return at, nil
}

// An eventPrinter prints events one by one.
type eventPrinter struct {
	event func(audit.Found) error
	end   func() error
}

func newEventPrinter(out io.Writer, output string) (eventPrinter, error) {
	nothing := func() error { return nil }
	switch output {
	case "text":
		return eventPrinter{func(found audit.Found) error {
			_, err := fmt.Fprintln(out, eventLine(found))
			return err
		}, nothing}, nil
	case "json":
		encoder := json.NewEncoder(out)
		return eventPrinter{func(found audit.Found) error { return encoder.Encode(found) }, nothing}, nil
	case "csv":
		table := csv.NewWriter(out)
		err := table.Write([]string{"log", "number", "time", "kind", "outcome", "code", "principal", "scheme", "grant", "procedure", "peer", "call", "request_id", "reason", "error"})
		return eventPrinter{func(found audit.Found) error {
			e := found.Entry
			record := []string{found.Log, strconv.FormatInt(found.Number, 10), e.Time.Format(time.RFC3339Nano), e.Kind, e.Outcome, e.Code, e.Principal, e.Scheme, e.Grant, e.Procedure, e.Peer, e.Call, e.RequestID, e.Reason, e.Error}
			review.PlainCells(record)
			return table.Write(record)
		}, func() error { table.Flush(); return table.Error() }}, err
	default:
		return eventPrinter{}, checkOutput(output, queryOutputs)
	}
}

// eventLine is an event on one line. What a caller chose is quoted.
func eventLine(found audit.Found) string {
	e := found.Entry
	line := fmt.Sprintf("%s %d %s", e.Time.Format(time.RFC3339), found.Number, strings.ReplaceAll(e.Kind, " ", "-"))
	add := func(name, value string) {
		if value == "" {
			return
		}
		if strings.ContainsFunc(value, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' }) {
			value = strconv.QuoteToASCII(value)
		}
		line += " " + name + "=" + value
	}
	for _, field := range [][2]string{
		{"outcome", e.Outcome}, {"code", e.Code}, {"procedure", e.Procedure}, {"principal", e.Principal}, {"scheme", e.Scheme},
		{"grant", e.Grant}, {"peer", e.Peer}, {"call", e.Call}, {"shadow", e.Shadow}, {"reason", e.Reason}, {"error", e.Error}, {"log", e.Log},
	} {
		add(field[0], field[1])
	}
	if e.Lost > 0 {
		add("lost", strconv.Itoa(e.Lost))
	}
	if e.NotRecorded > 0 {
		add("not_recorded", strconv.Itoa(e.NotRecorded))
	}
	return line
}
