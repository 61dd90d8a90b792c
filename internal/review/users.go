package review

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"github.com/sallyport-rpc/sallyport/authn"
	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
)

// A User is whom a table of users and actions is about.
type User struct {
	// ID is the principal's id. Required.
	ID string `json:"id"`
	// Roles are what the user carries; those that they include come with them.
	Roles []string `json:"roles"`
	// Scopes are those of the user's credential. With none it is an unscoped one.
	Scopes []string `json:"scopes"`
	// Claims are the claims in the JSON form of the message that is marked with
	// (sallyport.v1.claims). Nil is without claims.
	Claims json.RawMessage `json:"claims"`
}

// ReadUsers reads users from a JSON array. An error says which of them is wrong.
func ReadUsers(from io.Reader) ([]User, error) {
	decoder := json.NewDecoder(from)
	decoder.DisallowUnknownFields()
	var users []User
	if err := decoder.Decode(&users); err != nil {
		return nil, fmt.Errorf(`%w: write a JSON array such as [{"id": "ada", "roles": ["admin"]}]`, err)
	}
	for i, user := range users {
		switch {
		case user.ID == "":
			return nil, fmt.Errorf("user %d has no id", i+1)
		case slices.ContainsFunc(users[:i], func(other User) bool { return other.ID == user.ID }):
			return nil, fmt.Errorf("user %q is there twice", user.ID)
		}
	}
	return users, nil
}

// May says what a user may do with an action.
type May string

// What a user may do.
const (
	// No: no grant can hold.
	No May = "no"
	// Yes: a grant holds whatever the request is.
	Yes May = "yes"
	// Depends: it depends on the request, on a check or on the credential.
	Depends May = "depends"
)

// may says whether a principal may call an action, as far as the declaration decides it
// without a request. What a condition reads beyond id, roles, scopes and claims makes it
// [Depends].
func (a Action) may(ctx context.Context, principal *authn.Principal) May {
	declaration := a.declaration
	switch {
	case declaration == nil:
		return Depends
	case declaration.Anonymous():
		return Yes
	case principal.Scoped() && (len(declaration.CredentialScopes) == 0 || !all(declaration.CredentialScopes, principal.Scopes())):
		return No
	case declaration.Anyone:
		return a.fresh(Yes)
	}
	best := No
	for _, grant := range declaration.Grants {
		switch holds(ctx, grant, principal) {
		case Yes:
			return a.fresh(Yes)
		case Depends:
			best = Depends
		case No:
		}
	}
	return best
}

// principal is the user as conditions see it that know claims of a type; nil are those
// that know none. fits is whether the user's claims are of that type.
func (u User) principal(claims protoreflect.MessageDescriptor, roles *authn.Hierarchy) (principal *authn.Principal, fits bool) {
	details := authn.Details{Roles: u.Roles, Scopes: u.Scopes, Unscoped: len(u.Scopes) == 0}
	if len(u.Claims) > 0 && claims != nil {
		read := dynamicpb.NewMessage(claims)
		if fits = protojson.Unmarshal(u.Claims, read) == nil; fits {
			details.Claims = read
		}
	}
	return authn.NewPrincipal(u.ID, details).Bound("", roles), fits
}

// fresh is what becomes of an answer where the caller must have authenticated within some
// time.
func (a Action) fresh(may May) May {
	if a.declaration.MaxAge > 0 {
		return Depends
	}
	return may
}

// holds says whether a grant holds for a principal, whatever the request is.
func holds(ctx context.Context, grant declare.Grant, principal *authn.Principal) May {
	result := Yes
	for _, declared := range grant.Conditions {
		switch of := one(ctx, declared, principal); of {
		case No:
			return No
		case Depends:
			result = Depends
		case Yes:
		}
	}
	return result
}

func one(ctx context.Context, declared declare.Condition, principal *authn.Principal) May {
	yes := func(holds bool) May {
		if holds {
			return Yes
		}
		return No
	}
	switch declared := declared.(type) {
	case declare.AnyRole:
		return yes(slices.ContainsFunc(declared.Unfolded, func(role string) bool { return slices.Contains(principal.Roles(), role) })) // unfolded already
	case declare.AllScopes:
		return yes(all(declared.Named, principal.Scopes()))
	case declare.When:
		return decided(ctx, declared.Expression, principal)
	case declare.CEL:
		return decided(ctx, declared.Expression, principal)
	default:
		return Depends
	}
}

