package prove

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/sallyport-rpc/sallyport/internal/prove/smt"
)

// A listUse is what conditions ask of a list.
type listUse struct {
	list *place
	// within are, for each condition that asks, the lists of the loops around it.
	within [][]*listUse
	sized  bool
	// each is how many values one element stands for: a role gives those that it includes.
	each  int
	bound int // -1 while it is counted
}

// use notes that a condition asks for an element of a list, within loops over others.
func (f *formula) use(list *place, loops []*listUse) *listUse {
	of := f.useOf(list)
	if f.counting {
		of.within = append(of.within, slices.Clone(loops))
	}
	return of
}

func (f *formula) useOf(list *place) *listUse {
	for _, known := range f.lists {
		if known.list == list {
			return known
		}
	}
	made := &listUse{list: list, each: 1}
	if list.name == "principal.roles" {
		made.each = 1 + max(len(f.rolesOf(0)), len(f.rolesOf(1)))
	}
	f.lists = append(f.lists, made)
	return made
}

// count says how many elements of each list matter, and makes those of lists of messages.
func (f *formula) count() error {
	f.counting = false
	for _, of := range f.lists {
		if _, ok := of.counted(); !ok {
			return outside(RuleNested, of.list.name)
		}
	}
	clear(f.known)
	for _, of := range f.lists {
		of.bound = max(of.bound, f.least)
		if of.list.most = of.bound; of.list.kind == records {
			of.list.newElements()
		}
	}
	return nil
}

// counted is how many elements of the list matter. ok is false where they are too many,
// such as where each of two lists is looked for in the other.
func (u *listUse) counted() (count int, ok bool) {
	if u.bound != 0 {
		return u.bound, u.bound > 0
	}
	u.bound = -1
	for _, loops := range u.within {
		times := 1
		for _, around := range loops {
			of, ok := around.counted()
			if times *= of * around.each; !ok || times > maxElements {
				return 0, false
			}
		}
		count += times
	}
	if u.sized {
		count = max(count, 1)
	}
	if u.bound = max(count, 1); u.bound > maxElements {
		return 0, false
	}
	return u.bound, true
}

// items are the elements of a list that matter. While it is counted it has one, so that
// what is asked of an element is looked at.
func (f *formula) items(list *place) []item {
	if known, ok := f.known[list]; ok {
		return known
	}
	count := list.most
	if f.counting {
		count = 1
	}
	made := make([]item, count)
	for i := range made {
		name := fmt.Sprintf("%s[%d]", list.name, i)
		made[i].present = f.variable(name+"?", smt.Bool)
		switch {
		case list.kind == set:
			made[i].value = f.variable(name, smtSort(list.class.whole().sort))
		case f.counting:
			made[i].element = list
		default:
			made[i].element = list.elements[i]
		}
	}
	f.known[list] = made
	return made
}

// size is how many elements a list has.
func (f *formula) size(list *place) *smt.Term { return f.variable("size of "+list.name, smt.Int) }

func smtSort(of sort) smt.Sort {
	switch of {
	case ofString:
		return smt.String
	case ofBool:
		return smt.Bool
	default:
		return smt.Int
	}
}

// rolesOf has, for each role that a side knows and that others include, those others.
func (f *formula) rolesOf(side int) map[string][]string {
	if f.giving[side] == nil {
		f.giving[side] = map[string][]string{}
		for _, role := range f.sides[side].roles() {
			if giving := f.sides[side].giving(role); len(giving) > 1 {
				f.giving[side][role] = giving[1:]
			}
		}
	}
	return f.giving[side]
}

// effective are the roles that a principal has, with those that its own include.
func (f *formula) effective(side int, own []item) []item {
	made := slices.Clone(own)
	giving := f.rolesOf(side)
	names := make([]string, 0, len(giving))
	for role := range giving {
		names = append(names, role)
	}
	slices.SortFunc(names, cmp.Compare)
	for _, role := range names {
		made = append(made, item{present: isAmong(own, texted(giving[role])), value: smt.Text(role)})
	}
	return made
}
