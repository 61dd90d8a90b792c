package wire

import (
	"bytes"
	"encoding/json"
)

// A jsonWalk is one walk over a message in JSON. It is no parser: it accepts more
// than JSON, so that it never stops before a decoder does.
type jsonWalk struct {
	data  []byte
	at    int
	limit int
	cost  Cost
}

// space steps over white space and returns the byte after it, or 0 at the end.
func (w *jsonWalk) space() byte {
	for ; w.at < len(w.data); w.at++ {
		switch b := w.data[w.at]; b {
		case ' ', '\t', '\r', '\n':
		default:
			return b
		}
	}
	return 0
}

// add counts items. Beyond the limit the walk is over.
func (w *jsonWalk) add(items int, bytes int64) {
	w.cost.Items += items
	w.cost.Bytes += bytes
	if w.cost.Items > w.limit {
		w.stop()
	}
}

// stop ends the walk: a decoder comes no further, or there is too much already.
func (w *jsonWalk) stop() { w.at = len(w.data) }

// message counts what is in the value of a message.
func (w *jsonWalk) message(plan *plan, depth int) {
	if depth == 0 {
		w.stop()
		return
	}
	next, form := w.space(), plan.form
	if form == value {
		switch next {
		case '{':
			w.add(1, messageBytes+fieldBytes)
			form = fields
		case '[':
			w.add(1, messageBytes+fieldBytes)
			form = values
		default:
			form = scalar
		}
	}
	switch {
	case form == object && next == '{':
		w.object(plan, depth)
	case form == fields && next == '{':
		w.members(entryBytes, plan.inner(), depth)
	case form == values && next == '[':
		w.elements(pointerBytes, plan.inner(), depth)
	case form == mask && next == '"':
		text := w.text()
		items := bytes.Count(text, []byte{','}) + 1
		w.add(items, int64(items)*textBytes+int64(len(text)))
	case form == scalar && next != '{' && next != '[':
		w.atom()
	default:
		w.untyped()
	}
}

// inner returns the plan of google.protobuf.Value as it is found from the messages
// that hold it.
func (p *plan) inner() *plan {
	switch p.form {
	case fields: // map<string, Value> fields = 1
		return p.low[1].message
	case values: // repeated Value values = 1
		return p.low[1].message
	default: // Value itself
		return p
	}
}

// object counts what is in the fields of a message.
func (w *jsonWalk) object(plan *plan, depth int) {
	w.each('}', func() {
		name, known := w.name()
		field := plan.names[string(name)]
		switch {
		case field != nil:
			w.field(field, depth)
		case !known, len(name) > 0 && name[0] == '[':
			w.untyped() // an extension
		default:
			w.skip()
		}
	})
}

// field counts what is in the value of a field.
func (w *jsonWalk) field(field *field, depth int) {
	next := w.space()
	switch {
	case field.entries && next == '{':
		w.members(field.each, field.message, depth)
	case field.list && next == '[':
		w.elements(field.each, field.message, depth)
	case field.entries, field.list:
		w.untyped() // null, or an error
	case field.message != nil && next == 'n' && field.message.form != value:
		w.atom() // null is no message
	case field.message != nil:
		w.add(1, field.each+field.message.size)
		w.message(field.message, depth-1)
	default:
		w.atom()
	}
}

// members counts the entries of a map. Where the values are messages there is a
// plan.
func (w *jsonWalk) members(each int64, plan *plan, depth int) {
	w.each('}', func() {
		name, _ := w.name()
		w.add(1, each+int64(len(name)))
		if plan == nil {
			w.atom()
			return
		}
		w.add(1, plan.size)
		w.message(plan, depth-1)
	})
}

// elements counts the elements of a list. Where they are messages there is a plan.
func (w *jsonWalk) elements(each int64, plan *plan, depth int) {
	w.each(']', func() {
		w.add(1, each)
		if plan == nil {
			w.atom()
			return
		}
		w.cost.Bytes += plan.size
		w.message(plan, depth-1)
	})
}

