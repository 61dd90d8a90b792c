package review

import (
	"slices"

	"github.com/sallyport-rpc/sallyport/internal/declare"
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

// each compares which elements of its answers the caller may see. Grants that are not seen
// to be narrower or wider than others are not decided on, nor elements of another type.
func (c *comparison) each() {
	find := func(all []*declare.Each, name string) *declare.Each {
		if i := slices.IndexFunc(all, func(each *declare.Each) bool { return each.Name == name }); i >= 0 {
			return all[i]
		}
		return nil
	}
	for _, was := range c.old.Each {
		if find(c.now.Each, was.Name) == nil {
			c.addf("each-removed", Looser, "%s holds every element; each was seen by %s", was.Name, oneLine(was.Who()))
		}
	}
	for _, is := range c.now.Each {
		was := find(c.old.Each, is.Name)
		if was == nil {
			c.addf("each-given", Tighter, "each of %s is seen by %s alone", is.Name, oneLine(is.Who()))
			continue
		}
		wider, narrower := within(was.Grants, is.Grants), within(is.Grants, was.Grants)
		kind, judgement, text := "", Undecided, ""
		switch {
		case was.Item.FullName() != is.Item.FullName():
			kind, text = "each-undecided", ": its elements are of another type, and whether more of them are seen is not decided"
		case wider && narrower:
			continue
		case wider:
			kind, judgement = "each-looser", Looser
		case narrower:
			kind, judgement = "each-tighter", Tighter
		default:
			kind, text = "each-undecided", ": whether more elements are seen is not decided"
		}
		c.addf(kind, judgement, "each of %s is seen by %s, and was by %s%s", is.Name, oneLine(is.Who()), oneLine(was.Who()), text)
	}
}
