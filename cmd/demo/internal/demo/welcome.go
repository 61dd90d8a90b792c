package demo

import (
	"fmt"
	"io"
	"net/url"
	"text/tabwriter"

	"github.com/sallyport-rpc/sallyport/action"
	"github.com/sallyport-rpc/sallyport/server"
)

// A welcome is what the demo prints when it starts.
type welcome struct {
	url         string
	database    string
	flag        string   // that names another database
	sessions    *url.URL // the server that keeps them, or nil
	openfga     string   // that is asked which users documents are shared with, or ""
	issuer      string   // of tokens, or ""
	unreachable error    // why the issuer cannot be reached, or nil
	private     bool     // only this machine can reach the demo
	accounts    accounts
	actions     []action.Action
	unguarded   []server.UnguardedHandler
	commands    []command
}

// print writes the welcome. The demo serves even if it cannot be written.
func (w welcome) print(out io.Writer) {
	fmt.Fprintf(out, "Serving %s, with the users in %s", w.url, w.database)
	if w.sessions != nil {
		fmt.Fprintf(out, " and the sessions in %s", shown(w.sessions))
	}
	fmt.Fprint(out, ".\n")
	if w.openfga != "" {
		fmt.Fprintf(out, "Which users documents are shared with is asked of OpenFGA: %s.\n", w.openfga)
	}
	fmt.Fprintln(out)
	w.printAccounts(out)
	printTable(out, w.actions, w.unguarded)
	fmt.Fprintln(out)
	w.printTokens(out)
	if w.private {
		fmt.Fprint(out, "Only this machine can reach the demo, so the session cookie is not marked Secure.\n")
	} else {
		fmt.Fprint(out, "Other machines can reach the demo, and it does not encrypt: put it behind a proxy that does,\n"+
			"and name that with -hosts and -proxies. The session cookie is marked Secure, for HTTPS alone.\n")
	}
	fmt.Fprint(out, "\nTo try it, copy these lines into another terminal:\n\n")
	for _, command := range w.commands {
		fmt.Fprintf(out, "# %s\n%s\n", command.remark, command)
	}
}

func (w welcome) printAccounts(out io.Writer) {
	switch {
	case w.accounts.created:
		fmt.Fprintf(out, "The directory is new, with these accounts. Their password is: %s\n\n", examplePassword)
		table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		for _, example := range examples {
			fmt.Fprintf(table, "  %s\t%s\n", example.Email, example.Role)
		}
		_ = table.Flush()
		fmt.Fprintln(out)
	case w.accounts.empty && w.private:
		fmt.Fprintf(out, "There are no accounts. For example accounts, name a new database with %s.\n\n", w.flag)
	case w.accounts.empty:
		fmt.Fprint(out, "There are no accounts, and example accounts are not created where others can reach them.\n"+
			"For an admin of your own, serve a new database on 127.0.0.1 first: it begins with example\n"+
			"accounts. Sign up there, let the example admin grant you the role admin, delete the\n"+
			"examples, and then serve that database here.\n\n")
	}
}

func (w welcome) printTokens(out io.Writer) {
	switch {
	case w.issuer == "":
		fmt.Fprint(out, "Bearer tokens are not accepted: -oidc-issuer and -oidc-audience name their issuer.\n")
	case w.unreachable != nil:
		fmt.Fprintf(out, "Bearer tokens of %s would be accepted, but it was not reached:\n  %s\n"+
			"Calls with a token are answered as unavailable until it is. See /healthz.\n", w.issuer, line(w.unreachable))
	default:
		fmt.Fprintf(out, "Bearer tokens of %s are accepted.\n", w.issuer)
	}
}