// each calls do for each member of the object or list that begins here. What is no
// JSON is counted to the end of the data.
func (w *jsonWalk) each(end byte, do func()) {
	w.at++
	if w.space() == end {
		w.at++
		return
	}
	for {
		before := w.at
		do()
		switch w.space() {
		case ',':
			w.at++
		case end:
			w.at++
			return
		default:
			w.rest()
			return
		}
		if w.at <= before {
			w.rest()
			return
		}
	}
}

// name reads a name and the colon after it. It is not known where it is no JSON, or
// spelt in a way that only a decoder can read.
func (w *jsonWalk) name() (name []byte, known bool) {
	if w.space() != '"' {
		w.rest()
		return nil, false
	}
	name, known = w.text(), true
	if bytes.IndexByte(name, '\\') >= 0 {
		var text string
		quoted := append(append([]byte{'"'}, name...), '"')
		known = json.Unmarshal(quoted, &text) == nil
		name = []byte(text)
	}
	if w.space() != ':' {
		w.rest()
		return nil, false
	}
	w.at++
	return name, known
}

// text reads a string and returns what is between its quotes, still escaped.
func (w *jsonWalk) text() []byte {
	w.at++
	start := w.at
	for {
		n := bytes.IndexByte(w.data[w.at:], '"')
		if n < 0 {
			w.at = len(w.data)
			return w.data[start:]
		}
		quote := w.at + n
		w.at = quote + 1
		escapes := 0
		for quote-1-escapes >= start && w.data[quote-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return w.data[start:quote]
		}
	}
}

// literal steps over a number or a word.
func (w *jsonWalk) literal() {
	for start := w.at; w.at < len(w.data); w.at++ {
		switch w.data[w.at] {
		case ',', ':', '{', '}', '[', ']', '"', ' ', '\t', '\r', '\n':
			if w.at == start {
				w.at++ // something must go on
			}
			return
		}
	}
}

// atom steps over a value that makes nothing countable.
func (w *jsonWalk) atom() {
	switch w.space() {
	case '"':
		w.cost.Bytes += int64(len(w.text()))
	case '{', '[':
		w.untyped()
	case ',', ':', '}', ']', 0: // there is none
	default:
		w.literal()
	}
}

// skip steps over a value that a decoder throws away.
func (w *jsonWalk) skip() { w.span(false) }

// untyped counts a value of a type that is not known: as much as any type could make
// of it.
func (w *jsonWalk) untyped() { w.span(true) }

// rest counts all that is left as if its type were not known.
func (w *jsonWalk) rest() {
	for w.space() != 0 || w.at < len(w.data) {
		w.token(true)
	}
}

// span steps over one value, and counts it where asked to.
func (w *jsonWalk) span(count bool) {
	for open := 0; w.space() != 0 || w.at < len(w.data); {
		switch w.data[w.at] {
		case '{', '[':
			open++
			if open > perMessage*depthLimit {
				w.stop()
				return
			}
		case '}', ']':
			open--
			if open < 0 {
				return // it belongs to what is around
			}
		case ',', ':':
			if open == 0 {
				return
			}
		}
		w.token(count)
		if open == 0 {
			return
		}
	}
}

// perMessage is how many brackets a message takes that is in a list or a map.
const perMessage = 2

// What one token can make at most. An object in a google.protobuf.Struct makes an
// entry, its value and a Struct; a comma in one, an entry and its value; a comma in
// the text of a google.protobuf.FieldMask, a path.
const (
	perBracket = 3
	perComma   = 2
)

// token steps over one token, and counts it where asked to.
func (w *jsonWalk) token(count bool) {
	var items int
	switch w.data[w.at] {
	case '{', '[':
		w.at++
		items = perBracket
	case ',':
		w.at++
		items = perComma
	case '}', ']', ':':
		w.at++
	case '"':
		text := w.text()
		if count {
			w.cost.Bytes += int64(len(text))
			items = bytes.Count(text, []byte{','})
		}
	default:
		w.literal()
	}
	if count {
		w.add(items, int64(items)*entryBytes)
	}
}
