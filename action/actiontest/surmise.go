package actiontest

import (
	"context"

	"github.com/sallyport-rpc/sallyport/internal/condition"
)

// A surmise is what is known of a condition before there is a message.
type surmise uint8

const (
	never   surmise = iota // it is false of every message
	lacking                // it is absent of every message
	depends                // the message decides
	always                 // it is true of every message
)

func surmiseOf(holds bool) surmise {
	if holds {
		return always
	}
	return never
}

// joined is what is known of conditions together, of which one that decides is enough.
func joined(of []surmise, decides, nothing surmise) surmise {
	found := nothing
	for _, one := range of {
		switch {
		case one == decides || found == decides:
			found = decides
		case one == depends || found == depends:
			found = depends
		case one == lacking:
			found = lacking
		}
	}
	return found
}

func surmised(expression *condition.Expression, input *condition.Input) surmise {
	form, err := expression.Form()
	if err != nil {
		return never
	}
	return surmiseForm(form, input)
}

func surmiseForm(form *condition.Form, input *condition.Input) surmise {
	parts := make([]surmise, len(form.Forms))
	for i, part := range form.Forms {
		parts[i] = surmiseForm(part, input)
	}
	switch form.Kind {
	case condition.FormKnown:
		return surmiseTruth(form.Part, input)
	case condition.FormAnd:
		return joined(parts, never, always)
	case condition.FormOr:
		return joined(parts, always, never)
	case condition.FormNot:
		return map[surmise]surmise{never: always, always: never, lacking: lacking, depends: depends}[parts[0]]
	case condition.FormChoice:
		switch surmiseTruth(form.Part, input) {
		case always:
			return parts[0]
		case never:
			return parts[1]
		default:
			return lacking
		}
	case condition.FormAmong:
		if _, ok, err := form.Part.Values(context.Background(), input); err != nil || !ok {
			return lacking
		}
	case condition.FormEquals, condition.FormLess, condition.FormLessEquals, condition.FormGreater, condition.FormGreaterEquals, condition.FormContains:
		if _, ok, err := form.Part.Value(context.Background(), input); err != nil || !ok {
			return lacking
		}
	case condition.FormHas, condition.FormOther:
	}
	return depends
}

func surmiseTruth(part *condition.Part, input *condition.Input) surmise {
	truth, err := part.Truth(context.Background(), input)
	switch {
	case err != nil || truth == condition.Absent:
		return lacking
	case truth == condition.True:
		return always
	default:
		return never
	}
}
