package main

import (
	"fmt"
	"io"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/sallyport-rpc/sallyport/action"
)

// A welcome is what the demo prints when it starts.
type welcome struct {
	url      string
	path     string
	sessions *url.URL // the server that keeps them, or nil
	issuer   string   // of tokens, or ""
	private  bool     // only this machine can reach it
	accounts accounts
	actions  []action.Action
	commands []command
}

// print writes the welcome. A reader that went away is no reason not to serve.
func (w welcome) print(out io.Writer) {
	fmt.Fprintf(out, "Serving %s, with the users in %s", w.url, w.path)
	if w.sessions != nil {
		fmt.Fprintf(out, " and the sessions in %s", shown(w.sessions))
	}
	fmt.Fprint(out, ".\n\n")
	w.printAccounts(out)
	if w.private {
		fmt.Fprint(out, "Only this machine can reach it, so the session cookie is not marked Secure.\n\n")
	} else {
		fmt.Fprint(out, "Other machines can reach it, and it does not encrypt: put it behind a proxy that does.\n"+
			"The session cookie is marked Secure, for HTTPS alone.\n\n")
	}
	w.printTable(out)
	if w.issuer == "" {
		fmt.Fprint(out, "\nNo bearer tokens are taken: -oidc-issuer and -oidc-audience say whose would be.\n")
	} else {
		fmt.Fprintf(out, "\nBearer tokens are those of %s.\n", w.issuer)
	}
	fmt.Fprint(out, "\nTo try it, copy these into another terminal:\n\n")
	for _, command := range w.commands {
		fmt.Fprintf(out, "# %s\n%s\n", command.remark, command)
	}
}

func (w welcome) printAccounts(out io.Writer) {
	switch {
	case w.accounts.populated:
		fmt.Fprintf(out, "There were no accounts, so these were made. Their password is: %s\n\n", examplePassword)
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, example := range examples {
			fmt.Fprintf(table, "  %s\t%s\n", example.Email, example.Role)
		}
		_ = table.Flush()
		fmt.Fprintln(out)
	case w.accounts.empty:
		fmt.Fprint(out, "There are no accounts, and none were made, because others can reach this address.\n"+
			"For an admin, serve the same -db on 127.0.0.1 first: that makes example accounts. Sign up\n"+
			"there, let the example admin grant you the role admin, and delete the examples.\n\n")
	}
}

// printTable prints who may call what.
func (w welcome) printTable(out io.Writer) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PROCEDURE\tAUTHENTICATED BY\tWHO MAY")
	for _, action := range w.actions {
		schemes := strings.Join(action.Schemes, ", ")
		if schemes == "" {
			schemes = "nobody"
		}
		fmt.Fprintf(table, "%s\t%s\t%s\n", action.Procedure, schemes, action.Who)
	}
	_ = table.Flush()
}