// known are what a table of users knows of a principal.
var known = []string{"principal.id", "principal.roles", "principal.scopes"}

// decided evaluates an expression that reads only what is known of a user.
func decided(ctx context.Context, expression *condition.Expression, principal *authn.Principal) May {
	for _, read := range expression.Reads() {
		if !slices.Contains(known, read.Name) && !strings.HasPrefix(read.Name, "principal.claims") {
			return Depends
		}
	}
	holds, err := expression.Holds(ctx, &condition.Input{Principal: principal})
	switch {
	case err != nil:
		return Depends
	case holds:
		return Yes
	default:
		return No
	}
}

func all(wanted, held []string) bool {
	return !slices.ContainsFunc(wanted, func(name string) bool { return !slices.Contains(held, name) })
}

// A UserTable says, for each action, what each user may do.
type UserTable struct {
	Fingerprint string    `json:"fingerprint"`
	Users       []string  `json:"users"`
	Rows        []UserRow `json:"actions"`
}

// A UserRow is one action of a [UserTable].
type UserRow struct {
	Procedure string `json:"procedure"`
	// May has an answer for each user, in their order.
	May []May `json:"may"`
}

// Table makes the table of users and actions.
func (c *Contract) Table(ctx context.Context, users []User) (*UserTable, error) {
	table := &UserTable{Fingerprint: c.Fingerprint}
	for _, user := range users {
		table.Users = append(table.Users, user.ID)
	}
	for _, action := range c.Actions() {
		table.Rows = append(table.Rows, UserRow{Procedure: action.Procedure})
	}
	includes := map[string][]string{}
	for _, role := range c.Roles {
		includes[role.Name] = role.Includes
	}
	roles := authn.NewHierarchy(includes)
	for _, user := range users {
		fitted := len(user.Claims) == 0
		for i, action := range c.Actions() {
			principal, fits := user.principal(action.claims(), roles)
			fitted = fitted || fits
			table.Rows[i].May = append(table.Rows[i].May, action.may(ctx, principal))
		}
		if !fitted {
			return nil, fmt.Errorf("the claims of user %q are of no message that is marked with (sallyport.v1.claims)", user.ID)
		}
	}
	return table, nil
}

// claims is the type of the claims that the action's conditions know, or nil.
func (a Action) claims() protoreflect.MessageDescriptor {
	if a.declaration == nil {
		return nil
	}
	return a.declaration.Claims
}

// cells are the table's rows, the first with the users.
func (t *UserTable) cells() [][]string {
	rows := make([][]string, 0, 1+len(t.Rows))
	rows = append(rows, append([]string{"procedure"}, t.Users...))
	for _, row := range t.Rows {
		cells := []string{row.Procedure}
		for _, may := range row.May {
			cells = append(cells, string(may))
		}
		rows = append(rows, cells)
	}
	return rows
}

// WriteText writes the table for a terminal.
func (t *UserTable) WriteText(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range t.cells() {
		fmt.Fprintln(table, strings.Join(row, "\t"))
	}
	return table.Flush()
}

// WriteMarkdown writes the table as Markdown.
func (t *UserTable) WriteMarkdown(out io.Writer) error {
	var text strings.Builder
	for i, row := range t.cells() {
		for _, cell := range row {
			text.WriteString("| " + markup.Replace(cell) + " ")
		}
		text.WriteString("|\n")
		if i == 0 {
			text.WriteString(strings.Repeat("|---", len(row)) + "|\n")
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// WriteCSV writes the table as CSV, with cells as [Contract.WriteCSV] writes them.
func (t *UserTable) WriteCSV(out io.Writer) error {
	rows := t.cells()
	for _, row := range rows {
		PlainCells(row)
	}
	return csv.NewWriter(out).WriteAll(rows)
}

// WriteJSON writes the table as one JSON object, indented.
func (t *UserTable) WriteJSON(out io.Writer) error { return writeJSON(out, t) }
