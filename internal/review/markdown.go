package review

import (
	"fmt"
	"io"
	"strings"
)

// markup escapes what Markdown would take for its own in the cell of a table, and HTML.
var markup = strings.NewReplacer("\\", "\\\\", "|", "\\|", "&", "&amp;", "<", "&lt;", ">", "&gt;",
	"`", "\\`", "*", "\\*", "_", "\\_", "[", "\\[", "]", "\\]", "~", "\\~", "#", "\\#")

// code writes a text as code in the cell of a table. Code has no escapes, but for the bar
// of the table, so its fence is longer than any run of backticks in the text.
func code(text string) string {
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if len(fence) > 1 {
		return fence + " " + strings.ReplaceAll(text, "|", "\\|") + " " + fence
	}
	return fence + strings.ReplaceAll(text, "|", "\\|") + fence
}

// WriteMarkdown writes the contract as Markdown, a table for each service: a file to keep
// in a repository, so that a pull request shows what changes. It leaves the fingerprint
// out, which would make any two changes collide.
func (c *Contract) WriteMarkdown(out io.Writer) error {
	var text strings.Builder
	text.WriteString("# Who may call what\n")
	for _, service := range c.Services {
		fmt.Fprintf(&text, "\n## %s\n\n| Action | Authenticated by | Who may call it | Further |\n|---|---|---|---|\n", markup.Replace(service.Name))
		for _, action := range service.Actions {
			fmt.Fprintf(&text, "| %s | %s | %s | %s |\n", code(action.Method)+streaming(action), markup.Replace(action.Authenticated()),
				strings.Join(action.markdownWho(), "<br>"), strings.Join(action.markdownFurther(), "<br>"))
		}
	}
	c.markdownRoles(&text)
	if len(c.Pages) > 0 {
		text.WriteString("\n## Pages without a gate\n\n| Page | Why it has none |\n|---|---|\n")
		for _, page := range c.Pages {
			fmt.Fprintf(&text, "| %s | %s |\n", code(page.Pattern), markup.Replace(page.Reason))
		}
	}
	_, err := io.WriteString(out, text.String())
	return err
}

// streaming names the shape of a stream.
func streaming(action Action) string {
	if action.Stream == "" {
		return ""
	}
	return ", " + action.Shape
}

func (a Action) markdownWho() []string {
	if a.Anyone != "" {
		return []string{"anyone: " + markup.Replace(a.Anyone)}
	}
	lines := make([]string, len(a.Grants))
	for i, grant := range a.Grants {
		lines[i] = "**" + markup.Replace(grant.Name) + "**: " + strings.Join(grant.markdown(), ", and ")
		for _, accepted := range grant.Accepts {
			lines[i] += ". Accepts " + code(accepted.Rule) + ": " + markup.Replace(accepted.Reason)
		}
	}
	return lines
}

// markdown returns the grant's conditions. Expressions are code.
func (g Grant) markdown() []string {
	bare := g
	bare.When, bare.WhenCEL, bare.CEL, bare.Check, bare.Relation = "", "", "", "", nil
	var words []string
	for _, word := range bare.Words() {
		words = append(words, markup.Replace(word))
	}
	if g.When != "" {
		words = append(words, markup.Replace(g.When)+": "+code(g.WhenCEL))
	}
	if g.CEL != "" {
		words = append(words, code(g.CEL))
	}
	if g.Check != "" {
		words = append(words, "check "+code(g.Check+"()"))
	}
	if g.Relation != nil {
		words = append(words, "relation "+code(g.Relation.String()))
	}
	return words
}

func (a Action) markdownFurther() []string {
	var lines []string
	for _, line := range a.beyond() {
		lines = append(lines, markup.Replace(line))
	}
	for _, input := range a.Inputs {
		if input.Rules == "" {
			lines = append(lines, code(input.Field)+" is not validated")
		} else {
			lines = append(lines, code(input.Field)+" is validated: "+code(input.Rules))
		}
	}
	return lines
}

// markdownRoles writes which roles come with which.
func (c *Contract) markdownRoles(text *strings.Builder) {
	if len(c.Roles) == 0 {
		return
	}
	text.WriteString("\n## Roles\n\n| Role | Comes with |\n|---|---|\n")
	for _, role := range c.Roles {
		fmt.Fprintf(text, "| %s | %s |\n", markup.Replace(role.Name), markup.Replace(strings.Join(role.Includes, ", ")))
	}
}
