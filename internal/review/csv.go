package review

import (
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"
)

// csvHeader names the columns of [Contract.WriteCSV].
var csvHeader = []string{
	"procedure", "shape", "source", "schemes", "anonymous", "max_age", "grant", "any_role", "roles_unfolded", "all_scopes",
	"when", "cel", "check", "relation", "accepts", "anyone", "credential_scopes", "conceal", "stream", "recheck", "limits", "inputs", "shadow", "fields", "names", "each", "fingerprint",
}

// WriteCSV writes the contract as CSV (RFC 4180), a row for each grant, and one for each
// action that has none. Lists are separated by spaces, or by "; " where their parts have
// spaces. A cell that a spreadsheet would take for a formula begins with an apostrophe.
func (c *Contract) WriteCSV(out io.Writer) error {
	writer := csv.NewWriter(out)
	rows := [][]string{csvHeader}
	for _, action := range c.Actions() {
		grants := action.Grants
		if len(grants) == 0 {
			grants = []Grant{{}}
		}
		for _, grant := range grants {
			rows = append(rows, c.csvRow(action, grant))
		}
	}
	return writer.WriteAll(rows)
}

func (c *Contract) csvRow(action Action, grant Grant) []string {
	expression := grant.CEL
	if grant.When != "" && expression != "" {
		expression = "(" + grant.WhenCEL + ") && (" + expression + ")"
	} else if grant.When != "" {
		expression = grant.WhenCEL
	}
	inputs := make([]string, len(action.Inputs))
	for i, input := range action.Inputs {
		inputs[i] = input.String()
	}
	shadow := make([]string, len(action.Shadow))
	for i, grant := range action.Shadow {
		shadow[i] = grant.line()
	}
	fields := make([]string, len(action.Fields))
	for i, field := range action.Fields {
		fields[i] = field.String()
	}
	names := make([]string, len(action.Names))
	for i, naming := range action.Names {
		names[i] = naming.String()
	}
	each := make([]string, len(action.Each))
	for i, of := range action.Each {
		each[i] = of.String()
	}
	conceal := ""
	relation := ""
	if grant.Relation != nil {
		relation = grant.Relation.String()
	}
	if action.Conceal {
		conceal = "yes"
	}
	row := []string{
		action.Procedure, action.Shape, action.Source, strings.Join(action.Schemes, " "), action.Anonymous, action.MaxAge,
		grant.Name, strings.Join(grant.Roles, " "), strings.Join(grant.Holders, " "), strings.Join(grant.Scopes, " "),
		grant.When, expression, grant.Check, relation, strings.Join(grant.accepts(), "; "), action.Anyone, strings.Join(action.CredentialScopes, " "),
		conceal, action.Stream, action.Recheck, strings.Join(action.Limits, "; "), strings.Join(inputs, "; "), strings.Join(shadow, "; "), strings.Join(fields, "; "), strings.Join(names, "; "), strings.Join(each, "; "), c.Fingerprint,
	}
	PlainCells(row)
	return row
}

// PlainCells keeps a spreadsheet from taking cells of CSV for formulas: those begin with an
// apostrophe then (https://owasp.org/www-community/attacks/CSV_Injection).
func PlainCells(row []string) {
	for i, cell := range row {
		if cell != "" && strings.ContainsRune("=+-@\t\r", rune(cell[0])) {
			row[i] = "'" + cell
		}
	}
}

// WriteJSON writes the contract as one JSON object, indented.
func (c *Contract) WriteJSON(out io.Writer) error { return writeJSON(out, c) }

func writeJSON(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}
