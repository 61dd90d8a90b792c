package review

import (
	"context"
	"fmt"
	"slices"

	"github.com/sallyport-rpc/sallyport/internal/condition"
	"github.com/sallyport-rpc/sallyport/internal/declare"
	"github.com/sallyport-rpc/sallyport/internal/prove"
)

// An Each is which elements of what an action answers its caller may see.
type Each struct {
	// Name is the field of the response: "documents".
	Name string `json:"name"`
	// Item is the full name of the elements' message.
	Item string `json:"item"`
	// Grants are the ways in which an element may be seen.
	Grants []Grant `json:"grants"`
	// Total is the field that counts them, or "".
	Total string `json:"total,omitempty"`

	who string
}

func eachOf(declared *declare.Each, total string) Each {
	each := Each{Name: declared.Name, Item: string(declared.Item.FullName()), Total: total, who: oneLine(declared.Who())}
	for _, grant := range declared.Grants {
		each.Grants = append(each.Grants, grantOf(grant))
	}
	return each
}

// String says which elements are seen.
func (e Each) String() string {
	text := "each of " + e.Name + " is seen by " + e.who
	if e.Total != "" {
		text += ", and counted by " + e.Total
	}
	return text
}

// each compares which elements of its answers the caller may see, by what the rules hold of.
func (c *comparison) each(ctx context.Context, prover *prove.Prover) error {
	find := func(all []*declare.Each, name string) *declare.Each {
		if i := slices.IndexFunc(all, func(each *declare.Each) bool { return each.Name == name }); i >= 0 {
			return all[i]
		}
		return nil
	}
	for _, was := range c.old.Each {
		if find(c.now.Each, was.Name) == nil {
			c.addf("each-removed", Looser, "every element of %s is seen; each was seen by %s", was.Name, oneLine(was.Who()))
		}
	}
	for _, is := range c.now.Each {
		was := find(c.old.Each, is.Name)
		if was == nil {
			c.addf("each-given", Tighter, "each of %s is seen by %s alone", is.Name, oneLine(is.Who()))
			continue
		}
		if err := c.judgeEach(ctx, prover, was, is); err != nil {
			return err
		}
	}
	return nil
}

// judgeEach says what a change does to which elements are seen.
func (c *comparison) judgeEach(ctx context.Context, prover *prove.Prover, was, is *declare.Each) error {
	compared, err := prover.CompareRules(ctx, elementRule(was, c.old), elementRule(is, c.now))
	if err != nil {
		return fmt.Errorf("each %s: %w", is.Name, err)
	}
	change := Change{Subject: c.subject, Method: c.now.Method}
	if !judge(&change, "each", compared) {
		return nil
	}
	change.Text = fmt.Sprintf("each of %s is seen by %s, and was by %s", is.Name, oneLine(is.Who()), oneLine(was.Who()))
	if change.Judgement == Undecided {
		change.Text += ": whether more elements are seen is not decided"
		because(&change, compared.Reason)
	}
	c.changes = append(c.changes, change)
	return nil
}

// elementRule is which elements of an action's answers are seen, as prove takes it.
func elementRule(each *declare.Each, within *declare.Declaration) prove.Rule {
	return prove.Rule{
		Name:    within.Procedure + " each " + each.Name,
		Subject: condition.Subject{Name: condition.ItemName, Type: each.Item},
		Grants:  each.Grants, Within: within, OfRequest: true,
	}
}
