package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/sallyport-rpc/sallyport/internal/review"
)

// explainFlags are the flags of explain.
type explainFlags struct {
	contractFlags

	principal, request, resource, now, event, output string
	answers                                          []string
}

func newExplain() *cobra.Command {
	flags := &explainFlags{}
	command := &cobra.Command{
		Use:   "explain {PROCEDURE|--event FILE} [DIR|REVISION:DIR|FILE|URL]",
		Short: "Say step by step why a call is allowed or denied",
		Long: `Explain decides one call as the gate does, by the gate's own code: it validates the
request, holds the caller against the schemes and the age of the sign-in, looks at what
a scoped credential carries, and then at each condition of each grant. Of a call that no
grant lets in it prints the smallest sets of roles and scopes that would: of up to three,
and of no claims.

With --event it explains a recorded call: one event as "sallyport audit query -o json"
prints it. Events have what conditions read where the program records it, with
action.WithEventValues. What the event lacks is said, and nothing is guessed.

The principal is a JSON object such as {"id": "ada", "roles": ["member"], "scopes": [],
"claims": {}, "authenticated_at": "2026-11-26T09:00:00Z"}: the form in which diff and
prove print witnesses.

` + contractWords,
		Example: `  sallyport explain /demo.v1.AccountService/GetUser --principal ada.json --request '{"userId": "…"}'
  sallyport explain /acme.v1.Notes/Read main:proto --principal ada.json --answer is_open=yes -o json
  sallyport audit query --database audit.db --call 4F…2A --kind decided -o json | sallyport explain --event - proto`,
		Args: func(_ *cobra.Command, arguments []string) error {
			if flags.event != "" {
				if len(arguments) > 1 {
					return misuse{"the event names the procedure: name one folder, file or server at most"}
				}
				return nil
			}
			if len(arguments) < 1 || len(arguments) > 2 {
				return misuse{"name the procedure, such as /demo.v1.AccountService/GetUser"}
			}
			return nil
		},
	}
	command.RunE = verb(flags.explain)
	flags.flags(command)
	command.Flags().StringVar(&flags.principal, "principal", "", "a `FILE` with who calls (.json); an anonymous action needs none")
	command.Flags().StringVar(&flags.request, "request", "", "the request in `JSON`; an empty message without it")
	command.Flags().StringVar(&flags.resource, "resource", "", "what the action is about, in `JSON`; one that is not there without it")
	command.Flags().StringVar(&flags.now, "now", "", "the `TIME` of the call, 2026-11-26T09:00:00Z; now without it")
	command.Flags().StringArrayVar(&flags.answers, "answer", nil, "what a check or a relation answers, `CHECK=yes` or CHECK=no; may be repeated")
	command.Flags().StringVar(&flags.event, "event", "", "a `FILE` with a recorded event (.json), - for standard input; it says who called, when, and what for")
	must(command.MarkFlagFilename("principal", "json"))
	must(command.MarkFlagFilename("event", "json"))
	for _, other := range []string{"principal", "request", "resource", "now", "answer"} {
		command.MarkFlagsMutuallyExclusive("event", other)
	}
	outputFlag(command, &flags.output, outputs...)
	return command
}

func (f *explainFlags) explain(command *cobra.Command, arguments []string) error {
	if err := checkOutput(f.output, outputs); err != nil {
		return err
	}
	if f.event != "" {
		return f.explainEvent(command, first(arguments))
	}
	question, err := f.question()
	if err != nil {
		return err
	}
	contract, err := f.read(command.Context(), first(arguments[1:]), command.InOrStdin())
	if err != nil {
		return err
	}
	action, err := actionIn(contract, arguments[0])
	if err != nil {
		return err
	}
	if f.principal == "" && len(action.Schemes) > 0 {
		return misuse{"the action's callers authenticate: name a file with who calls by --principal"}
	}
	explained, err := action.Explain(command.Context(), question)
	if err != nil {
		return err
	}
	return f.write(command, explained)
}

// explainEvent explains the one event that a file has.
func (f *explainFlags) explainEvent(command *cobra.Command, source string) error {
	if f.event == "-" && source == "-" {
		return misuse{"standard input cannot be both the event and the contract"}
	}
	from, done, err := openEvents(f.event, command.InOrStdin())
	if err != nil {
		return err
	}
	defer done()
	var events []review.Event
	for event, err := range review.ReadEvents(from) {
		if err != nil {
			return fmt.Errorf("%s: %w", f.event, err)
		}
		if events = append(events, event); len(events) > 1 {
			return fmt.Errorf("%s has more than one event: take the one that is to be explained, such as by --call and --kind of audit query", f.event)
		}
	}
	if len(events) == 0 {
		return fmt.Errorf("%s has no event", f.event)
	}
	contract, err := f.read(command.Context(), source, command.InOrStdin())
	if err != nil {
		return err
	}
	action, err := actionIn(contract, events[0].Procedure)
	if err != nil {
		return err
	}
	explained, err := action.ExplainEvent(command.Context(), &events[0])
	if err != nil {
		return fmt.Errorf("%s: %w", f.event, err)
	}
	return f.write(command, explained)
}

// actionIn returns an action of a contract, by its procedure.
func actionIn(contract *review.Contract, procedure string) (review.Action, error) {
	for _, action := range contract.Actions() {
		if action.Procedure == procedure {
			return action, nil
		}
	}
	return review.Action{}, fmt.Errorf("there is no action %q: sallyport matrix lists them", procedure)
}

func (f *explainFlags) write(command *cobra.Command, explained *review.Explanation) error {
	if f.output == "json" {
		return explained.WriteJSON(command.OutOrStdout())
	}
	return explained.WriteText(command.OutOrStdout())
}

// question reads what the flags say of the call.
func (f *explainFlags) question() (review.Question, error) {
	question := review.Question{Request: f.request, Resource: f.resource, Now: time.Now(), Answers: map[string]bool{}}
	if f.now != "" {
		at, err := time.Parse(time.RFC3339, f.now)
		if err != nil {
			return question, misuse{fmt.Sprintf("--now is %q: write a time such as 2026-11-26T09:00:00Z", f.now)}
		}
		question.Now = at
	}
	for _, text := range f.answers {
		name, answer, _ := strings.Cut(text, "=")
		if name == "" || answer != "yes" && answer != "no" {
			return question, misuse{fmt.Sprintf("--answer is %q: write the check and its answer, such as is_open=yes", text)}
		}
		question.Answers[name] = answer == "yes"
	}
	if f.principal == "" {
		return question, nil
	}
	file, err := os.Open(f.principal)
	if err != nil {
		return question, err
	}
	defer file.Close()
	if question.Caller, err = review.ReadCaller(file); err != nil {
		return question, fmt.Errorf("%s: %w", f.principal, err)
	}
	return question, nil
}
